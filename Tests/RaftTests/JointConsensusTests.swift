// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import Testing

/// Several members change at once, by way of a configuration that is two. Source: Raft §6; thesis §4.3.
@Suite struct JointConsensusTests {
    static let four = MemberID(4)
    static let five = MemberID(5)
    static let old = [one, two, three]

    /// A leader of 1, 2, 3 with the learner 4, in the joint configuration that replaces 3 by 4; the entry that entered
    /// it is 2, and the one that leaves it is 3, proposed and durable here alone.
    static func joint(_ settings: RaftSettings = .init(), replacing gone: MemberID = three) throws -> RaftNode {
        var node = RaftNode.leader(voters: old, learners: [four], settings: settings)
        node.settle()
        for peer in [two, three, four] { node.step(.appendAccepted(match: index(1)), from: peer) }
        node.settle()
        _ = try node.propose([JointChange.replace(gone, by: four).proposal])
        node.settle()
        for peer in [two, three, four] { node.step(.appendAccepted(match: index(2)), from: peer) }
        node.settle()
        return node
    }

    // MARK: Configurations

    @Test func whatAJointConfigurationIs() {
        var configuration = Configuration(voters: Self.old, learners: [Self.four])
        configuration.apply(.replace(three, by: Self.four))
        #expect(configuration.voters == [one, two, Self.four] && configuration.outgoing == Self.old)
        #expect(configuration.isJoint && configuration.allVoters == [one, two, three, Self.four])
        #expect(configuration.isVoter(three) && !configuration.staysVoter(three))
        #expect(configuration.isVoter(Self.four) && configuration.learners == [])
        let before = configuration
        // It changes by being left alone.
        configuration.apply(ConfigurationChange(.remove, two))
        configuration.apply(JointChange.replace(one, by: Self.five))
        #expect(configuration == before)
        configuration.apply(.leave)
        #expect(configuration == Configuration(voters: [one, two, Self.four]))
        configuration.apply(.leave)
        #expect(configuration == Configuration(voters: [one, two, Self.four]))
    }

    /// Source: thesis §4.3; etcd raft confchange, "LearnersNext".
    @Test func anOutgoingVoterIsALearnerWhenTheJointConfigurationIsLeft() {
        var configuration = Configuration(voters: Self.old)
        configuration.apply(
            .enter([.init(.addVoter, Self.four), .init(.addLearner, three), .init(.addLearner, Self.five)]))
        #expect(configuration.learners == [Self.five] && configuration.nextLearners == [three])
        #expect(configuration.isVoter(three) && !configuration.isLearner(three))
        configuration.apply(.leave)
        #expect(configuration == Configuration(voters: [one, two, Self.four], learners: [three, Self.five]))
    }

    @Test func aConfigurationWithoutVotersIsNotEntered() {
        var configuration = Configuration(voters: [one])
        configuration.apply(.enter([.init(.remove, one)]))
        #expect(configuration.voters == [one])
        configuration.apply(.leave)
        #expect(configuration == Configuration(voters: [one]))
    }

    @Test func onlyWhoIsEveryMajorityOfBothIsAlone() {
        #expect(Configuration(voters: [one], outgoing: [one]).isOnlyVoter(one))
        #expect(!Configuration(voters: [one], outgoing: [two]).isOnlyVoter(one))
        #expect(!Configuration(voters: [one], outgoing: [one, two]).isOnlyVoter(one))
    }

    // MARK: What takes a majority takes one of each (§6)

    @Test func anEntryIsCommittedByMajoritiesOfBoth() throws {
        var node = try Self.joint()
        #expect(node.configuration.isJoint && node.log.last == index(3) && node.log.committed == index(2))
        // 1 and 3 are a majority of the old one alone, 1 and 4 of the new one.
        var old = node
        old.step(.appendAccepted(match: index(3)), from: three)
        #expect(old.log.committed == index(2))
        old.step(.appendAccepted(match: index(3)), from: Self.four)
        #expect(old.log.committed == index(3))
        var new = node
        new.step(.appendAccepted(match: index(3)), from: Self.four)
        #expect(new.log.committed == index(2))
        // 1 and 2 are one of each.
        node.step(.appendAccepted(match: index(3)), from: two)
        #expect(node.log.committed == index(3))
    }

