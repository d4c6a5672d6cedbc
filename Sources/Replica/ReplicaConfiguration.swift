// SPDX-License-Identifier: Apache-2.0

package import MartletKeyValue
import MartletKeyspace
package import MartletRaft

package struct ReplicaConfiguration: Sendable {
    package var member: MemberID
    /// What is published once the member leads.
    package var name: String
    package var clientURLs: [String]
    /// For the first entry of a new cluster.
    package var peerURLs: [String]
    /// How a member without a past begins.
    package var beginning = Beginning.alone
    /// This server's, of which a cluster gets the lowest of its members.
    package var clusterVersion = "3.6.0"
    /// The highest format of records that this server reads.
    package var recordFormat = KeyspaceRecord.Format.latest.rawValue
    package var store = KeyValueStore.Configuration()
    /// What `KeyValueStore.liveBytes` may come to (etcd's default); `nil`: no limit.
    package var quotaBytes: Int? = 2 << 30
    /// What Redis's databases may take in memory, about; `nil`: as much as there is room for. Shapes what is proposed,
    /// not what is applied.
    package var keyspaceQuotaBytes: Int?
    /// What blocks of streams may take in memory; those that are in a checkpoint and not wanted leave it. `nil`: all
    /// stay. Shows in nothing but memory and time; the member needs tables that it can read again.
    package var streamMemoryBytes: Int?

    /// Uncheckpointed bytes that call for a checkpoint. They are in memory up to three times while it is written: as
    /// state, encoded, and as LMDB's pages; so where streams have only so much, it is a part of that.
    var checkpointBytes: Int {
        min(limits.checkpointBytes, streamMemoryBytes.map { max($0 / 4, Self.leastCheckpointBytes) } ?? .max)
    }

    private static let leastCheckpointBytes = 4 << 20
    package var raft = RaftSettings()
    package var limits = ReplicaLimits()
    /// For the members' clocks of elections.
    package var seed: UInt64
    /// Between two checkpoints, unless `ReplicaLimits.checkpointBytes` are reached before.
    package var checkpointInterval = Duration.seconds(1)
    /// How often due leases are looked for (etcd's value).
    package var leaseScanInterval = Duration.milliseconds(500)
    /// How soon a due lease is offered again when its revocation was lost (etcd's value).
    package var leaseRetry = Duration.seconds(3)
    /// What every lease gets on top when this member begins to count time: the time in which nobody counted.
    package var leaseGrace = Duration.seconds(1)

    /// How often the log is told what is left of leases with longer terms than this, so that a restart does not begin
    /// them anew (etcd's value); `nil`: never.
    package var leaseNoteInterval: Duration? = .seconds(300)

    /// Whoever waits longer is told so: 5 seconds and two election timeouts (etcd's value). Not in a cluster of one
    /// voter: it waits for its own disk alone.
    package var requestTicks = 70
    /// When a question to the leader is asked again (etcd's value).
    package var readRetryTicks = 5
    /// Changes of the voters are refused where they could leave too few that are there (etcd's
    /// `--strict-reconfig-check`).
    package var isStrictAboutMembers = true
    /// For so long a member must have been heard to count as there (etcd's value).
    package var healthTicks = 50
    /// etcd's `--max-learners`.
    package var learnersMax = 1

    /// How a member without a past begins.
    package enum Beginning: Sendable {
        /// As the only one of a new cluster.
        case alone
        /// Of a new cluster, together with others that are given the same list, itself in it. At least two.
        case together([MemberContext])
        /// In a cluster that is there, and was told of it: all that it needs comes from the leader.
        case joining
    }

    package init(member: MemberID, name: String, clientURLs: [String], peerURLs: [String], seed: UInt64) {
        self.member = member
        self.name = name
        self.clientURLs = clientURLs
        self.peerURLs = peerURLs
        self.seed = seed
    }
}

package struct ReplicaLimits: Sendable {
    /// Writes that wait for their answer (etcd refuses when commits are as far ahead of what is applied).
    package var pendingWritesMax = 5000
    /// Bytes of their records. Half of what a log writer's queue and Raft take, so that neither ever refuses.
    package var pendingBytesMax = 32 << 20
    /// One record (etcd's `--max-request-bytes`).
    package var requestBytesMax = 1_572_864
    /// Operations in a list of a transaction, counted with the lists around it (etcd's `--max-txn-ops`). Asked where a
    /// transaction enters: what is in the log is bounded by `KeyValueStore.maximumAppliedOperations` alone, so that
    /// members may differ.
    package var transactionOperationsMax = 128
    /// Linearizable reads that wait.
    package var pendingReadsMax = 1 << 16
    /// A checkpoint begins when it has this much to bring, whatever the time.
    package var checkpointBytes = 64 << 20
    /// Changes that no checkpoint holds are in memory alone: above this writes are refused.
    package var uncheckpointedBytesMax = 256 << 20
    /// Entries applied in one step: a put takes one or two microseconds, and no step may hold the loop for more than a
    /// millisecond.
    package var entriesPerStep = 256
    /// Bytes of entries applied in one step, but for its last: copying takes a quarter of a nanosecond a byte.
    package var bytesPerStep = 1 << 20
    /// Changes looked at by one step of removing compacted versions; each takes about a microsecond.
    package var reclaimedPerStep = 500
    /// Leases revoked by one scan (etcd's value); what remains is taken when these are gone.
    package var leasesPerScan = 500
    /// Leases looked at by one scan for what is left of them, and so remainders in one record (etcd's value).
    package var leaseNotesPerScan = 1000
    /// Bytes of blocks that are ordered at once: some pieces of long ranges, so that however many clients read those,
    /// what comes back takes little beside the blocks that stay. What other commands read comes whole.
    package var loadingBytesMax = 8 << 20
    /// Bytes of blocks that one command may have loaded that isn't read in pieces: as much as four of the largest
    /// requests. Above it, it is told to ask for less at a time.
    package var readBlockBytesMax = 64 << 20
    /// How often blocks are ordered again that come back otherwise than they left: what is read a moment too late or
    /// too soon is another image, and the next one is right.
    package var loadAttemptsMax = 3
    /// Compactions that wait for the removal of what they compacted. They are looked at with every step.
    package var physicalCompactionsMax = 64
    /// Changes of the members that wait for the one before them.
    package var pendingChangesMax = 16
    /// Entries that are in a checkpoint but kept for members that lag a little (etcd's value). Not in a cluster of one.
    package var keptEntries = 5000
    /// Bytes of such entries, however few they are; and as long as a member lacks them, however many. A member that
    /// lags behind more than this gets a whole state.
    package var keptBytes = 256 << 20

    package init() {}
}
