// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
public import MartletBasics
public import MartletKeyValue
public import MartletKeyspace
public import MartletRaft
import MartletWALCodec

/// A member's drive loop as a value: Raft, the store, and who waits for what.
///
///     propose ─> queue ─> Raft ─> batch for the log ── synced ─> committed ─> apply ─> reply
///     read    ─> queue ─> Raft ─> index ────────────────────────────── applied so far ─> read now
///
/// It decides the order that makes a store trustworthy: entries are durable before they count, applied only when
/// committed, answered only when applied. Equal values fed with equal events at equal moments stay equal, and what an
/// entry does to the state depends on state and entry alone.
///
/// Each file named `Replica+…` is one capability.
public struct Replica: Sendable {
    public let configuration: ReplicaConfiguration
    public internal(set) var node: RaftNode
    /// Others read it, and change what is the member's own: watches, and terms of leases that are renewed. Keys and
    /// leases change only by `step`.
    public var store: KeyValueStore
    /// Redis's databases. They change by `step` alone.
    public internal(set) var keyspace: Keyspace
    public internal(set) var cluster: ClusterState
    /// Users, roles and permissions.
    public internal(set) var auth: AuthStore
    /// The last entry that store, cluster and auth hold.
    public internal(set) var applied: AppliedPosition
    /// Entries of leader's own making are numbered, as clients' are: etcd's records have an id.
    var nextRecordID: UInt64
    /// The highest stamp that a leader has given or found in its log; of who doesn't lead, the highest that is applied.
    var lastStamp: UInt64

    /// Whether this member begins a new cluster.
    let isNew: Bool
    var phase = Phase.created
    var orders = Orders()

    // Writing
    var lastBatch = BatchNumber(0)
    var lastSynced = BatchNumber(0)
    /// Which of Raft's writes each batch on its way makes durable.
    var writes: [(batch: BatchNumber, write: WriteNumber)] = []
    /// The newest hard state that is not in a batch; its change concerns the commit index alone.
    var unwrittenState: HardState?

    // Proposing
    var queue: [Proposal] = []
    var queuedWrites: [PendingWrite] = []
    /// In the log and not applied, ascending; those before `pendingHead` are answered.
    var pending: [PendingWrite] = []
    var pendingHead = 0
    var pendingBytes = 0
    /// The member has published itself: all that it had acknowledged is applied.
    var isPublished = false
    /// The cluster's version that this leader has proposed last in its term; empty: none.
    var proposedVersion = ""
    /// It was not taken into the log.
    var isVersionRefused = false
    /// When the member's own name is proposed anew, in ticks, if it isn't applied.
    var nextPublication = 0
    /// On their way to the leader, or in its log.
    var forwarded = ForwardedWrites()
    /// As far as the last role that was told says.
    var isLeading = false
    /// This leader's first entry is applied.
    var hasBegunTerm = false
    /// Changes of the members that wait for the one before them.
    var waitingChanges: [(waiter: WaiterID, change: QueuedChange)] = []
    /// The alarm that space is used up is proposed and not applied.
    var isRaisingNoSpace = false

    // Reading
    var queuedReads: [WaiterID] = []
    var queuedRenewals: [Renewal] = []
    /// Slots of Redis's clients.
    var queuedCommandReads: [Int] = []
    /// Raft was asked, or will be; few at a time.
    var askedReads: [ReadBatch] = []
    /// Wait until their index is applied, ascending.
    var indexedReads: [ReadBatch] = []
    var waitingReadCount = 0
    var nextContext: UInt64

    // Applying
    /// Something was put since the quota was looked at.
    var hasPut = false
    var committed: [Entry] = []
    var committedHead = 0
    /// Wait for the removal of what they compacted.
    var physicalCompactions: [(waiter: WaiterID, request: CompactionRequest, response: CompactionResponse)] = []

