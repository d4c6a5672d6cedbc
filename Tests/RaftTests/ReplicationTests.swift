// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import Testing

@Suite struct ReplicationTests {
    static let voters = [one, two, three]

    /// A leader of term 1 whose peers replicate: all have its first entry.
    static func replicating(_ settings: RaftSettings = .init(), voters: [MemberID] = voters) -> RaftNode {
        var node = RaftNode.leader(voters: voters, settings: settings)
        node.settle()
        for peer in voters where peer != one { node.step(.appendAccepted(match: index(1)), from: peer) }
        node.settle()
        return node
    }

    /// Source: Raft §5.3: an entry is committed when a majority has it.
    @Test(
        arguments: [
            (3, 1, true), (3, 0, false), (5, 1, false), (5, 2, true), (4, 1, false), (4, 2, true), (2, 1, true),
        ] as [(UInt64, UInt64, Bool)])
    func aMajorityCommits(voters: UInt64, acknowledgements: UInt64, isCommitted: Bool) throws {
        var node = Self.replicating(voters: (1...voters).map { MemberID($0) })
        _ = try node.propose([command("a")])
        node.settle()
        for peer in 0..<acknowledgements { node.step(.appendAccepted(match: index(2)), from: MemberID(2 + peer)) }
        #expect((node.log.committed == index(2)) == isCommitted)
    }

    /// Source: Raft thesis §10.2.1: a leader writes and sends at the same time, and counts itself when it has synced.
    @Test func aLeaderCountsItselfForWhatItSynced() throws {
        var node = Self.replicating()
        _ = try node.propose([command("a")])
        let orders = node.takeOrders()
        #expect(orders.messages.count == 2 && orders.write != nil)
        node.step(.appendAccepted(match: index(2)), from: two)
        #expect(node.log.committed == index(1))
        // The others are a majority without it.
        var other = node
        other.step(.appendAccepted(match: index(2)), from: three)
        #expect(other.log.committed == index(2) && other.log.synced == index(1))
        #expect(other.takeOrders().committed.map(\.index) == [index(2)])
        node.persisted(upTo: try #require(orders.write))
        #expect(node.log.committed == index(2))
    }

    /// Source: Raft §5.4.2, figure 8.
    @Test func entriesOfEarlierTermsAreCommittedOnlyByOneOfThisTerm() {
        var node = RaftNode.leader(voters: Self.voters, entries: entries(terms: 1, 1))
        node.settle()
        node.step(.appendAccepted(match: index(2)), from: two)
        node.step(.appendAccepted(match: index(2)), from: three)
        #expect(node.log.committed == index(0))
        node.step(.appendAccepted(match: index(3)), from: two)
        #expect(node.log.committed == index(3))
    }

    @Test func commitIsToldAtOnceAndOnce() throws {
        var node = Self.replicating()
        _ = try node.propose([command("a")])
        node.settle()
        node.step(.appendAccepted(match: index(2)), from: two)
        let told = node.settle()
        let body = Message.Body.append(previous: id(2, term: 1), entries: [], commit: index(2))
        #expect(told.bodies(to: two) == [body] && told.bodies(to: three) == [body])
        #expect(!node.hasOrders)
    }

    // MARK: Followers

    /// Source: Raft §5.3, figure 7: whatever a follower has, the leader's log wins.
    @Test(
        arguments: [
            [1, 1, 1, 4, 4, 5, 5, 6, 6], [1, 1, 1, 4], [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
            [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
            [1, 1, 1, 4, 4, 4, 4], [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], [],
        ] as [[UInt64]])
    func aFollowersLogBecomesTheLeaders(terms: [UInt64]) {
        func make(_ terms: [UInt64]) -> [Entry] {
            terms.enumerated().map { offset, term in
                Entry(term: Term(term), index: LogIndex(UInt64(offset) + 1), data: bytes("\(offset) of \(term)"))
            }
        }
        var leader = RaftNode.make(
            voters: Self.voters, settings: ElectionTests.plain, entries: make([1, 1, 1, 4, 4, 5, 5, 6, 6, 6]), term: 7)
        leader.campaign()
        leader.settle()
        leader.step(.voteAnswer(isGranted: true), from: three)
        var follower = RaftNode.make(
            two, voters: Self.voters, settings: ElectionTests.plain, entries: make(terms), term: 7)
        var exchanges = 0
        while leader.hasOrders || follower.hasOrders {
            for message in leader.settle().messages where message.to == two {
                exchanges += 1
                follower.step(message)
            }
            for message in follower.settle().messages where message.to == one { leader.step(message) }
        }
        #expect(leader.log.last == index(11) && follower.log.last == index(11))
        for offset in 1...UInt64(11) { #expect(leader.log[index(offset)] == follower.log[index(offset)]) }
        #expect(follower.log.committed == index(11))
        // Back-off goes by terms, not by entries.
        #expect(exchanges <= 6)
    }

    /// Source: Raft §5.3: an old append doesn't undo what came after it.
    @Test func anOldAppendShortensNothing() {
        var node = RaftNode.make(two, voters: Self.voters, entries: entries(terms: 1, 1, 1))
        node.step(.append(previous: .zero, entries: entries(terms: 1), commit: index(1)), from: one)
        #expect(node.log.last == index(3) && node.log.committed == index(1))
        #expect(node.settle().bodies == [.appendAccepted(match: index(1))])
    }

    /// Source: Raft figure 2: commit goes no further than what this append made sure of.
    @Test func commitStopsAtWhatIsKnownToAgree() {
        var node = RaftNode.make(two, voters: Self.voters, entries: entries(terms: 1, 1, 1))
        node.step(.append(previous: id(1, term: 1), entries: [], commit: index(3)), from: one)
        #expect(node.log.committed == index(1))
        node.step(.append(previous: id(1, term: 1), entries: entries(terms: 1, from: 2), commit: index(3)), from: one)
        #expect(node.log.committed == index(2))
    }

    @Test func rejectionSaysWhereTheLogsCouldAgree() {
        var node = RaftNode.make(two, voters: Self.voters, entries: entries(terms: 1, 2, 3, 3, 3))
        node.step(.append(previous: id(5, term: 2), entries: [], commit: .zero), from: one, term: 4)
        #expect(node.settle().bodies == [.appendRejected(rejected: index(5), hint: id(2, term: 2))])
        node.step(.append(previous: id(9, term: 4), entries: [], commit: .zero), from: one, term: 4)
        #expect(node.settle().bodies == [.appendRejected(rejected: index(9), hint: id(5, term: 3))])
    }

    @Test func aCommitBeyondTheLogIsNoticed() {
        var node = RaftNode.make(two, voters: Self.voters, entries: entries(terms: 1))
        node.step(.heartbeat(commit: index(5), round: ReadRound(0)), from: one)
        #expect(node.log.committed == index(0) && node.counters.commitBeyondLog == 1)
    }
}
