// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What one thread of a mixed load has seen.
struct MixedOutput: Sendable {
    var calls = 0
    var latencies = LatencyHistogram()
    /// When the last call was answered.
    var ended: UInt64 = 0
    var delivered = 0
    var deliveries = LatencyHistogram()

    mutating func merge(_ other: MixedOutput) {
        self.calls += other.calls
        self.latencies.merge(other.latencies)
        self.ended = max(self.ended, other.ended)
        self.delivered += other.delivered
        self.deliveries.merge(other.deliveries)
    }
}

/// A number that threads share.
final class Total: Sendable {
    let count: Atomic<Int>

    init(_ count: Int = 0) {
        self.count = Atomic(count)
    }
}
