// SPDX-License-Identifier: Apache-2.0

/// Counts of durations in nanoseconds, in buckets no wider than a 64th of what they hold.
///
/// A duration below 128 ns has a bucket of its own; above, each power of two is split into 64.
struct LatencyHistogram: Sendable {
    private static let splitBits = 6
    private var counts = [UInt32](repeating: 0, count: 64 << Self.splitBits)
    private(set) var count = 0

    mutating func add(_ nanoseconds: UInt64) {
        self.counts[Self.bucket(nanoseconds)] += 1
        self.count += 1
    }

    mutating func merge(_ other: LatencyHistogram) {
        for bucket in self.counts.indices { self.counts[bucket] += other.counts[bucket] }
        self.count += other.count
    }

    /// The duration that this part of all did not exceed, in microseconds; 0 of none.
    func microseconds(at part: Double) -> Double {
        var rest = Int((Double(self.count) * part).rounded(.up))
        for (bucket, count) in self.counts.enumerated() where count > 0 {
            rest -= Int(count)
            if rest <= 0 { return Double(Self.top(bucket)) / 1e3 }
        }
        return 0
    }

    private static func bucket(_ value: UInt64) -> Int {
        let magnitude = 63 - (value | 1).leadingZeroBitCount
        let shift = magnitude - Self.splitBits
        guard shift > 0 else { return Int(value) }
        // The bits behind the highest: the highest itself counts as one more power.
        return shift << Self.splitBits + Int(value >> UInt64(shift))
    }

    /// The largest value of a bucket.
    private static func top(_ bucket: Int) -> UInt64 {
        let shift = bucket >> Self.splitBits - 1
        guard shift > 0 else { return UInt64(bucket) }
        let leading = UInt64(bucket - shift << Self.splitBits)
        return (leading + 1) << UInt64(shift) - 1
    }
}