    @Test(arguments: [true, false]) func anElectionTakesMajoritiesOfBoth(usesPreVote: Bool) {
        let settings = RaftSettings(usesPreVote: usesPreVote, checksQuorum: false)
        func candidate() -> RaftNode {
            var node = RaftNode(
                id: one, settings: settings,
                recovered: RecoveredState(
                    hardState: HardState(term: term(1)),
                    configuration: Configuration(voters: [one, two, Self.four], outgoing: Self.old)),
                random: SeededRandom(seed: 1))
            node.campaign()
            let asked = Set(node.settle().messages.map(\.to))
            #expect(asked == [two, three, Self.four])
            return node
        }
        func answer(_ node: inout RaftNode, _ voter: MemberID, _ isGranted: Bool) {
            if usesPreVote {
                node.step(
                    .preVoteAnswer(isGranted: isGranted), from: voter, term: isGranted ? node.term.rawValue + 1 : nil)
            } else {
                node.step(.voteAnswer(isGranted: isGranted), from: voter)
            }
            node.settle()
        }
        let asking: Role = usesPreVote ? .preCandidate : .candidate
        for alone in [three, Self.four] {
            var node = candidate()
            answer(&node, alone, true)
            #expect(node.role == asking)
            // The other one, or 2, makes both halves whole.
            var other = node
            answer(&other, alone == three ? Self.four : three, true)
            #expect(other.role == (usesPreVote ? .candidate : .leader))
            answer(&node, two, true)
            #expect(node.role == (usesPreVote ? .candidate : .leader))
        }
        // Half of it is lost, so all is.
        var lost = candidate()
        answer(&lost, Self.four, false)
        #expect(lost.role == asking)
        answer(&lost, two, false)
        #expect(lost.role == .follower)
    }

    /// Who is on the way out votes and may lead as long as the old half counts.
    @Test func anOutgoingVoterMayStand() {
        var node = RaftNode(
            id: three,
            recovered: RecoveredState(
                hardState: HardState(term: term(1)),
                configuration: Configuration(voters: [one, two, Self.four], outgoing: Self.old)),
            random: SeededRandom(seed: 1))
        node.campaign()
        #expect(node.role == .preCandidate)
    }

    @Test func aReadTakesMajoritiesOfBoth() throws {
        var node = try Self.joint()
        try node.readIndex(ReadContext(1))
        node.settle()
        node.step(.heartbeatAnswer(round: ReadRound(1)), from: three)
        #expect(node.settle().readStates == [])
        node.step(.heartbeatAnswer(round: ReadRound(1)), from: Self.four)
        #expect(node.settle().readStates.map(\.context) == [ReadContext(1)])
    }

    /// Source: thesis §6.2.
    @Test func aLeaderThatMissesAMajorityOfOneHalfStepsDown() throws {
        for heard in [[two], [three, Self.four], [three], [Self.four]] {
            var node = try Self.joint()
            // What it was told until now counts for the first check.
            node.tick(node.settings.electionTicks)
            node.settle()
            #expect(node.role == .leader)
            for member in heard { node.step(.heartbeatAnswer(round: ReadRound(0)), from: member) }
            node.tick(node.settings.electionTicks)
            #expect((node.role == .leader) == (heard != [three] && heard != [Self.four]), "\(heard)")
        }
    }

    /// A target that is on the way out would step down at once.
    @Test func leadershipIsHandedToWhoStays() throws {
        var node = try Self.joint()
        try node.transferLeadership(to: three)
        #expect(node.transferTarget == nil)
        try node.transferLeadership(to: Self.four)
        #expect(node.transferTarget == Self.four)
    }

    // MARK: Leaving it (§6: "once C-old,new has been committed … a leader can create a log entry describing C-new")

