// SPDX-License-Identifier: Apache-2.0

package import MartletBasics

/// One record of the replicated log.
///
/// The bytes are opaque here. Copying an entry shares them.
package struct Entry: Equatable, Sendable {
    /// Raw values are those of etcd's log and wire.
    package enum Kind: UInt8, Sendable {
        /// A request to the state machine; with no bytes at all, the entry by which a new leader opens its term.
        case normal = 0
        /// A change of one member. Whoever applies it also calls `RaftNode.apply(_:)`.
        case configurationChange = 1
    }

    package var term: Term
    package var index: LogIndex
    package var data: [UInt8]
    package var kind: Kind

    package init(term: Term, index: LogIndex, kind: Kind = .normal, data: [UInt8]) {
        self.term = term
        self.index = index
        self.data = data
        self.kind = kind
    }

    package var id: EntryID { EntryID(index: index, term: term) }
}

/// What is to become an entry. The leader adds term and index.
package struct Proposal: Equatable, Sendable {
    package var data: [UInt8]
    package var kind: Entry.Kind

    package init(kind: Entry.Kind = .normal, data: [UInt8]) {
        self.data = data
        self.kind = kind
    }
}

/// What a member must never forget. Source: Raft figure 2, "persistent state"; etcd raftpb HardState.
package struct HardState: Equatable, Sendable {
    package var term: Term
    /// For whom this member voted in `term`.
    package var vote: MemberID?
    /// Need not be durable for safety: it spares a restarted member the wait for a leader.
    package var commit: LogIndex

    package init(term: Term = .zero, vote: MemberID? = nil, commit: LogIndex = .zero) {
        self.term = term
        self.vote = vote
        self.commit = commit
    }

    /// Whether going from `earlier` to this changes what votes rest on, so that it must be synced.
    package func mustBeSynced(after earlier: HardState) -> Bool {
        term != earlier.term || vote != earlier.vote
    }
}

package enum Role: Sendable {
    case follower
    /// Asks whether it could win, without disturbing anyone. Source: Raft thesis §9.6.
    case preCandidate
    case candidate
    case leader
}

/// What a member believes of the cluster right now. Not persisted.
package struct SoftState: Equatable, Sendable {
    package var leader: MemberID?
    package var role: Role

    package init(leader: MemberID?, role: Role) {
        self.leader = leader
        self.role = role
    }
}

/// A state at one index that replaces the log below it. The state's bytes never pass through this module.
package struct SnapshotMark: Equatable, Sendable {
    /// The last entry that the state contains.
    package var last: EntryID
    /// The members after that entry.
    package var configuration: Configuration

    package init(last: EntryID, configuration: Configuration) {
        self.last = last
        self.configuration = configuration
    }
}

/// An answered read: whoever has applied `index` may read locally, and sees everything that was committed when the read
/// was asked for.
package struct ReadState: Equatable, Sendable {
    package var context: ReadContext
    package var index: LogIndex

    package init(context: ReadContext, index: LogIndex) {
        self.context = context
        self.index = index
    }
}
