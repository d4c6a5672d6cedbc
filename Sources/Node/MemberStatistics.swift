// SPDX-License-Identifier: Apache-2.0

/// What a member has measured since its start.
package struct MemberStatistics: Sendable {
    /// Writes and syncs of the log.
    package internal(set) var syncs = DurationHistogram()
    /// Checkpoints, from their encoding to the sync of the tables.
    package internal(set) var checkpoints = DurationHistogram()
    /// Of the tables' file, as of the last checkpoint; nil in memory, and until it was first looked at.
    package internal(set) var tables: TablesSize?
}

/// How much room the tables' file takes.
package struct TablesSize: Hashable, Sendable {
    /// On disk.
    package var fileBytes: Int
    /// Of its pages that hold something; the others wait for later writes, or for a rewrite.
    package var liveBytes: Int
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
