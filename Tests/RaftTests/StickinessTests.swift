// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import Testing

/// Pre-vote, check-quorum, and who is heard when.
@Suite struct StickinessTests {
    /// Source: Raft thesis §9.6.
    @Test func preVoteMovesNoTerm() {
        var node = RaftNode.make(voters: ElectionTests.three_, term: 4)
        node.tick(20)
        #expect(node.role == .preCandidate && node.term == term(4))
        let orders = node.settle()
        #expect(orders.write == nil && orders.messages.allSatisfy { $0.term == term(5) })
        #expect(orders.bodies == [.preVote(last: .zero), .preVote(last: .zero)])
        // A grant for another election doesn't count.
        node.step(.preVoteAnswer(isGranted: true), from: two, term: 4)
        node.step(.preVoteAnswer(isGranted: true), from: two, term: 6)
        #expect(node.role == .preCandidate && node.term == term(4))
        node.step(.preVoteAnswer(isGranted: true), from: two, term: 5)
        #expect(node.role == .candidate && node.term == term(5))
    }

    @Test func aPreCandidateThatCannotWinGivesUp() {
        var node = RaftNode.make(voters: ElectionTests.three_, term: 4)
        node.campaign()
        node.step(.preVoteAnswer(isGranted: false), from: two)
        #expect(node.role == .preCandidate)
        node.step(.preVoteAnswer(isGranted: false), from: three)
        #expect(node.role == .follower && node.term == term(4))
        // And learns a later term.
        node.campaign()
        node.step(.preVoteAnswer(isGranted: false), from: two, term: 8)
        #expect(node.role == .follower && node.term == term(8))
    }

    /// Source: Raft thesis §4.2.3.
    @Test func whoHearsALeaderHelpsNobodyDeposeIt() {
        var node = RaftNode.make(voters: ElectionTests.three_, term: 1)
        node.step(.heartbeat(commit: .zero, round: ReadRound(0)), from: two)
        node.settle()
        node.step(.vote(last: id(9, term: 8), isTransfer: false), from: three, term: 9)
        node.step(.preVote(last: id(9, term: 8)), from: three, term: 9)
        #expect(node.settle().messages == [] && node.term == term(1) && node.counters.leaderHeard == 2)
        // The leader itself wants this one.
        var asked = node
        asked.step(.vote(last: id(9, term: 8), isTransfer: true), from: three, term: 9)
        #expect(asked.settle().bodies == [.voteAnswer(isGranted: true)])
        // Silence for an election timeout ends it.
        node.tick(10)
        node.step(.vote(last: id(9, term: 8), isTransfer: false), from: three, term: 9)
        #expect(node.settle().bodies(to: three).last == .voteAnswer(isGranted: true))
        #expect(node.term == term(9))
    }

    @Test func wordThatTheLeaderHasEndedShortensTheWait() {
        var waits: Set<Int> = []
        for seed in UInt64(0)..<100 {
            var node = RaftNode(
                id: one, settings: RaftSettings(),
                recovered: RecoveredState(
                    hardState: HardState(term: term(1)), configuration: Configuration(voters: ElectionTests.three_)),
                random: SeededRandom(seed: seed))
            node.step(.heartbeat(commit: .zero, round: ReadRound(0)), from: two)
            // Of somebody else it says nothing.
            node.gone(three)
            #expect(node.leader == two)
            node.gone(two)
            #expect(node.leader == nil && node.role == .follower)
            // Doubled, it changes nothing.
            node.gone(two)
            var ticks = 0
            while node.role == .follower, ticks < 100 {
                node.tick()
                ticks += 1
            }
            #expect(node.role == .preCandidate && node.term == term(1))
            waits.insert(ticks)
        }
        #expect(waits == [1, 2, 3, 4])
    }

    @Test func wordThatTheLeaderHasEndedMayBeWrong() {
        var node = RaftNode.make(voters: ElectionTests.three_, term: 1)
        node.step(.heartbeat(commit: .zero, round: ReadRound(0)), from: two)
        node.gone(two)
        node.step(.heartbeat(commit: .zero, round: ReadRound(0)), from: two)
        #expect(node.leader == two)
        node.tick(9)
        #expect(node.role == .follower)
        // Who hears the leader still helps nobody; who believes the word does.
        node.settle()
        node.step(.preVote(last: id(9, term: 8)), from: three, term: 2)
        #expect(node.settle().messages == [])
        node.gone(two)
        node.step(.preVote(last: id(9, term: 8)), from: three, term: 2)
        #expect(node.settle().bodies(to: three) == [.preVoteAnswer(isGranted: true)])
    }

    /// Source: Raft thesis §6.2.
    @Test func aLeaderThatHearsNoMajorityStepsDown() throws {
        var node = RaftNode.leader(voters: ElectionTests.three_)
        node.settle()
        for _ in 0..<5 {
            node.step(.heartbeatAnswer(round: ReadRound(0)), from: two)
            node.tick(10)
            #expect(node.role == .leader)
        }
        try node.readIndex(ReadContext(1))
        node.tick(20)
        #expect(node.role == .follower && node.leader == nil)
        #expect(node.settle().abandonedReads == [ReadContext(1)])
    }

    /// A member cut off in a term of its own gets heard again, though all ignore its candidacy.
    @Test func aStrandedTermReachesTheLeader() {
        var leader = RaftNode.leader(voters: ElectionTests.three_)
        leader.settle()
        leader.step(.staleTerm, from: three, term: 9)
        #expect(leader.role == .follower && leader.term == term(9))
    }

    /// A learner by its own lights may be a voter by another's, who needs its vote when the leader is gone.
    @Test func aLearnerForgetsASilentLeader() {
        var node = RaftNode.make(three, voters: [one, two], learners: [three], term: 1)
        node.step(.heartbeat(commit: .zero, round: ReadRound(0)), from: two)
        node.settle()
        for _ in 0..<50 {
            node.tick()
            #expect(node.role == .follower)
        }
        node.step(.preVote(last: .zero), from: one, term: 2)
        #expect(node.settle().bodies == [.preVoteAnswer(isGranted: true)])
    }

    /// A leader removed itself and stepped down; the member that stays has the entry but not the news.
    @Test func aRefusedCandidateLearnsWhatIsCommitted() throws {
        var log = entries(terms: 1, 1, 1)
        log[1].kind = .configurationChange
        log[1].data = ConfigurationChange(.remove, one).encoded
        var gone = RaftNode.make(one, voters: [one, two], entries: log, commit: 2)
        gone.settle()
        var left = RaftNode.make(two, voters: [one, two], entries: Array(log[..<2]), commit: 1)
        left.settle()
        left.campaign()
        for message in left.settle().messages { gone.step(message) }
        let answers = gone.settle().messages
        #expect(answers.map(\.body) == [.preVoteAnswer(isGranted: false), .committed(id(2, term: 1))])
        for message in answers { left.step(message) }
        left.settle()
        #expect(left.configuration.voters == [two])
        left.campaign()
        left.settle()
        #expect(left.role == .leader)
        // What isn't in the log, or comes to a leader, says nothing.
        left.step(.committed(id(9, term: 1)), from: one)
        #expect(left.log.committed == index(3))
    }
}
