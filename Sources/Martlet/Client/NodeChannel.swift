// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import NIOCore
internal import Synchronization

/// One node and the multiplexed connection to it.
///
/// A node that could not be reached is skipped for a while: 100 ms after the first failure, twice as long after each
/// further one, never more than 5 s. Calls that are under way hold the channel; the connection closes with the last.
final class NodeChannel: Sendable {
    let node: NodeRecord
    let version: String
    let wire: WireClient

    /// When the node may be chosen again, in nanoseconds of `NIODeadline`; 0 while it isn't skipped.
    private let skippedUntil = Atomic<UInt64>(0)
    private let failures = Atomic<Int>(0)

    /// The first pause after a failed connect, short: most nodes that refuse are about to restart.
    static let firstPause = TimeAmount.milliseconds(100)
    /// The longest pause, the interval at which registrations are refreshed.
    static let longestPause = TimeAmount.seconds(5)

    /// The pause has long reached its limit after so many doublings; more would only overflow.
    private static let maximumDoublings = 10

    init(node: NodeRecord, version: String, wire: WireClient) {
        self.node = node
        self.version = version
        self.wire = wire
    }

    deinit {
        let wire = self.wire
        Task { await wire.close() }
    }

    /// Whether the node is skipped now. Costs one load while the node is well.
    var isSkipped: Bool {
        let until = self.skippedUntil.load(ordering: .relaxed)
        return until != 0 && until > NIODeadline.now().uptimeNanoseconds
    }

    func connectFailed() {
        // Calls that waited for the same attempt fail together: one failure, not many.
        guard !self.isSkipped else { return }
        let failures = self.failures.add(1, ordering: .relaxed).newValue
        let doubled = Self.firstPause.nanoseconds << Int64(min(failures - 1, Self.maximumDoublings))
        // A fifth of jitter keeps clients that saw the node die together from coming back together.
        let pause = min(doubled, Self.longestPause.nanoseconds) * Int64.random(in: 80...120) / 100
        self.skippedUntil.store((.now() + .nanoseconds(pause)).uptimeNanoseconds, ordering: .relaxed)
    }

    func answered() {
        guard self.skippedUntil.load(ordering: .relaxed) != 0 else { return }
        self.skippedUntil.store(0, ordering: .relaxed)
        self.failures.store(0, ordering: .relaxed)
    }
}
