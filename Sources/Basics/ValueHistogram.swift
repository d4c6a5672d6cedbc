// SPDX-License-Identifier: Apache-2.0

/// How often values fell between given bounds.
public struct ValueHistogram: Hashable, Sendable {
    /// The upper ends of the buckets, ascending; each is part of its bucket. What lies above the last has none.
    public let bounds: [Double]
    /// Observations up to each bound and above the one before.
    public private(set) var counts: [UInt64]
    public private(set) var count: UInt64 = 0
    public private(set) var sum = 0.0

    public init(bounds: [Double]) {
        self.bounds = bounds
        counts = [UInt64](repeating: 0, count: bounds.count)
    }

    /// Bounds that double from `first` on.
    public init(from first: Double, bucketCount: Int) {
        var bound = first
        var bounds = [bound]
        for _ in 1..<bucketCount {
            bound *= 2
            bounds.append(bound)
        }
        self.init(bounds: bounds)
    }

    /// Complexity: O(buckets).
    public mutating func add(_ value: Double) {
        count += 1
        sum += value
        if let bucket = bounds.firstIndex(where: { value <= $0 }) { counts[bucket] += 1 }
    }

    /// Adds the observations of a histogram with the same bounds.
    public mutating func add(_ other: ValueHistogram) {
        precondition(bounds == other.bounds, "histograms with other bounds")
        for bucket in counts.indices { counts[bucket] += other.counts[bucket] }
        count += other.count
        sum += other.sum
    }
}

extension ValueHistogram {
    /// In seconds.
    public mutating func add(_ duration: Duration) { add(duration / .seconds(1)) }
}
