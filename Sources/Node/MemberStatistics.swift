// SPDX-License-Identifier: Apache-2.0

package import MartletBasics

/// What a member has measured since its start. Bounds are etcd's where etcd measures the same.
package struct MemberStatistics: Sendable {
    // Each batch of the log, in seconds
    package internal(set) var logWrites = ValueHistogram(from: 0.001, bucketCount: 14)
    package internal(set) var logSyncs = ValueHistogram(from: 0.001, bucketCount: 14)
    package internal(set) var logBytes: UInt64 = 0

    // Each checkpoint, in seconds
    /// From its encoding to the sync of the tables.
    package internal(set) var checkpoints = ValueHistogram(from: 0.001, bucketCount: 14)
    package internal(set) var checkpointEncodings = ValueHistogram(from: 0.001, bucketCount: 14)
    /// The transaction that writes it to the tables, with its sync.
    package internal(set) var checkpointCommits = ValueHistogram(from: 0.001, bucketCount: 14)
    /// The tables' file made anew without free pages.
    package internal(set) var rewrites = ValueHistogram(from: 0.1, bucketCount: 13)
    package internal(set) var isRewriting = false
    /// Snapshots from the request to the end of their reading.
    package internal(set) var snapshots = ValueHistogram(from: 0.01, bucketCount: 17)

    // Compactions, in milliseconds
    /// From the compaction to the removal of the last version.
    package internal(set) var compactions = ValueHistogram(from: 100, bucketCount: 14)
    /// Each step of removal: others wait for so long.
    package internal(set) var compactionPauses = ValueHistogram(from: 1, bucketCount: 13)
    /// When the last one was done, in seconds since 1970; 0 before the first.
    package internal(set) var lastCompactionSeconds: UInt64 = 0

    /// Writes whose outcome is not known yet.
    package internal(set) var pendingWrites = 0
    /// Steps of the replica above `MemberConfiguration.slowStep`.
    package internal(set) var slowSteps: UInt64 = 0
    /// How often a leader was found.
    package internal(set) var leaderChanges: UInt64 = 0
    /// Reads that found no leader to confirm them.
    package internal(set) var failedReads: UInt64 = 0

    /// Of the tables' file, as of the last checkpoint; nil in memory, and until it was first looked at.
    package internal(set) var tables: TablesSize?

    package init() {}
}

/// Follows compactions from step to step.
struct CompactionProgress {
    private var revision: Int64
    private var start: ContinuousClock.Instant?

    init(revision: Int64) {
        self.revision = revision
    }

    /// After each step of the replica.
    ///
    /// - Parameter took: how long the step took.
    /// - Complexity: O(1).
    mutating func note(
        compactRevision: Int64, isReclaiming: Bool, isWork: Bool, took: Duration, in statistics: inout MemberStatistics
    ) {
        if compactRevision != revision {
            revision = compactRevision
            if start == nil { start = ContinuousClock.now - took }
        }
        guard let start else { return }
        if isWork { statistics.compactionPauses.add(took / .milliseconds(1)) }
        guard !isReclaiming else { return }
        statistics.compactions.add((ContinuousClock.now - start) / .milliseconds(1))
        statistics.lastCompactionSeconds = Member.wallMilliseconds() / 1000
        self.start = nil
    }
}

/// How much room the tables' file takes.
package struct TablesSize: Hashable, Sendable {
    /// On disk.
    package var fileBytes: Int
    /// Of its pages that hold something; the others wait for later writes, or for a rewrite.
    package var liveBytes: Int
}
