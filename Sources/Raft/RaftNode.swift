// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// One member's part in agreeing on one log.
///
/// A value without I/O, clock or randomness of its own: equal values fed with equal calls stay equal. Its driver calls
/// `step` with what other members sent, `tick` as time passes, and `propose` and `readIndex` for its users; then it
/// takes orders, carries them out, and reports with `persisted` and `applied`. Each file named `RaftNode+…` is one
/// capability.
///
/// Persistence is asynchronous: the log grows and is replicated while earlier entries are being synced. What must not
/// be said before something is durable (votes, requests for votes, acknowledged entries) is held back here until
/// `persisted` reports it; a leader counts itself only for what its own log has synced.
///
/// Source: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm" (2014), cited as Raft; Ongaro's
/// thesis (2014); the division of work with the driver is that of etcd-io/raft.
public struct RaftNode: Sendable {
    public let id: MemberID
    public let settings: RaftSettings

    // Persistent
    public internal(set) var term: Term
    public internal(set) var vote: MemberID?
    public internal(set) var log: RaftLog
    /// As of the last configuration entry that `apply(_:)` was told of.
    public internal(set) var configuration: Configuration

    // Volatile
    public internal(set) var role = Role.follower
    public internal(set) var leader: MemberID?
    public internal(set) var counters = RaftCounters()
    /// Bytes of entries that `sendAppends` may hand out at once to each peer that lags: that lacks what earlier orders
    /// have brought to the own log. Whoever catches up is given its entries by and by, by a driver that sets it, and
    /// what is new goes ahead of them. Limits nothing unless it is set.
    public var catchUpBytes = Int.max
    var random: SeededRandom
    /// Ticks since the last sign of a leader or, on a leader, since the last check of the majority.
    var electionElapsed = 0
    var heartbeatElapsed = 0
    /// Drawn anew with each term and each return to follower.
    var electionTimeout = 0
    /// Ticks since the last promise to a leader. Unlike `electionElapsed`, nothing else sets it back.
    var promiseElapsed: Int

    // Candidates
    var votes: [(member: MemberID, isGranted: Bool)] = []

    // Leaders
    /// The other members, voters and learners, ascending.
    public internal(set) var peers: [Progress] = []
    /// No further configuration entry is proposed until this one is applied.
    var pendingConfigurationIndex = LogIndex.zero
    public internal(set) var uncommittedBytes = 0
    public internal(set) var transferTarget: MemberID?
    var reads = ReadQueue()

    // Orders in the making
    var outbox: [Message] = []
    /// Messages that wait until a write is durable, in ascending order of writes.
    var held: [(write: WriteNumber, message: Message)] = []
    var lastWrite = WriteNumber(0)
    var persistedWrite = WriteNumber(0)
    var writtenHardState: HardState
    var toldSoftState: SoftState
    var readStates: [ReadState] = []
    var abandonedReads: [ReadContext] = []
    var snapshotsToSend: [MemberID] = []
    /// Accepted but not yet handed out.
    var snapshotToInstall: SnapshotMark?
    /// The write that installs a snapshot, until it is durable.
    var installingWrite: WriteNumber?

    /// - Parameter random: draws the election timeouts; members of a cluster need different seeds.
    public init(id: MemberID, settings: RaftSettings = RaftSettings(), recovered: RecoveredState, random: SeededRandom)
    {
        settings.validate()
        self.id = id
        self.settings = settings
        self.random = random
        configuration = recovered.configuration
        log = RaftLog(
            base: recovered.base, entries: recovered.entries, committed: recovered.hardState.commit,
            applied: recovered.applied)
        // An entry that changes the configuration is proposed only when the one before it is applied, so that one was
        // committed, whether or not this was still written down.
        if let known = log.lastConfigurationChangeButOne { log.commit(upTo: known) }
        // A torn write may leave entries of a term without the hard state that names it. No vote was given in that term
        // either: it would have been durable before the entries were written.
        let isTorn = log.lastID.term > recovered.hardState.term
        term = isTorn ? log.lastID.term : recovered.hardState.term
        vote = isTorn ? nil : recovered.hardState.vote
        writtenHardState = recovered.hardState
        toldSoftState = SoftState(leader: nil, role: .follower)
        promiseElapsed = recovered.hasPromisedNobody ? settings.electionTicks : 0
        rebuildPeers()
        drawElectionTimeout()
    }

    public var hardState: HardState { HardState(term: term, vote: vote, commit: log.committed) }
    public var softState: SoftState { SoftState(leader: leader, role: role) }

    /// Whether this member may stand for election. A member outside the voters never does; one that installs a state
    /// doesn't know its log yet.
    public var isPromotable: Bool { configuration.isVoter(id) && !isInstalling }

    var isInstalling: Bool { snapshotToInstall != nil || installingWrite != nil }
}

/// What a member found on its disk.
public struct RecoveredState: Sendable {
    public var hardState: HardState
    /// Before the first of `entries`.
    public var base: EntryID
    public var entries: [Entry]
    /// The last entry contained in the recovered state; between the base and the last entry.
    public var applied: LogIndex
    /// As of `applied`.
    public var configuration: Configuration
    /// In no earlier life can the member have answered a leader: it need not wait for the end of its promise to one.
    public var hasPromisedNobody = false

    /// - Parameter applied: the base if `nil`.
    public init(
        hardState: HardState, base: EntryID = .zero, entries: [Entry] = [], applied: LogIndex? = nil,
        configuration: Configuration
    ) {
        self.hardState = hardState
        self.base = base
        self.entries = entries
        self.applied = applied ?? base.index
        self.configuration = configuration
    }

    /// A new cluster whose members all start with the same `changes`, one entry for each of its first members, as if
    /// elected in term 1. The driver makes hard state and entries durable before it starts the node.
    public static func bootstrap(_ configuration: Configuration, changes: [[UInt8]]) -> RecoveredState {
        let term = Term(1)
        let entries = changes.enumerated().map { offset, data in
            Entry(term: term, index: LogIndex.zero + (offset + 1), kind: .configurationChange, data: data)
        }
        var state = RecoveredState(
            hardState: HardState(term: term, commit: LogIndex.zero + entries.count), entries: entries,
            configuration: configuration)
        state.hasPromisedNobody = true
        return state
    }
}

/// Messages and requests that were let go, by reason. Each is harmless by itself; many of one kind are worth a look.
public struct RaftCounters: Equatable, Sendable {
    /// Addressed to someone else, or numbers that no log can have: a peer's mistake.
    public internal(set) var malformed = 0
    /// Of an earlier term.
    public internal(set) var staleTerm = 0
    /// From a candidate, while a leader is heard.
    public internal(set) var leaderHeard = 0
    /// An answer to a question that is no longer asked, or to a role that has passed.
    public internal(set) var staleAnswer = 0
    /// From or about a member that isn't one.
    public internal(set) var unknownMember = 0
    /// A forwarded request that this member can't serve; whoever asked will ask again.
    public internal(set) var unserved = 0
    /// A leader says it committed what this log doesn't have: this member, or that one, has lost acknowledged entries.
    public internal(set) var commitBeyondLog = 0
}
