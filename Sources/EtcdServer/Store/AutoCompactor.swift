// SPDX-License-Identifier: Apache-2.0

/// When to compact, and to which revision, without being asked. Source: etcd v3compactor.
package struct AutoCompactor: Sendable {
    package enum Mode: Hashable, Sendable {
        /// What is older goes.
        case periodic(Duration)
        /// So many revisions stay.
        case revision(Int64)
    }

    /// How often `tick` is due.
    package let interval: Duration
    private let mode: Mode
    /// One a tick, oldest first.
    private var revisions: [Int64] = []
    private let keptCount: Int
    private var ticksUntilNext: Int
    private let ticksBetween: Int
    private var last: Int64 = 0

    /// Looks within an interval between two compactions.
    private static let looks = 10

    package init(_ mode: Mode) {
        self.mode = mode
        switch mode {
        case .revision:
            interval = .seconds(300)
            (keptCount, ticksUntilNext, ticksBetween) = (1, 1, 1)
        case .periodic(let period):
            // Long periods are kept to the hour.
            interval = min(period, .seconds(3600)) / Self.looks
            keptCount = Int((period / interval).rounded()) + 1
            ticksUntilNext = keptCount
            ticksBetween = Self.looks
        }
    }

    /// - Returns: the revision to compact at, if it is time and something has changed since the last one.
    package mutating func tick(revision: Int64) -> Int64? {
        revisions.append(revision)
        if revisions.count > keptCount { revisions.removeFirst() }
        ticksUntilNext -= 1
        guard ticksUntilNext <= 0, let oldest = revisions.first else { return nil }
        ticksUntilNext = ticksBetween
        let wanted: Int64
        switch mode {
        case .periodic: wanted = oldest
        case .revision(let kept): wanted = revision - kept
        }
        guard wanted > 0, wanted != last else { return nil }
        last = wanted
        return wanted
    }
}
