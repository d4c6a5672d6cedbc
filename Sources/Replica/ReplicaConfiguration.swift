// SPDX-License-Identifier: Apache-2.0

public import MartletKeyValue
import MartletKeyspace
public import MartletRaft

public struct ReplicaConfiguration: Sendable {
    public var member: MemberID
    /// What is published once the member leads.
    public var name: String
    public var clientURLs: [String]
    /// For the first entry of a new cluster.
    public var peerURLs: [String]
    /// How a member without a past begins.
    public var beginning = Beginning.alone
    /// This server's, of which a cluster gets the lowest of its members.
    public var clusterVersion = "3.6.0"
    /// The highest format of records that this server reads.
    public var recordFormat = KeyspaceRecord.Format.latest.rawValue
    public var store = KeyValueStore.Configuration()
    /// What `KeyValueStore.liveBytes` may come to (etcd's default); `nil`: no limit.
    public var quotaBytes: Int? = 2 << 30
    /// What Redis's databases may take in memory, about; `nil`: as much as there is room for. Shapes what is proposed,
    /// not what is applied.
    public var keyspaceQuotaBytes: Int?
    /// What blocks of streams may take in memory; those that are in a checkpoint and not wanted leave it. `nil`: all
    /// stay. Shows in nothing but memory and time; the member needs tables that it can read again.
    public var streamMemoryBytes: Int?

    /// Uncheckpointed bytes that call for a checkpoint. They are in memory up to three times while it is written: as
    /// state, encoded, and as LMDB's pages; so where streams have only so much, it is a part of that.
    var checkpointBytes: Int {
        min(limits.checkpointBytes, streamMemoryBytes.map { max($0 / 4, Self.leastCheckpointBytes) } ?? .max)
    }

    private static let leastCheckpointBytes = 4 << 20
    public var raft = RaftSettings()
    public var limits = ReplicaLimits()
    /// For the members' clocks of elections.
    public var seed: UInt64
    /// Between two checkpoints, unless `ReplicaLimits.checkpointBytes` are reached before.
    public var checkpointInterval = Duration.seconds(1)
    /// How often due leases are looked for (etcd's value).
    public var leaseScanInterval = Duration.milliseconds(500)
    /// How soon a due lease is offered again when its revocation was lost (etcd's value).
    public var leaseRetry = Duration.seconds(3)
    /// What every lease gets on top when this member begins to count time: the time in which nobody counted.
    public var leaseGrace = Duration.seconds(1)

    /// How often the log is told what is left of leases with longer terms than this, so that a restart does not begin
    /// them anew (etcd's value); `nil`: never.
    public var leaseNoteInterval: Duration? = .seconds(300)

    /// Whoever waits longer is told so: 5 seconds and two election timeouts (etcd's value). Not in a cluster of one
    /// voter: it waits for its own disk alone.
    public var requestTicks = 70
    /// When a question to the leader is asked again (etcd's value).
    public var readRetryTicks = 5
    /// How far the wall clock may be from the members' median: a machine's whose time is kept is not, but for a leap
    /// second that others smear (and etcd warns of a peer's clock from here on). Beyond it stamps are held back.
    public var clockErrorMax = Duration.seconds(1)
    /// Between two questions for the members' clocks, once those of a majority are known.
    public var clockTicks = 10
    /// What was learnt of a clock holds for so many ticks: ten questions may be lost. Meanwhile it is counted on by the
    /// monotonic clock, which errs by about a millisecond.
    public var clockReadingTicks = 100
    /// Changes of the voters are refused where they could leave too few that are there (etcd's
    /// `--strict-reconfig-check`).
    public var isStrictAboutMembers = true
    /// For so long a member must have been heard to count as there (etcd's value).
    public var healthTicks = 50
    /// etcd's `--max-learners`.
    public var learnersMax = 1

    /// How a member without a past begins.
    public enum Beginning: Sendable {
        /// As the only one of a new cluster.
        case alone
        /// Of a new cluster, together with others that are given the same list, itself in it. At least two.
        case together([MemberContext])
        /// In a cluster that is there, and was told of it: all that it needs comes from the leader.
        case joining
    }

