// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import Testing

/// Source: Raft thesis §4.
@Suite struct MembershipTests {
    static let four = MemberID(4)

    static func leaderOfOne() -> RaftNode {
        var node = RaftNode.make()
        node.campaign()
        node.settle()
        return node
    }

    @Test func changesOfAConfiguration() {
        var configuration = Configuration(voters: [three, one, one], learners: [one, two])
        #expect(configuration.voters == [one, three] && configuration.learners == [two])
        func expect(_ change: ConfigurationChange, _ voters: [MemberID], _ learners: [MemberID]) {
            configuration.apply(change)
            #expect(configuration == Configuration(voters: voters, learners: learners), "\(change)")
        }
        expect(.init(.addVoter, two), [one, two, three], [])
        expect(.init(.addVoter, two), [one, two, three], [])
        expect(.init(.addLearner, three), [one, two], [three])
        expect(.init(.addLearner, Self.four), [one, two], [three, Self.four])
        expect(.init(.update, Self.four), [one, two], [three, Self.four])
        expect(.init(.remove, three), [one, two], [Self.four])
        expect(.init(.remove, three), [one, two], [Self.four])
        expect(.init(.remove, one), [two], [Self.four])
        expect(.init(.remove, two), [two], [Self.four])
        expect(.init(.addLearner, two), [two], [Self.four])
    }

