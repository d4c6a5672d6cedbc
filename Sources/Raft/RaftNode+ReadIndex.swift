// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Reads that wait for a leader's proof that it still leads.
///
/// Rounds are numbered, and an answer for one stands for all before it. A read belongs to the first round that starts
/// after it came, so a round that is under way serves nobody who came later. All that come between two `takeOrders`
/// share a round.
struct ReadQueue: Sendable {
    struct Read: Sendable {
        var context: ReadContext
        var from: MemberID
        /// What was committed when the read came.
        var index: LogIndex
        var round: ReadRound
    }

    /// The last round that was started.
    var round = ReadRound(0)
    /// In ascending order of rounds.
    var waiting: [Read] = []
    /// Came before the leader had committed in its term.
    var early: [(context: ReadContext, from: MemberID)] = []

    // Where there are leases
    /// Heartbeats are due: they go out as a round of their own, since only those have a beginning.
    var isBeatDue = false
    /// When rounds began, by the own clock; ascending, a few at most.
    var begun: [(round: ReadRound, at: Duration)] = []
    /// Another member may lead by leave of this one.
    var hasSuccessor = false

    var count: Int { waiting.count + early.count }
    var nextRound: ReadRound { ReadRound(round.rawValue + 1) }
    var needsRound: Bool { isBeatDue || waiting.last.map { $0.round > round } ?? false }
}

extension RaftNode {
    /// Asks for the index up to which a state must be applied so that a read from it is linearizable. The answer comes
    /// as a read state with this context; if it doesn't come (messages are lost, leaders change), ask again with
    /// another context.
    ///
    /// Source: Raft thesis §6.4; etcd's ReadOnlySafe.
    public mutating func readIndex(_ context: ReadContext) throws(RequestError) {
        guard role == .leader else {
            guard let leader else { throw .noLeader }
            send(.readIndex(context), to: leader)
            return
        }
        guard take(context, from: id) else { throw .tooManyReads }
    }

    /// The last round that this leader started.
    public var currentReadRound: ReadRound { reads.round }

    mutating func takeForwardedRead(_ context: ReadContext, from sender: MemberID) {
        guard role == .leader, take(context, from: sender) else {
            counters.unserved += 1
            return
        }
    }

    /// - Returns: `false` if too many wait.
    private mutating func take(_ context: ReadContext, from member: MemberID) -> Bool {
        if hasCommittedInTerm, configuration.isOnlyVoter(id) {
            answer(context, for: member, log.committed)
            return true
        }
        guard reads.count < settings.limits.pendingReadsMax else { return false }
        if hasCommittedInTerm {
            reads.waiting.append(.init(context: context, from: member, index: log.committed, round: reads.nextRound))
        } else {
            reads.early.append((context, member))
        }
        return true
    }

    /// The leader has committed in its term.
    mutating func admitEarlyReads() {
        let early = reads.early
        reads.early.removeAll(keepingCapacity: true)
        for read in early { _ = take(read.context, from: read.from) }
    }

    /// Starts a round for the reads that came since the last one.
    mutating func startReadRound(at now: Duration?) {
        guard reads.needsRound else { return }
        reads.round = reads.nextRound
        reads.isBeatDue = false
        if let now { noteRound(at: now) }
        sendHeartbeats()
        releaseReads()
    }

    /// Answers the reads of every round that a majority has confirmed.
    mutating func releaseReads() {
        let confirmed = ReadRound(
            configuration.agreedValue { member in
                if member == id { return reads.round.rawValue }
                return peerOffset(member).map { peers[$0].round.rawValue } ?? 0
            })
        var done = 0
        while done < reads.waiting.count, reads.waiting[done].round <= confirmed {
            let read = reads.waiting[done]
            answer(read.context, for: read.from, read.index)
            done += 1
        }
        reads.waiting.removeSubrange(0..<done)
    }

    mutating func answer(_ context: ReadContext, for member: MemberID, _ index: LogIndex) {
        if member == id {
            readStates.append(ReadState(context: context, index: index))
        } else {
            send(.readIndexAnswer(context, index), to: member)
        }
    }

    /// The term or the role ends.
    mutating func abandonReads() {
        for read in reads.waiting where read.from == id { abandonedReads.append(read.context) }
        for read in reads.early where read.from == id { abandonedReads.append(read.context) }
        reads = ReadQueue()
    }
}
