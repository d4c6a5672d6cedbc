// SPDX-License-Identifier: Apache-2.0

/// What a member has measured since its start.
package struct MemberStatistics: Sendable {
    /// Writes and syncs of the log.
    package internal(set) var syncs = DurationHistogram()
    /// Checkpoints, from their encoding to the sync of the tables.
    package internal(set) var checkpoints = DurationHistogram()
}

/// How long something took, counted in buckets as etcd's: each up to twice the one before, from 1 ms on.
package struct DurationHistogram: Sendable {
    package static let bucketCount = 14
    /// The upper ends of the buckets in seconds.
    package static let bounds: [Double] = (0..<bucketCount).map { 0.001 * Double(1 << $0) }

    /// Observations up to each bound and above the one before.
    package private(set) var counts = [UInt64](repeating: 0, count: bucketCount)
    package private(set) var count: UInt64 = 0
    package private(set) var sumSeconds = 0.0

    mutating func add(_ duration: Duration) {
        let seconds = duration / .seconds(1)
        count += 1
        sumSeconds += seconds
        if let bucket = Self.bounds.firstIndex(where: { seconds <= $0 }) { counts[bucket] += 1 }
    }
}
