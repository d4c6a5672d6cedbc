// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// What one member tells another. Messages may be lost, doubled, delayed and reordered.
/// Source: Raft figure 2; etcd raftpb Message, whose fields each case names by meaning.
public struct Message: Equatable, Sendable {
    public var from: MemberID
    public var to: MemberID
    /// The sender's term; in a pre-vote and its grant, the term of the election that would follow. Forwarded requests
    /// (`proposal`, `readIndex`, `transferLeadership`), `committed`, the question for it and what concerns clocks move
    /// nobody's term, whatever it says.
    public var term: Term
    public var body: Body

    public init(from: MemberID, to: MemberID, term: Term, body: Body) {
        self.from = from
        self.to = to
        self.term = term
        self.body = body
    }

    public enum Body: Equatable, Sendable {
        /// Entries to follow `previous`, contiguous and with terms that never fall; none of them tells only `commit`.
        case append(previous: EntryID, entries: [Entry], commit: LogIndex)
        /// The sender's log agrees with the leader's up to `match`, durably.
        case appendAccepted(match: LogIndex)
        /// The sender has no entry like the append's `previous`, which had index `rejected`. All its entries above
        /// `hint` differ from the leader's.
        case appendRejected(rejected: LogIndex, hint: EntryID)
        /// The sign of life of a leader. `commit` is never above what the receiver has acknowledged.
        case heartbeat(commit: LogIndex, round: ReadRound)
        /// `promise`: for so long, by its own clock, the sender helps nobody to depose this leader. See
        /// RaftNode+Lease.swift.
        case heartbeatAnswer(round: ReadRound, promise: Duration? = nil)
        case preVote(last: EntryID)
        case preVoteAnswer(isGranted: Bool)
        /// `isTransfer`: the leader itself asked for this election, so nobody need protect it.
        case vote(last: EntryID, isTransfer: Bool)
        case voteAnswer(isGranted: Bool)
        /// The state up to the mark has arrived whole, by a way of its own, and can be installed.
        case snapshot(SnapshotMark)
        /// To a candidate that was refused: this entry is committed, whatever the terms. The candidate may not know it,
        /// and count by a configuration in which it can't win.
        case committed(EntryID)
        /// From who stands for election in a joint configuration: it may be left already, and whom the candidate needs
        /// to know that be gone. The answer is `committed`.
        case committedQuestion
        /// To a leader that missed an election: there is a later term.
        case staleTerm
        case proposal([Proposal])
        case readIndex(ReadContext)
        case readIndexAnswer(ReadContext, LogIndex)
        case transferLeadership(target: MemberID)
        /// Start an election at once: you are to lead.
        case timeoutNow
        /// Of the receiver's driver: what does the wall clock say there? Raft itself reads no clock.
        case clockQuestion(UInt64)
        /// The number of the question, and milliseconds since 1970.
        case clockAnswer(UInt64, milliseconds: UInt64)
    }
}

extension Message {
    /// Only a leader sends these.
    var isFromLeader: Bool {
        switch body {
        case .append, .heartbeat, .snapshot: true
        case .appendAccepted, .appendRejected, .heartbeatAnswer, .preVote, .preVoteAnswer, .vote, .voteAnswer,
            .committed, .committedQuestion, .staleTerm, .proposal, .readIndex, .readIndexAnswer, .transferLeadership,
            .timeoutNow, .clockQuestion, .clockAnswer:
            false
        }
    }

    /// A user's request on its way to the leader, a truth for all times, or none of Raft's affairs: its sender's term
    /// says nothing.
    var isTermless: Bool {
        switch body {
        case .proposal, .readIndex, .transferLeadership, .committed, .committedQuestion, .clockQuestion, .clockAnswer:
            true
        case .append, .appendAccepted, .appendRejected, .heartbeat, .heartbeatAnswer, .preVote, .preVoteAnswer, .vote,
            .voteAnswer, .snapshot, .staleTerm, .readIndexAnswer, .timeoutNow:
            false
        }
    }

    /// Whether the numbers could be true of any log. A message that fails this is its sender's mistake.
    var isWellFormed: Bool {
        guard term < .limit, term > .zero || isTermless else { return false }
        switch body {
        case .append(let previous, let entries, let commit):
            guard previous.index < .limit, commit < .limit, previous.term <= term else { return false }
            var last = previous
            for entry in entries {
                guard entry.index == last.index + 1, entry.term >= last.term, entry.term > .zero, entry.term <= term
                else { return false }
                last = entry.id
            }
            return true
        case .appendAccepted(let index), .heartbeat(let index, _), .readIndexAnswer(_, let index):
            return index < .limit
        case .appendRejected(let rejected, let hint):
            return rejected < .limit && hint.index <= rejected && hint.term < .limit
        case .preVote(let last), .vote(let last, _), .committed(let last):
            return last.index < .limit && last.term < .limit
        case .heartbeatAnswer(_, let promise):
            return promise.map { $0 >= .zero } ?? true
        case .snapshot(let mark):
            return mark.last.index > .zero && mark.last.index < .limit && mark.last.term <= term
                && mark.last.term > .zero && !mark.configuration.voters.isEmpty
        case .preVoteAnswer, .voteAnswer, .committedQuestion, .staleTerm, .proposal, .readIndex, .transferLeadership,
            .timeoutNow, .clockQuestion, .clockAnswer:
            return true
        }
    }
}
