// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import Testing

/// Source: Raft §7.
@Suite struct SnapshotTests {
    static let voters = [one, two, three]
    static let mark = SnapshotMark(last: id(5, term: 2), configuration: Configuration(voters: voters + [MemberID(4)]))

    /// A leader of three that has compacted its log to index 4, while the third member has none of it.
    static func compactedLeader() throws -> RaftNode {
        var node = ReplicationTests.replicating(voters: [one, two])
        _ = try node.propose([command("a"), command("b"), command("c")])
        node.settle()
        node.step(.appendAccepted(match: index(4)), from: two)
        node.settle()
        node.compact(upTo: index(4))
        node.apply(ConfigurationChange(.addLearner, three))
        return node
    }

    @Test func aPeerBehindTheLogGetsAState() throws {
        var node = try Self.compactedLeader()
        node.settle()
        node.step(.heartbeatAnswer(round: ReadRound(0)), from: three)
        node.step(.appendRejected(rejected: index(4), hint: .zero), from: three)
        #expect(node.settle().snapshotsToSend == [three])
        #expect(node.progress(of: three)?.state == .snapshot)
        _ = try node.propose([command("d")])
        #expect(node.settle().bodies(to: three) == [])
        let mark = SnapshotMark(last: id(4, term: 1), configuration: node.configuration)
        #expect(node.snapshotMessage(to: three, mark: mark).body == .snapshot(mark))
        var failed = node
        failed.snapshotSent(to: three, upTo: nil)
        #expect(failed.progress(of: three)?.state == .probe && failed.progress(of: three)?.next == index(1))
        failed.step(.heartbeatAnswer(round: ReadRound(0)), from: three)
        #expect(failed.settle().snapshotsToSend == [three])
        node.snapshotSent(to: three, upTo: index(4))
        #expect(!node.hasOrders)
        node.step(.appendAccepted(match: index(4)), from: three)
        #expect(node.progress(of: three)?.state == .replicate)
        guard case .append(let previous, let entries, _)? = node.settle().bodies(to: three).first else {
            Issue.record("replication doesn't go on")
            return
        }
        #expect(previous == id(4, term: 1) && entries.map(\.data) == [bytes("d")])
    }

    @Test func aSilentPeerGetsNone() throws {
        var node = try Self.compactedLeader()
        node.tick(10)
        node.step(.heartbeatAnswer(round: ReadRound(0)), from: two)
        node.settle()
        node.unreachable(three)
        node.step(.appendRejected(rejected: index(4), hint: .zero), from: two)
        #expect(!node.settle().snapshotsToSend.contains(three))
    }

    @Test func aStateReplacesTheLog() throws {
        var node = RaftNode.make(three, voters: Self.voters, entries: entries(terms: 1, 1, 1), commit: 1)
        node.settle()
        node.step(.snapshot(Self.mark), from: one, term: 2)
        let orders = node.takeOrders()
        #expect(orders.snapshot == Self.mark && orders.hardState == HardState(term: term(2), commit: index(5)))
        #expect(orders.messages == [] && orders.entries == [] && orders.committed == [])
        #expect(node.log.base == Self.mark.last && node.log.last == index(5))
        #expect(node.configuration == Self.mark.configuration)
        // Until it is installed: no applying, no election, and no change from before it.
        node.step(
            .append(previous: id(5, term: 2), entries: entries(terms: 2, from: 6), commit: index(6)), from: one)
        #expect(node.takeOrders().committed == [])
        node.apply(ConfigurationChange(.remove, two))
        node.tick(100)
        #expect(node.configuration == Self.mark.configuration && node.role == .follower)
        node.persisted(upTo: try #require(orders.write))
        let next = node.takeOrders()
        #expect(next.committed.map(\.index) == [index(6)])
        #expect(next.bodies == [.appendAccepted(match: index(5))])
    }

    @Test func aStateThatIsHereAlreadyIsNotInstalled() {
        var node = RaftNode.make(three, voters: Self.voters, entries: entries(terms: 1, 1, 2, 2, 2, 2), commit: 1)
        node.step(.snapshot(Self.mark), from: one)
        #expect(node.log.committed == index(5) && node.log.last == index(6))
        #expect(node.settle().bodies == [.appendAccepted(match: index(5))])
        let old = SnapshotMark(last: id(3, term: 2), configuration: Self.mark.configuration)
        node.step(.snapshot(old), from: one)
        let orders = node.settle()
        #expect(orders.snapshot == nil && orders.bodies == [.appendAccepted(match: index(5))])
    }

    /// A member that was just added may get a state that was saved before. Refusing it left a cluster without progress.
    @Test func aStateMayBeOlderThanTheReceiversMembership() {
        var node = RaftNode.make(MemberID(8), voters: [MemberID(8)], term: 2)
        node.step(.snapshot(Self.mark), from: one)
        let orders = node.settle()
        #expect(orders.snapshot == Self.mark && orders.bodies == [.appendAccepted(match: index(5))])
        node.tick(100)
        #expect(node.role == .follower && node.configuration == Self.mark.configuration)
    }
}
