// SPDX-License-Identifier: Apache-2.0

import MartletBasics

extension RaftNode {
    /// Stands for election, if this member may. Time does it too; a single voter need not wait for that.
    ///
    /// Not while a committed change of the configuration waits to be applied: this member would count the wrong voters.
    /// Nor while it has promised a leader not to.
    public mutating func campaign() {
        guard canCampaign, !isBound else { return }
        if configuration.isJoint { askVotersForCommitted() }
        if settings.usesPreVote {
            becomePreCandidate()
        } else {
            becomeCandidate(isTransfer: false)
        }
    }

    var canCampaign: Bool {
        role != .leader && isPromotable
            && !log.hasConfigurationChange(from: log.applied + 1, to: log.committed)
    }

    // MARK: Roles

    mutating func becomeFollower(term: Term, leader: MemberID?) {
        reset(term: term)
        role = .follower
        self.leader = leader
    }

    private mutating func becomePreCandidate() {
        // Neither term nor vote moves, so nothing is reset that a later leader of this term could need.
        role = .preCandidate
        leader = nil
        electionElapsed = 0
        drawElectionTimeout()
        votes.removeAll(keepingCapacity: true)
        let last = log.lastID
        for voter in configuration.allVoters where voter != id {
            send(.preVote(last: last), to: voter, term: term.successor)
        }
        takePreVoteAnswer(from: id, term: term.successor, true)
    }

    /// The requests wait until term and own vote are durable: a candidate that forgot them could ask again in the same
    /// term with a shorter log, and count a vote that was given to the longer one.
    mutating func becomeCandidate(isTransfer: Bool) {
        reset(term: term.successor)
        role = .candidate
        vote = id
        let last = log.lastID
        for voter in configuration.allVoters where voter != id {
            sendWhenPersisted(.vote(last: last, isTransfer: isTransfer), to: voter)
        }
        sendWhenPersisted(.voteAnswer(isGranted: true), to: id)
    }

    /// An entry of its own opens the leader's term: only by it can entries of earlier terms be committed and reads be
    /// served. Source: Raft §5.4.2, §8.
    private mutating func becomeLeader() {
        precondition(role == .candidate, "a \(role) of term \(term) can't become leader")
        reset(term: term)
        role = .leader
        leader = id
        log.append(CollectionOfOne(Proposal(data: [])), term: term)
        // Until an entry of its own is committed, and with it whatever configuration entries came before, a leader may
        // not change the members. Source: Ongaro, raft-dev, "bug in single-server membership changes" (2015).
        pendingConfigurationIndex = log.last
    }

    /// What ends with any change of role.
    private mutating func reset(term newTerm: Term) {
        precondition(newTerm >= term, "term \(term) can't go back to \(newTerm)")
        if newTerm > term {
            term = newTerm
            vote = nil
            // Nobody counts what is said in an earlier term.
            held.removeAll(keepingCapacity: true)
        }
        leader = nil
        electionElapsed = 0
        heartbeatElapsed = 0
        drawElectionTimeout()
        votes.removeAll(keepingCapacity: true)
        transferTarget = nil
        uncommittedBytes = 0
        pendingConfigurationIndex = .zero
        abandonReads()
        for peer in peers.indices { peers[peer] = Progress(id: peers[peer].id, next: log.last + 1) }
        snapshotsToSend.removeAll(keepingCapacity: true)
    }

    // MARK: Votes

    /// A grant promises nothing, so it waits for nothing.
    mutating func answerPreVote(from candidate: MemberID, term candidateTerm: Term, last: EntryID) {
        let isGranted = candidateTerm > term && last.isUpToDate(with: log.lastID)
        send(.preVoteAnswer(isGranted: isGranted), to: candidate, term: isGranted ? candidateTerm : term)
        if !isGranted { tellCommitted(to: candidate, last: last) }
    }

    /// One vote a term, first come, first served, and only for logs that miss nothing of this one. Members outside the
    /// voters answer as well: they may be voters by an entry that they don't have yet.
    /// Source: Raft §5.2, §5.4.1.
    mutating func answerVote(from candidate: MemberID, last: EntryID, isTransfer: Bool) {
        guard isTransfer || !isBound else {
            counters.leaderHeard += 1
            return
        }
        let isFree = vote == candidate || (vote == nil && leader == nil)
        guard isFree, last.isUpToDate(with: log.lastID) else {
            send(.voteAnswer(isGranted: false), to: candidate)
            tellCommitted(to: candidate, last: last)
            return
        }
        vote = candidate
        electionElapsed = 0
        sendWhenPersisted(.voteAnswer(isGranted: true), to: candidate)
    }

    /// Without this a leader that removed itself and stepped down could leave behind a member that needs its vote,
    /// since it doesn't know of the removal, and is refused it, since the old leader's log is longer.
    private mutating func tellCommitted(to candidate: MemberID, last: EntryID) {
        if last.index >= log.settled { tellCommitted(to: candidate) }
    }

    /// Tells all voters what is committed: the last words of a member that is no voter any more, and that nobody asks.
    public mutating func tellVotersCommitted() {
        for voter in configuration.allVoters where voter != id { tellCommitted(to: voter) }
    }

    mutating func tellCommitted(to member: MemberID) {
        guard log.settled > .zero, let term = log.term(at: log.settled) else { return }
        send(.committed(EntryID(index: log.settled, term: term)), to: member)
    }

    /// The joint configuration may be left already, and whoever led and the voters that are gone with it be the ones
    /// that have told nobody else: of the others a majority of those to come is there, and one of both is not.
    private mutating func askVotersForCommitted() {
        for voter in configuration.allVoters where voter != id { send(.committedQuestion, to: voter) }
    }

    /// A log that has a committed entry has all before it as well: log matching. A leader finds out for itself.
    mutating func takeCommitted(_ entry: EntryID) {
        guard role != .leader, log.contains(entry) else {
            counters.staleAnswer += 1
            return
        }
        log.commit(upTo: entry.index)
    }

    mutating func takePreVoteAnswer(from voter: MemberID, term answerTerm: Term, _ isGranted: Bool) {
        guard role == .preCandidate, !isGranted || answerTerm == term.successor else {
            counters.staleAnswer += 1
            return
        }
        switch outcome(adding: voter, isGranted) {
        case .won: becomeCandidate(isTransfer: false)
        case .lost: becomeFollower(term: term, leader: nil)
        case .pending: break
        }
    }

    mutating func takeVoteAnswer(from voter: MemberID, _ isGranted: Bool) {
        guard role == .candidate else {
            counters.staleAnswer += 1
            return
        }
        switch outcome(adding: voter, isGranted) {
        case .won: becomeLeader()
        case .lost: becomeFollower(term: term, leader: nil)
        case .pending: break
        }
    }

    /// A voter's first answer counts.
    private mutating func outcome(adding voter: MemberID, _ isGranted: Bool) -> Configuration.VoteOutcome {
        if !votes.contains(where: { $0.member == voter }) { votes.append((voter, isGranted)) }
        return configuration.outcome { member in votes.first { $0.member == member }?.isGranted }
    }
}
