// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import Testing

/// Source: Raft thesis §3.10.
@Suite struct TransferTests {
    @Test func aTargetThatHasEverythingIsToldAtOnce() throws {
        var node = ReplicationTests.replicating()
        try node.transferLeadership(to: two)
        #expect(node.settle().bodies(to: two) == [.timeoutNow])
        #expect(throws: RequestError.transferring) { try node.propose([command("a")]) }
    }

    @Test func aTargetThatLagsCatchesUpFirst() throws {
        var node = ReplicationTests.replicating()
        _ = try node.propose([command("a")])
        node.settle()
        try node.transferLeadership(to: two)
        #expect(!node.settle().bodies(to: two).contains(.timeoutNow))
        node.step(.appendAccepted(match: index(2)), from: two)
        #expect(node.settle().bodies(to: two).contains(.timeoutNow))
    }

    @Test func theTargetStandsWithoutPreVoteAndIsHeard() throws {
        var target = RaftNode.make(two, voters: [one, two, three], term: 1)
        target.step(.heartbeat(commit: .zero, round: ReadRound(0)), from: one)
        target.step(.timeoutNow, from: one)
        #expect(target.role == .candidate && target.term == term(2))
        let ask = try #require(target.settle().messages.last { $0.to == one })
        #expect(ask.body == .vote(last: .zero, isTransfer: true))
        var leader = RaftNode.make(one, voters: [one, two, three], term: 1)
        leader.step(.heartbeat(commit: .zero, round: ReadRound(0)), from: three)
        leader.settle()
        leader.step(ask)
        #expect(leader.settle().bodies == [.voteAnswer(isGranted: true)])
    }

    @Test func anElectionTimeoutEndsIt() throws {
        var node = ReplicationTests.replicating()
        try node.transferLeadership(to: two)
        for _ in 0..<10 {
            node.tick()
            node.step(.heartbeatAnswer(round: ReadRound(0)), from: three)
        }
        #expect(node.role == .leader && node.transferTarget == nil)
        _ = try node.propose([command("a")])
    }

    @Test func onlyVotersAreTargets() throws {
        var node = RaftNode.leader(voters: [one, two], learners: [three])
        for target in [one, three, MemberID(9)] {
            try node.transferLeadership(to: target)
            #expect(node.transferTarget == nil)
        }
        try node.transferLeadership(to: two)
        #expect(node.transferTarget == two)
        node.apply(ConfigurationChange(.remove, two))
        #expect(node.transferTarget == nil)
    }

    @Test func followersPassTheRequestOn() throws {
        var node = RaftNode.make(two, voters: [one, two, three], term: 1)
        #expect(throws: RequestError.noLeader) { try node.transferLeadership(to: three) }
        node.step(.heartbeat(commit: .zero, round: ReadRound(0)), from: one)
        node.settle()
        try node.transferLeadership(to: three)
        let message = try #require(node.settle().messages.first)
        var leader = ReplicationTests.replicating()
        leader.step(message)
        #expect(leader.transferTarget == three)
    }
}
