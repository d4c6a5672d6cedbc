// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import Testing

/// Source: Raft §8, thesis §6.4.
@Suite struct ReadIndexTests {
    @Test func aReadWaitsForAMajorityToAnswerItsRound() throws {
        var node = ReplicationTests.replicating()
        try node.readIndex(ReadContext(1))
        try node.readIndex(ReadContext(2))
        let orders = node.settle()
        // One round for both.
        #expect(orders.bodies(to: two) == [.heartbeat(commit: index(1), round: ReadRound(1))])
        #expect(orders.readStates == [])
        node.step(.heartbeatAnswer(round: ReadRound(0)), from: two)
        #expect(node.settle().readStates == [])
        node.step(.heartbeatAnswer(round: ReadRound(1)), from: two)
        #expect(node.settle().readStates.map(\.context) == [ReadContext(1), ReadContext(2)])
        node.step(.heartbeatAnswer(round: ReadRound(1)), from: three)
        #expect(node.settle().readStates == [])
    }

    @Test func aRoundServesOnlyWhoCameBeforeIt() throws {
        var node = ReplicationTests.replicating()
        try node.readIndex(ReadContext(1))
        node.settle()
        _ = try node.propose([command("a")])
        node.settle()
        node.step(.appendAccepted(match: index(2)), from: two)
        try node.readIndex(ReadContext(2))
        node.step(.heartbeatAnswer(round: ReadRound(1)), from: two)
        #expect(node.settle().readStates == [ReadState(context: ReadContext(1), index: index(1))])
        node.step(.heartbeatAnswer(round: ReadRound(2)), from: three)
        #expect(node.settle().readStates == [ReadState(context: ReadContext(2), index: index(2))])
    }

    /// An answer for a round stands for all before it, and heartbeats repeat the last: a lost one delays, no more.
    @Test func aLaterRoundServesEarlierReads() throws {
        var node = ReplicationTests.replicating()
        try node.readIndex(ReadContext(1))
        node.settle()
        try node.readIndex(ReadContext(2))
        node.settle()
        node.tick()
        #expect(node.settle().bodies(to: two) == [.heartbeat(commit: index(1), round: ReadRound(2))])
        node.step(.heartbeatAnswer(round: ReadRound(2)), from: two)
        #expect(node.settle().readStates.count == 2)
    }

    @Test func aNewLeaderServesNoneBeforeItCommits() throws {
        var node = RaftNode.leader(voters: [one, two, three], entries: entries(terms: 1), commit: 1)
        node.settle()
        try node.readIndex(ReadContext(1))
        node.tick()
        node.settle()
        node.step(.heartbeatAnswer(round: ReadRound(0)), from: two)
        node.step(.heartbeatAnswer(round: ReadRound(0)), from: three)
        #expect(node.settle().readStates == [])
        node.step(.appendAccepted(match: index(2)), from: two)
        node.settle()
        node.step(.heartbeatAnswer(round: ReadRound(1)), from: two)
        #expect(node.settle().readStates == [ReadState(context: ReadContext(1), index: index(2))])
    }

    @Test func followersAskTheLeader() throws {
        var follower = RaftNode.make(two, voters: [one, two, three], term: 1)
        follower.step(.heartbeat(commit: .zero, round: ReadRound(0)), from: one)
        follower.settle()
        try follower.readIndex(ReadContext(7))
        let ask = try #require(follower.settle().messages.first)
        var leader = ReplicationTests.replicating()
        leader.step(ask)
        leader.settle()
        leader.step(.heartbeatAnswer(round: ReadRound(1)), from: three)
        let answer = try #require(leader.settle().messages.last)
        #expect(answer.body == .readIndexAnswer(ReadContext(7), index(1)))
        follower.step(answer)
        #expect(follower.settle().readStates == [ReadState(context: ReadContext(7), index: index(1))])
        // Who leads no more answers nothing, and an answer of an earlier term counts for nothing.
        follower.step(ask.sentBack)
        #expect(follower.counters.unserved == 1)
        follower.step(.heartbeat(commit: .zero, round: ReadRound(0)), from: three, term: 3)
        follower.settle()
        follower.step(answer)
        #expect(follower.settle().readStates == [])
    }

    @Test func learnersConfirmNothing() throws {
        var node = RaftNode.leader(voters: [one, two, three], learners: [MemberID(4)])
        node.settle()
        node.step(.appendAccepted(match: index(1)), from: two)
        try node.readIndex(ReadContext(1))
        node.settle()
        node.step(.heartbeatAnswer(round: ReadRound(1)), from: MemberID(4))
        #expect(node.settle().readStates == [])
    }

    @Test func waitingReadsAreLimitedAndAbandonedWithTheTerm() throws {
        var settings = RaftSettings()
        settings.limits.pendingReadsMax = 2
        var node = ReplicationTests.replicating(settings)
        try node.readIndex(ReadContext(1))
        node.step(.readIndex(ReadContext(9)), from: two)
        #expect(throws: RequestError.tooManyReads) { try node.readIndex(ReadContext(2)) }
        node.step(.readIndex(ReadContext(10)), from: two)
        #expect(node.counters.unserved == 1)
        node.step(.heartbeat(commit: .zero, round: ReadRound(0)), from: two, term: 2)
        // The follower's read is its own affair.
        #expect(node.settle().abandonedReads == [ReadContext(1)])
    }

    @Test func anAnswerToARoundNeverStartedIsAMistake() {
        var node = ReplicationTests.replicating()
        node.step(.heartbeatAnswer(round: ReadRound(5)), from: two)
        #expect(node.counters.malformed == 1 && node.progress(of: two)?.round == ReadRound(0))
    }
}

extension Message {
    fileprivate var sentBack: Message { Message(from: to, to: from, term: term, body: body) }
}