    @Test func theLeaderLeavesWhenTheEntryThatEnteredIsApplied() throws {
        var node = RaftNode.leader(voters: Self.old, learners: [Self.four])
        node.settle()
        for peer in [two, three, Self.four] { node.step(.appendAccepted(match: index(1)), from: peer) }
        node.settle()
        _ = try node.propose([JointChange.replace(three, by: Self.four).proposal, command("a")])
        node.settle()
        #expect(!node.configuration.isJoint)
        for peer in [two, Self.four] { node.step(.appendAccepted(match: index(3)), from: peer) }
        let handedOut = node.takeOrders()
        #expect(handedOut.entries.isEmpty && handedOut.hardState?.commit == index(3))
        node.persisted(upTo: try #require(handedOut.write))
        let orders = node.takeOrders()
        #expect(orders.committed.map(\.kind) == [.jointChange, .normal])
        node.follow(orders.committed[0])
        // It counts, but is not reported applied.
        #expect(node.configuration.isJoint && !node.hasOrders)
        node.applied(upTo: index(2))
        #expect(node.hasOrders)
        let leaving = node.takeOrders().entries
        #expect(leaving.map(\.kind) == [.jointChange] && leaving.map(\.data) == [JointChange.leavingData])
        node.settle()
        #expect(node.violatedInvariants() == [])
    }

    @Test func theNewHalfAloneCountsOnceTheLeavingIsApplied() throws {
        var node = try Self.joint()
        node.step(.appendAccepted(match: index(3)), from: two)
        node.settle()
        #expect(node.configuration == Configuration(voters: [one, two, Self.four]))
        #expect(node.progress(of: three) == nil && node.violatedInvariants() == [])
        _ = try node.propose([command("a")])
        node.settle()
        node.step(.appendAccepted(match: index(4)), from: Self.four)
        #expect(node.log.committed == index(4))
        // Nothing is left to leave.
        #expect(node.settle().entries.isEmpty)
    }

    /// Source: Raft §6: a new leader finishes what an old one began.
    @Test func aNewLeaderLeavesToo() {
        var log = entries(terms: 1, 1)
        log[1].kind = .jointChange
        log[1].data = JointChange.replace(three, by: Self.four).encoded
        var node = RaftNode.make(two, voters: Self.old, learners: [Self.four], entries: log, commit: 2)
        node.settle()
        #expect(node.configuration.isJoint)
        node.campaign()
        node.settle()
        for voter in [one, Self.four] { node.step(.preVoteAnswer(isGranted: true), from: voter, term: 2) }
        node.settle()
        for voter in [one, Self.four] { node.step(.voteAnswer(isGranted: true), from: voter) }
        // Its own entry first: what its predecessor may have added behind the change is known only then.
        #expect(node.role == .leader && node.settle().entries.map(\.kind) == [.normal])
        for voter in [one, Self.four] { node.step(.appendAccepted(match: index(3)), from: voter) }
        #expect(node.settle().entries.map(\.kind) == [.jointChange])
        for voter in [one, Self.four] { node.step(.appendAccepted(match: index(4)), from: voter) }
        node.settle()
        #expect(node.configuration == Configuration(voters: [one, two, Self.four]))
    }

    /// Its predecessor's is as good.
    @Test func aNewLeaderDoesNotLeaveTwice() {
        var log = entries(terms: 1, 1, 1)
        for (place, change) in [(1, JointChange.replace(three, by: Self.four)), (2, .leave)] {
            log[place].kind = .jointChange
            log[place].data = change.encoded
        }
        var node = RaftNode.make(two, voters: Self.old, learners: [Self.four], entries: log, commit: 2)
        node.settle()
        node.campaign()
        node.settle()
        for voter in [one, three, Self.four] { node.step(.preVoteAnswer(isGranted: true), from: voter, term: 2) }
        node.settle()
        for voter in [one, three, Self.four] { node.step(.voteAnswer(isGranted: true), from: voter) }
        node.settle()
        for voter in [one, Self.four] { node.step(.appendAccepted(match: index(4)), from: voter) }
        node.settle()
        #expect(!node.configuration.isJoint && node.log.last == index(4) && node.log.applied == index(4))
    }

    /// Source: Raft §6: "the leader steps down once it has committed the C-new log entry".
    @Test func aLeaderThatIsReplacedLeadsUntilTheLeavingIsCommitted() throws {
        var node = try Self.joint(replacing: one)
        #expect(node.role == .leader && node.configuration.voters == [two, three, Self.four])
        // Itself it counts for the old half alone: 2 and 4 are a majority of the new one, with it of both.
        node.step(.appendAccepted(match: index(3)), from: Self.four)
        #expect(node.log.committed == index(2))
        node.step(.appendAccepted(match: index(3)), from: two)
        #expect(node.log.committed == index(3) && node.role == .leader)
        let orders = node.settle()
        #expect(node.role == .follower && node.configuration.voters == [two, three, Self.four])
        let told = Message.Body.append(previous: id(3, term: 1), entries: [], commit: index(3))
        #expect(orders.bodies(to: two).contains(told) && orders.bodies(to: Self.four).contains(told))
        node.tick(100)
        #expect(node.role == .follower)
    }

    @Test func nothingElseChangesWhileItIsJoint() throws {
        var node = try Self.joint()
        #expect(!node.mayChangeMembers)
        for change in [ConfigurationChange(.remove, two).proposal, JointChange.replace(one, by: three).proposal] {
            #expect(throws: RequestError.configurationChangePending) { try node.propose([change]) }
        }
        // What is no change of the members goes on.
        _ = try node.propose([command("a")])
        node.step(.appendAccepted(match: index(3)), from: two)
        node.settle()
        #expect(node.mayChangeMembers)
        _ = try node.propose([ConfigurationChange(.remove, two).proposal])
    }

    @Test func leavingWaitsWhileLeadershipIsHandedOver() throws {
        var node = RaftNode.leader(voters: Self.old, learners: [Self.four])
        node.settle()
        for peer in [two, three, Self.four] { node.step(.appendAccepted(match: index(1)), from: peer) }
        node.settle()
        _ = try node.propose([JointChange.replace(three, by: Self.four).proposal])
        node.settle()
        try node.transferLeadership(to: two)
        node.step(.appendAccepted(match: index(2)), from: three)
        node.settle()
        #expect(node.configuration.isJoint && node.log.last == index(2) && !node.hasOrders)
        // The target does not take over.
        node.tick(node.settings.electionTicks)
        node.settle()
        #expect(node.transferTarget == nil && node.log.last == index(3))
    }

    // MARK: Starting in it

    /// Whoever restarts knows that what led into it is committed, by what leaves it.
    @Test func aLogThatLeavesSaysThatEnteringIsCommitted() {
        var log = entries(terms: 1, 1, 1)
        for (place, change) in [(1, JointChange.replace(three, by: Self.four)), (2, .leave)] {
            log[place].kind = .jointChange
            log[place].data = change.encoded
        }
        var node = RaftNode.make(two, voters: Self.old, learners: [Self.four], entries: log, commit: 0)
        #expect(node.log.committed == index(2))
        node.settle()
        #expect(node.configuration.isJoint && node.violatedInvariants() == [])
    }

    @Test func aStateBringsTheJointConfiguration() {
        let configuration = Configuration(
            voters: [one, two, Self.four], outgoing: Self.old, nextLearners: [three])
        var node = RaftNode.make(Self.four, voters: [], term: 1)
        node.step(.snapshot(SnapshotMark(last: id(7, term: 1), configuration: configuration)), from: one)
        node.settle()
        #expect(node.configuration == configuration && node.violatedInvariants() == [])
        #expect(node.isPromotable)
    }

    /// As with single changes: it would count the wrong voters.
    @Test func nobodyStandsWithAJointChangeUnapplied() {
        var node = RaftNode.make(two, voters: Self.old, learners: [Self.four], term: 1)
        var change = entries(terms: 1)
        change[0].kind = .jointChange
        change[0].data = JointChange.replace(three, by: Self.four).encoded
        node.step(.append(previous: .zero, entries: change, commit: index(1)), from: one)
        node.tick(100)
        #expect(node.role == .follower)
        node.settle()
        node.tick(100)
        #expect(node.role == .preCandidate && node.configuration.isJoint)
    }
}