    public init(member: MemberID, name: String, clientURLs: [String], peerURLs: [String], seed: UInt64) {
        self.member = member
        self.name = name
        self.clientURLs = clientURLs
        self.peerURLs = peerURLs
        self.seed = seed
    }
}

public struct ReplicaLimits: Sendable {
    /// Writes that wait for their answer (etcd refuses when commits are as far ahead of what is applied).
    public var pendingWritesMax = 5000
    /// Bytes of their records. Half of what a log writer's queue and Raft take, so that neither ever refuses.
    public var pendingBytesMax = 32 << 20
    /// One record (etcd's `--max-request-bytes`).
    public var requestBytesMax = 1_572_864
    /// Operations in a list of a transaction, counted with the lists around it (etcd's `--max-txn-ops`). Asked where a
    /// transaction enters: what is in the log is bounded by `KeyValueStore.maximumAppliedOperations` alone, so that
    /// members may differ.
    public var transactionOperationsMax = 128
    /// Linearizable reads that wait.
    public var pendingReadsMax = 1 << 16
    /// A checkpoint begins when it has this much to bring, whatever the time.
    public var checkpointBytes = 64 << 20
    /// Changes that no checkpoint holds are in memory alone: above this writes are refused.
    public var uncheckpointedBytesMax = 256 << 20
    /// Entries applied in one step: a put takes one or two microseconds, and no step may hold the loop for more than a
    /// millisecond.
    public var entriesPerStep = 256
    /// Bytes of entries applied in one step, but for its last: copying takes a quarter of a nanosecond a byte.
    public var bytesPerStep = 1 << 20
    /// Bytes of entries that one `work` step hands to each member that has fallen behind, or twice what was appended
    /// since the last one; other steps hand out none. To encode and send them takes two or three nanoseconds a byte,
    /// and clients' requests wait meanwhile. As many may be under way as Raft's limits let: they only don't leave at
    /// once.
    public var catchUpBytesPerStep = 256 << 10
    /// What a step hands out at most, whatever was appended: some 20 ms, as long as the turn that appended half of it.
    public var catchUpBytesMax = 8 << 20
    /// Entries of the log in memory that one step counts, and as many that it lets go of; each lies where nobody has
    /// looked for a while, and takes about a fifth of a microsecond. When a member has caught up there are hundreds of
    /// thousands.
    public var trimmedPerStep = 2_000
    /// Changes looked at by one step of removing compacted versions; each takes about a microsecond.
    public var reclaimedPerStep = 500
    /// Leases revoked by one scan (etcd's value); what remains is taken when these are gone.
    public var leasesPerScan = 500
    /// Leases looked at by one scan for what is left of them, and so remainders in one record (etcd's value).
    public var leaseNotesPerScan = 1000
    /// Bytes of blocks that are ordered at once: some pieces of long ranges, so that however many clients read those,
    /// what comes back takes little beside the blocks that stay. What other commands read comes whole.
    public var loadingBytesMax = 8 << 20
    /// Bytes of blocks that one command may have loaded that isn't read in pieces: as much as four of the largest
    /// requests. Above it, it is told to ask for less at a time.
    public var readBlockBytesMax = 64 << 20
    /// How often blocks are ordered again that come back otherwise than they left: what is read a moment too late or
    /// too soon is another image, and the next one is right.
    public var loadAttemptsMax = 3
    /// Compactions that wait for the removal of what they compacted. They are looked at with every step.
    public var physicalCompactionsMax = 64
    /// Changes of the members that wait for the one before them.
    public var pendingChangesMax = 16
    /// Entries that are in a checkpoint but kept for members that lag a little (etcd's value). Not in a cluster of one.
    public var keptEntries = 5000
    /// Bytes of such entries, however few they are; and as long as a member lacks them, however many. A member that
    /// lags behind more than this gets a whole state.
    public var keptBytes = 256 << 20

    public init() {}
}
