// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import Testing

/// A cluster of one is a real cluster: term, election, first entry, majority of one.
@Suite struct SingleVoterTests {
    @Test func electsItselfWhenItsVoteIsDurable() throws {
        var node = RaftNode.make()
        node.campaign()
        #expect(node.role == .candidate)
        let vote = node.takeOrders()
        #expect(vote.hardState == HardState(term: term(1), vote: one))
        #expect(vote.entries == [] && vote.messages == [])
        node.persisted(upTo: try #require(vote.write))
        #expect(node.role == .leader && node.leader == one)

        let opening = node.takeOrders()
        #expect(opening.softState == SoftState(leader: one, role: .leader))
        #expect(opening.entries == [Entry(term: term(1), index: index(1), data: [])])
        #expect(node.log.committed == index(0))
        node.persisted(upTo: try #require(opening.write))
        #expect(node.log.committed == index(1))
        #expect(node.takeOrders().committed.map(\.id) == [id(1, term: 1)])
    }

    @Test func commitsWhatIsDurableAndNoMore() throws {
        var node = RaftNode.make()
        node.campaign()
        node.settle()
        #expect(try node.propose([command("a"), command("b")]) == .appended(id(2, term: 1)))
        let first = node.takeOrders()
        #expect(first.entries.map(\.data) == [bytes("a"), bytes("b")] && first.committed == [])
        _ = try node.propose([command("c")])
        let second = node.takeOrders()
        #expect(second.entries.map(\.data) == [bytes("c")])
        node.persisted(upTo: try #require(first.write))
        #expect(node.log.committed == index(3))
        let third = node.takeOrders()
        #expect(third.committed.map(\.data) == [bytes("a"), bytes("b")])
        // The commit index alone is worth no sync.
        #expect(third.write == nil && third.hardState?.commit == index(3))
        node.persisted(upTo: try #require(second.write))
        #expect(node.takeOrders().committed.map(\.data) == [bytes("c")])
        #expect(!node.hasOrders)
    }

    /// One sync may serve many bundles: the report of the last stands for all.
    @Test func oneReportServesManyWrites() throws {
        var node = RaftNode.make()
        node.campaign()
        node.settle()
        var last: WriteNumber?
        for count in 0..<5 {
            _ = try node.propose([command("\(count)")])
            last = node.takeOrders().write
        }
        node.persisted(upTo: try #require(last))
        #expect(node.log.committed == index(6))
        // An old report says nothing new.
        node.persisted(upTo: WriteNumber(1))
        #expect(node.log.committed == index(6))
    }

    @Test func answersReadsAtOnceButNotBeforeItsFirstCommit() throws {
        var node = RaftNode.make()
        #expect(throws: RequestError.noLeader) { try node.readIndex(ReadContext(1)) }
        node.campaign()
        let vote = node.takeOrders()
        node.persisted(upTo: try #require(vote.write))
        try node.readIndex(ReadContext(2))
        let opening = node.takeOrders()
        #expect(opening.readStates == [])
        node.persisted(upTo: try #require(opening.write))
        try node.readIndex(ReadContext(3))
        let answers = node.takeOrders().readStates
        #expect(answers.map(\.context) == [ReadContext(2), ReadContext(3)])
        #expect(answers.map(\.index) == [index(1), index(1)])
    }

    @Test func comesBackWithAllItHadAndCommitsIt() throws {
        var node = RaftNode.make(entries: entries(terms: 1, 1, 2), term: 2, commit: 1, applied: 1)
        #expect(node.settle().committed == [])
        node.campaign()
        let orders = node.settle()
        #expect(node.term == term(3))
        #expect(orders.committed.map(\.id) == [id(2, term: 1), id(3, term: 2), id(4, term: 3)])
    }

    /// The saved state may be ahead of the commit index that was written.
    @Test func whatIsAppliedWasCommitted() {
        var node = RaftNode.make(entries: entries(terms: 1, 1, 1), commit: 1, applied: 3)
        #expect(node.log.committed == index(3))
        #expect(node.settle().committed == [])
    }

    @Test func timeAloneElectsItToo() {
        var node = RaftNode.make()
        node.tick(2 * node.settings.electionTicks)
        node.settle()
        #expect(node.role == .leader)
    }

    @Test func startsFromItsFirstMembers() throws {
        let change = ConfigurationChange(.addVoter, one)
        var node = RaftNode(
            id: one, recovered: .bootstrap(Configuration(voters: [one]), changes: [change.encoded]),
            random: SeededRandom(seed: 1))
        // Its own membership is committed but not applied: it can't count voters yet.
        node.campaign()
        #expect(node.role == .follower)
        #expect(node.settle().committed.map(\.kind) == [.configurationChange])
        node.campaign()
        node.settle()
        #expect(node.role == .leader && node.term == term(2) && node.configuration.voters == [one])
    }

    /// From proposal to commit the same bytes, and the same arrays, bundle after bundle.
    @Test func sharesBytesAndReusesArrays() throws {
        var node = RaftNode.make()
        node.campaign()
        node.settle()
        var orders = Orders()
        let batch = (0..<100).map { command("a command too long for anything but the heap \($0)") }
        let addresses = batch.map { Self.address($0.data) }
        var places: Set<Int> = []
        for round in 0..<20 {
            _ = try node.propose(batch)
            node.takeOrders(into: &orders)
            #expect(orders.entries.map { Self.address($0.data) } == addresses)
            if round > 4 { places.insert(Self.address(orders.entries)) }
            node.persisted(upTo: try #require(orders.write))
            node.takeOrders(into: &orders)
            #expect(orders.committed.map { Self.address($0.data) } == addresses)
            if round > 4 { places.insert(Self.address(orders.committed)) }
            node.applied(upTo: node.log.committed)
            node.compact(upTo: node.log.applied)
        }
        #expect(places.count == 2)
    }

    private static func address<Element>(_ array: [Element]) -> Int {
        array.withUnsafeBufferPointer { Int(bitPattern: $0.baseAddress) }
    }
}