    @Test func aChangeCountsWhenItIsApplied() throws {
        var node = Self.leaderOfOne()
        _ = try node.propose([ConfigurationChange(.addVoter, two).proposal])
        let written = node.takeOrders()
        node.persisted(upTo: try #require(written.write))
        node.persisted(upTo: try #require(node.takeOrders().write))
        let orders = node.takeOrders()
        #expect(orders.committed.map(\.kind) == [.configurationChange])
        #expect(node.configuration.voters == [one])
        node.apply(ConfigurationChange(.addVoter, two))
        node.applied(upTo: index(2))
        #expect(node.configuration.voters == [one, two])
        // Now it takes both.
        _ = try node.propose([command("a")])
        node.settle()
        #expect(node.log.committed == index(2))
        node.step(.appendRejected(rejected: index(2), hint: .zero), from: two)
        guard case .append(.zero, let entries, _)? = node.settle().bodies(to: two).last else {
            Issue.record("the newcomer gets nothing")
            return
        }
        #expect(entries.count == 3)
        node.step(.appendAccepted(match: index(3)), from: two)
        #expect(node.log.committed == index(3))
    }

    /// Whoever is removed may be gone as soon as it hears of it: of two voters the other one, should it lose power
    /// then, must find on its disk that it is alone.
    @Test func aChangeIsToldAndAppliedWhenItIsDurablyCommitted() throws {
        var node = ReplicationTests.replicating(voters: [one, two])
        _ = try node.propose([command("a"), ConfigurationChange(.remove, two).proposal, command("b")])
        node.settle()
        node.step(.appendAccepted(match: index(4)), from: two)
        #expect(node.log.committed == index(4))
        let held = node.takeOrders()
        // What is before it waits for nothing.
        #expect(held.committed.map(\.index) == [index(2)])
        #expect(held.bodies(to: two) == [.append(previous: id(4, term: 1), entries: [], commit: index(2))])
        #expect(held.entries.isEmpty && held.hardState?.commit == index(4))
        node.applied(upTo: index(2))
        node.tick(node.settings.heartbeatTicks)
        #expect(node.takeOrders().bodies(to: two) == [.heartbeat(commit: index(2), round: ReadRound(0))])
        node.persisted(upTo: try #require(held.write))
        let orders = node.takeOrders()
        #expect(orders.committed.map(\.index) == [index(3), index(4)])
        #expect(orders.bodies(to: two) == [.append(previous: id(4, term: 1), entries: [], commit: index(4))])
        #expect(orders.write == nil && node.violatedInvariants() == [])
    }

    @Test func aFollowerAppliesAChangeWhenItIsDurablyCommitted() throws {
        var node = RaftNode.make(two, voters: [one, two, three], term: 1)
        var change = entries(terms: 1, 1)
        change[1].kind = .configurationChange
        change[1].data = ConfigurationChange(.remove, three).encoded
        node.step(.append(previous: .zero, entries: change, commit: index(1)), from: one)
        node.settle()
        // No entry comes with it that would have to be written.
        node.step(.heartbeat(commit: index(2), round: ReadRound(0)), from: one)
        let held = node.takeOrders()
        #expect(held.committed.isEmpty && held.hardState?.commit == index(2))
        #expect(node.hasOrders == false && node.configuration.voters.count == 3)
        node.persisted(upTo: try #require(held.write))
        #expect(node.takeOrders().committed.map(\.index) == [index(2)])
        // A member that knew it when it started need not write it again.
        var restarted = RaftNode.make(two, voters: [one, two, three], entries: change, commit: 2)
        #expect(restarted.takeOrders().committed.count == 2)
    }

    /// The commit index of the second comes while the first one's is being written.
    @Test func eachOfTwoChangesIsDurablyCommittedFirst() throws {
        var node = RaftNode.make(two, voters: [one, two, three, Self.four], term: 1)
        var changes = entries(terms: 1, 1, 1)
        for (place, gone) in [(1, three), (2, Self.four)] {
            changes[place].kind = .configurationChange
            changes[place].data = ConfigurationChange(.remove, gone).encoded
        }
        node.step(.append(previous: .zero, entries: changes, commit: index(1)), from: one)
        node.settle()
        node.step(.heartbeat(commit: index(2), round: ReadRound(0)), from: one)
        let first = node.takeOrders()
        node.step(.heartbeat(commit: index(3), round: ReadRound(0)), from: one)
        #expect(node.takeOrders().write == nil)
        node.persisted(upTo: try #require(first.write))
        let second = node.takeOrders()
        #expect(second.committed.map(\.index) == [index(2)])
        // What earlier bundles said of it may be lost.
        #expect(second.hardState?.commit == index(3))
        node.apply(ConfigurationChange(.remove, three))
        node.applied(upTo: index(2))
        #expect(!node.hasOrders)
        node.persisted(upTo: try #require(second.write))
        #expect(node.takeOrders().committed.map(\.index) == [index(3)])
    }

    /// Source: Raft thesis §4.1: one at a time; and Ongaro's correction of 2015: none before the term's first commit.
    @Test func oneChangeAtATime() throws {
        let change = ConfigurationChange(.addVoter, Self.four).proposal
        var new = RaftNode.leader(voters: [one, two, three], entries: entries(terms: 1), commit: 1)
        new.settle()
        #expect(throws: RequestError.configurationChangePending) { try new.propose([change]) }
        new.step(.appendAccepted(match: index(2)), from: two)
        new.settle()
        _ = try new.propose([change])
        #expect(throws: RequestError.configurationChangePending) { try new.propose([change]) }

        var node = Self.leaderOfOne()
        #expect(throws: RequestError.configurationChangePending) { try node.propose([change, change]) }
        #expect(node.log.last == index(1))
        _ = try node.propose([command("a"), change, command("b")])
        #expect(throws: RequestError.configurationChangePending) { try node.propose([change]) }
        _ = try node.propose([command("c")])
        node.settle()
        _ = try node.propose([ConfigurationChange(.remove, Self.four).proposal])
    }

    @Test func fewerVotersAgreeOnMore() throws {
        var node = ReplicationTests.replicating(voters: [one, two])
        _ = try node.propose([ConfigurationChange(.remove, two).proposal])
        node.settle()
        node.step(.appendAccepted(match: index(2)), from: two)
        try node.readIndex(ReadContext(1))
        _ = try node.propose([command("a")])
        let orders = node.settle()
        #expect(node.configuration.voters == [one] && node.log.committed == index(3))
        #expect(orders.readStates.map(\.context) == [ReadContext(1)])
    }

    @Test func learnersGetTheLogButDoNotCount() throws {
        var node = Self.leaderOfOne()
        _ = try node.propose([ConfigurationChange(.addLearner, two).proposal])
        let orders = node.settle()
        #expect(orders.bodies(to: two).count == 1)
        _ = try node.propose([command("a")])
        node.settle()
        #expect(node.log.committed == index(3))
    }

    /// Source: Raft thesis §4.2.2.
    @Test func aRemovedLeaderTellsTheOthersAndStepsDown() throws {
        var node = ReplicationTests.replicating()
        _ = try node.propose([ConfigurationChange(.remove, one).proposal])
        node.settle()
        node.step(.appendAccepted(match: index(2)), from: two)
        // The handing out is one bundle, the stepping down the next.
        let orders = node.settle()
        #expect(node.role == .follower && node.configuration.voters == [two, three])
        #expect(orders.bodies(to: three).contains(.append(previous: id(2, term: 1), entries: [], commit: index(2))))
        node.tick(100)
        #expect(node.role == .follower)
    }

    @Test func aDemotedLeaderStepsDown() throws {
        var node = ReplicationTests.replicating()
        _ = try node.propose([ConfigurationChange(.addLearner, one).proposal])
        node.settle()
        node.step(.appendAccepted(match: index(2)), from: two)
        node.settle()
        #expect(node.role == .follower && node.configuration.learners == [one])
    }

    /// It would count the wrong voters.
    @Test func nobodyStandsWithAChangeUnapplied() {
        var node = RaftNode.make(two, voters: [one, two], term: 1)
        var change = entries(terms: 1)
        change[0].kind = .configurationChange
        change[0].data = ConfigurationChange(.addVoter, three).encoded
        node.step(.append(previous: .zero, entries: change, commit: index(1)), from: one)
        node.tick(100)
        node.step(.timeoutNow, from: one)
        #expect(node.role == .follower)
        node.settle()
        node.tick(100)
        #expect(node.role == .preCandidate && node.configuration.voters == [one, two, three])
    }

    @Test func whatIsKnownOfPeersThatStayIsKept() throws {
        var node = ReplicationTests.replicating()
        node.apply(ConfigurationChange(.addVoter, Self.four))
        #expect(node.progress(of: two)?.match == index(1) && node.progress(of: Self.four)?.match == index(0))
        node.apply(ConfigurationChange(.remove, two))
        #expect(node.progress(of: two) == nil)
        node.step(.appendAccepted(match: index(1)), from: two)
        #expect(node.counters.unknownMember == 1)
    }
}
