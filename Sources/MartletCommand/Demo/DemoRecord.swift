// SPDX-License-Identifier: Apache-2.0

/// What happened in a demonstration, as far as its claims are about it.
package struct DemoRecord: Sendable, Equatable {
    package struct Call: Sendable, Equatable {
        package var number: Int
        /// Which Greeter answered; nil for an error.
        package var node: String?
        package var microseconds: UInt64

        package init(number: Int, node: String?, microseconds: UInt64) {
            self.number = number
            self.node = node
            self.microseconds = microseconds
        }
    }

    /// In the order of their ends.
    package var calls: [Call] = []
    package var firstError: String?
    /// The call that was in flight at ``victim`` when the signal was sent.
    package var killedCall: Int?
    /// Whether the victim's handler got to the end of that call after all.
    package var didKilledCallEnd = false
    /// How many nodes the registry had, one entry a change.
    package var registryCounts: [Int] = []
    /// What was still there after the end.
    package var leftovers: [String] = []

    /// The Greeter that is killed and comes back.
    package static let victim = "B"
    package static let survivor = "A"

    package init() {}

    package var errorCount: Int { calls.count { $0.node == nil } }

    /// The calls from when both Greeters had answered to the one that was killed.
    package var callsBefore: [Call] {
        let sorted = calls.sorted { $0.number < $1.number }
        var seen: Set<String> = []
        guard
            let start = sorted.first(where: { call in
                call.node.map { _ = seen.insert($0) }
                return seen.isSuperset(of: [Self.survivor, Self.victim])
            })
        else { return [] }
        return sorted.filter { $0.number >= start.number && $0.number < killedCall ?? .max }
    }

    /// The calls while only one Greeter was there, the killed one first.
    package var callsWithout: [Call] {
        guard let killedCall else { return [] }
        return calls.filter { $0.number >= killedCall && $0.number < firstCallOfReturned ?? .max }
    }

    /// The calls after the first answer of the Greeter that came back.
    package var callsAfter: [Call] {
        guard let first = firstCallOfReturned else { return [] }
        return calls.filter { $0.number > first }
    }

    private var firstCallOfReturned: Int? {
        guard let killedCall else { return nil }
        return calls.filter { $0.number > killedCall && $0.node == Self.victim }.map(\.number).min()
    }
}