    // Checkpoints and leases
    var checkpoint = CheckpointState()
    var authTable: AuthTable
    var nextLeaseScan = Duration.zero
    /// Leases found due, those that were offered again counted again.
    var dueLeaseCount: UInt64 = 0
    /// Revocations by this member's clock that are proposed and not applied.
    var revocationsUnderway = 0
    /// Whether the last scan for due leases left some.
    var hasMoreDueLeases = false
    var leaseNotes = LeaseNoteQueue()
    /// How many notes of a lease are proposed and not applied. Only searched.
    var notesUnderway: [LeaseID: Int] = [:]

    // Other members
    /// Ticks since the start.
    var ticks = 0
    var contacts = PeerContacts()
    var clocks: MemberClocks
    /// Since when the present leader is known, in ticks.
    var leaderSince = 0
    var transfers: [(waiter: WaiterID, target: MemberID, began: Int)] = []
    var arrival = ArrivalProgress()
    var keptLog = KeptLog()
    /// Bytes of entries added to the own log since the last work step, while somebody lags.
    var appendedSinceWork = 0
    var awaitedReplacement: AwaitedReplacement?
    /// When this member's removal was applied, in ticks.
    var removedAt: Int?
    /// The voters that are left can't know without this member that they are alone. See `passTick`.
    var owesFarewell = false

    // Redis's clients
    var commands: CommandQueue
    var keyspaceProgress = KeyspaceProgress()
    /// Those who wait for what isn't there have missed something.
    var mustWakeAll = false

    enum Phase: Sendable {
        case created
        /// The new cluster's first entry is on its way to the disk.
        case bootstrapping(BatchNumber)
        case running
        case ended
    }

    struct PendingWrite: Sendable {
        var id = EntryID.zero
        /// Of one that was handed to the leader: what its record says, and the term of that leader.
        var recordID: UInt64 = 0
        var forwardedIn = Term.zero
        /// Nobody waits for what the member proposes itself.
        var waiter: WaiterID?
        /// `nil`: a change of the members.
        var request: LogRecord.Request?
        var identity = AuthIdentity.anonymous
        var stamp: UInt64 = 0
        var byteCount: Int
        /// When it was asked for, in ticks.
        var began = 0
        /// Decided by the leader's clock or position: no other leader may get it.
        var isLeadersOwn = false
        var isPublication = false
        /// Its waiter was told that time ran out or leadership was lost. If it is applied, then as if another had
        /// proposed it.
        var isAbandoned = false

        /// Whether it has a plan among `commands`.
        var isKeyspaceRecord: Bool { if case .keyspace = request { true } else { false } }
    }

    public var isLeader: Bool { node.role == .leader }
    /// Places that waiting and answered writes take. For tests.
    public var pendingWritePlaces: Int { pending.count }
    public var term: Term { node.term }

    public var status: ReplicaStatus {
        ReplicaStatus(
            term: node.term, applied: applied, isLeader: isLeader, leader: node.leader,
            countsLeases: isLeader && hasBegunTerm, canReadNow: canReadNow,
            isAuthEnabled: auth.isEnabled,
            dueLeaseCount: dueLeaseCount)
    }

    /// Whether nobody else decides: what holds for a majority then holds for this member.
    var isAlone: Bool { node.configuration.isOnlyVoter(configuration.member) }

    /// In whose name the member itself changes something; also automatic compactions.
    public var ownIdentity: AuthIdentity {
        auth.isEnabled ? AuthIdentity(name: .root, revision: auth.revision) : .anonymous
    }

    /// Where nobody else can commit anything, what is acknowledged is applied here.
    var canReadNow: Bool {
        guard case .running = phase else { return false }
        return isPublished && isLeader && isAlone
    }

    /// A number that two members share if their states are the same, and hardly ever otherwise. For tests. Complexity:
    /// O(state).
    public func stateDigest() -> UInt64 {
        var bytes: [UInt8] = []
        cluster.encode(into: &bytes)
        auth.digest(into: &bytes)
        Varint.append(store.stateDigest(), to: &bytes)
        Varint.append(keyspace.stateDigest(), to: &bytes)
        Varint.append(applied.index.rawValue, to: &bytes)
        Varint.append(applied.term.rawValue, to: &bytes)
        // FNV-1a, which wraps by definition.
        return bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}
