// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What the network between members does at the moment, by ordered pairs of their names.
///
/// A rule is about bytes, not about connections: what `from` says to `to` on any connection between them, whoever
/// opened it.
package final class FaultWires: Sendable {
    package enum Rule: Sendable, Equatable {
        case pass
        /// Nothing arrives, and no connection breaks; what was said arrives once this is over.
        case stall
        /// Connections break, and new ones with them.
        case cut
        /// Everything comes this much later, and at most so much a second.
        case slow(delay: Duration, bytesPerSecond: Int)
    }

    package struct Pair: Hashable, Sendable {
        package var from: String
        package var to: String

        package init(from: String, to: String) { (self.from, self.to) = (from, to) }
    }

    private let rules = Mutex<[Pair: Rule]>([:])
    /// Connections that could not be made, by reason: for whoever wonders why members don't meet.
    private let failures = Mutex<[String: Int]>([:])

    package init() {}

    /// - Parameters:
    ///   - from: `nil` for a process that nobody knows; its bytes arrive.
    package func rule(from: String?, to: String?) -> Rule {
        guard let from, let to else { return .pass }
        return rules.withLock { $0[Pair(from: from, to: to)] ?? .pass }
    }

    /// Every pair that isn't named passes.
    package func set(_ new: [Pair: Rule]) { rules.withLock { $0 = new } }

    package func heal() { set([:]) }

    func noteFailure(_ reason: String) { failures.withLock { $0[reason, default: 0] += 1 } }

    var failureText: String {
        let all = failures.withLock { $0 }.sorted { $0.key < $1.key }
        return all.map { "\($0.value) times \($0.key)" }.joined(separator: ", ")
    }
}
