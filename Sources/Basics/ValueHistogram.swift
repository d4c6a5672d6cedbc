// SPDX-License-Identifier: Apache-2.0

/// How often values fell between given bounds.
package struct ValueHistogram: Hashable, Sendable {
    /// The upper ends of the buckets, ascending; each is part of its bucket. What lies above the last has none.
    package let bounds: [Double]
    /// Observations up to each bound and above the one before.
    package private(set) var counts: [UInt64]
    package private(set) var count: UInt64 = 0
    package private(set) var sum = 0.0

    package init(bounds: [Double]) {
        self.bounds = bounds
        counts = [UInt64](repeating: 0, count: bounds.count)
    }

    /// Bounds that double from `first` on.
    package init(from first: Double, bucketCount: Int) {
        var bound = first
        var bounds = [bound]
        for _ in 1..<bucketCount {
            bound *= 2
            bounds.append(bound)
        }
        self.init(bounds: bounds)
    }

    /// Complexity: O(buckets).
    package mutating func add(_ value: Double) {
        count += 1
        sum += value
        if let bucket = bounds.firstIndex(where: { value <= $0 }) { counts[bucket] += 1 }
    }

    /// Adds the observations of a histogram with the same bounds.
    package mutating func add(_ other: ValueHistogram) {
        precondition(bounds == other.bounds, "histograms with other bounds")
        for bucket in counts.indices { counts[bucket] += other.counts[bucket] }
        count += other.count
        sum += other.sum
    }
}

extension ValueHistogram {
    /// In seconds.
    package mutating func add(_ duration: Duration) { add(duration / .seconds(1)) }
}
