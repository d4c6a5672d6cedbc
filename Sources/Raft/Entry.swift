// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// One record of the replicated log.
///
/// The bytes are opaque here. Copying an entry shares them.
public struct Entry: Equatable, Sendable {
    /// Raw values are those of etcd's log and wire.
    public enum Kind: UInt8, Sendable {
        /// A request to the state machine; with no bytes at all, the entry by which a new leader opens its term.
        case normal = 0
        /// A change of one member. Whoever applies it also calls `RaftNode.apply(_:)`.
        case configurationChange = 1
        /// A `JointChange`. Whoever applies it also calls `RaftNode.apply(_:)`.
        case jointChange = 2

        public var changesConfiguration: Bool { self != .normal }
    }

    public var term: Term
    public var index: LogIndex
    public var data: [UInt8]
    public var kind: Kind

    public init(term: Term, index: LogIndex, kind: Kind = .normal, data: [UInt8]) {
        self.term = term
        self.index = index
        self.data = data
        self.kind = kind
    }

    public var id: EntryID { EntryID(index: index, term: term) }
}

/// What is to become an entry. The leader adds term and index.
public struct Proposal: Equatable, Sendable {
    public var data: [UInt8]
    public var kind: Entry.Kind

    public init(kind: Entry.Kind = .normal, data: [UInt8]) {
        self.data = data
        self.kind = kind
    }
}

/// What a member must never forget. Source: Raft figure 2, "persistent state"; etcd raftpb HardState.
public struct HardState: Equatable, Sendable {
    public var term: Term
    /// For whom this member voted in `term`.
    public var vote: MemberID?
    /// Must be durable before a change of the configuration is applied or told: see `RaftLog`. Else it only spares a
    /// restarted member the wait for a leader.
    public var commit: LogIndex

    public init(term: Term = .zero, vote: MemberID? = nil, commit: LogIndex = .zero) {
        self.term = term
        self.vote = vote
        self.commit = commit
    }

    /// Whether going from `earlier` to this changes what votes rest on, so that it must be synced.
    public func mustBeSynced(after earlier: HardState) -> Bool {
        term != earlier.term || vote != earlier.vote
    }
}

public enum Role: Sendable {
    case follower
    /// Asks whether it could win, without disturbing anyone. Source: Raft thesis §9.6.
    case preCandidate
    case candidate
    case leader
}

/// What a member believes of the cluster right now. Not persisted.
public struct SoftState: Equatable, Sendable {
    public var leader: MemberID?
    public var role: Role

    public init(leader: MemberID?, role: Role) {
        self.leader = leader
        self.role = role
    }
}

/// A state at one index that replaces the log below it. The state's bytes never pass through this module.
public struct SnapshotMark: Equatable, Sendable {
    /// The last entry that the state contains.
    public var last: EntryID
    /// The members after that entry.
    public var configuration: Configuration

    public init(last: EntryID, configuration: Configuration) {
        self.last = last
        self.configuration = configuration
    }
}

/// An answered read: whoever has applied `index` may read locally, and sees everything that was committed when the read
/// was asked for.
public struct ReadState: Equatable, Sendable {
    public var context: ReadContext
    public var index: LogIndex

    public init(context: ReadContext, index: LogIndex) {
        self.context = context
        self.index = index
    }
}
