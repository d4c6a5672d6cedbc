// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import Testing

/// Windows, limits, and what is sent again.
@Suite struct FlowTests {
    @Test func aProbeGoesAloneUntilItIsAnswered() throws {
        var node = RaftNode.leader(voters: ReplicationTests.voters)
        #expect(node.settle().bodies(to: two).count == 1)
        _ = try node.propose([command("a")])
        #expect(node.settle().bodies(to: two) == [])
        // A sign of life: ask again.
        node.step(.heartbeatAnswer(round: ReadRound(0)), from: two)
        #expect(node.settle().bodies(to: two).count == 1)
        node.step(.appendAccepted(match: index(1)), from: two)
        #expect(node.progress(of: two)?.state == .replicate)
        _ = try node.propose([command("b")])
        #expect(node.settle().bodies(to: two).count == 1)
        _ = try node.propose([command("c")])
        #expect(node.settle().bodies(to: two).count == 1)
    }

    @Test func appendsAreCutBySizeAndHeldBackByNumber() throws {
        var settings = RaftSettings()
        settings.limits.appendBytesMax = 10
        settings.limits.inflightMessagesMax = 3
        var node = ReplicationTests.replicating(settings)
        _ = try node.propose((0..<8).map { command("\($0)2345") } + [command(String(repeating: "x", count: 50))])
        func sizes(_ orders: Orders) -> [Int] {
            orders.bodies(to: two).map { if case .append(_, let entries, _) = $0 { entries.count } else { -1 } }
        }
        #expect(sizes(node.settle()) == [2, 2, 2])
        #expect(!node.hasOrders)
        // Throttled, it still asks where the peer stands.
        node.step(.heartbeatAnswer(round: ReadRound(0)), from: two)
        #expect(sizes(node.settle()) == [0])
        node.step(.appendAccepted(match: index(5)), from: two)
        // An entry larger than a message goes alone.
        #expect(sizes(node.settle()) == [2, 1])
    }

    @Test func bytesInFlightAreLimited() throws {
        var settings = RaftSettings()
        settings.limits.appendBytesMax = 10
        settings.limits.inflightBytesMax = 20
        var node = ReplicationTests.replicating(settings)
        for _ in 0..<5 { _ = try node.propose([command("0123456789")]) }
        #expect(node.settle().bodies(to: two).count == 2)
    }

    @Test func whatWasLostIsFoundOut() throws {
        var node = ReplicationTests.replicating()
        _ = try node.propose([command("lost")])
        node.settle()
        node.step(.heartbeatAnswer(round: ReadRound(0)), from: two)
        #expect(node.settle().bodies(to: two) == [.append(previous: id(2, term: 1), entries: [], commit: index(1))])
        node.step(.appendRejected(rejected: index(2), hint: id(1, term: 1)), from: two)
        #expect(node.progress(of: two)?.state == .probe)
        guard case .append(let previous, let entries, _)? = node.settle().bodies(to: two).first else {
            Issue.record("nothing sent again")
            return
        }
        #expect(previous == id(1, term: 1) && entries.map(\.data) == [bytes("lost")])
        // The same rejection again is old news.
        let before = node.counters.staleAnswer
        node.step(.appendRejected(rejected: index(2), hint: id(1, term: 1)), from: two)
        #expect(node.counters.staleAnswer == before + 1 && !node.hasOrders)
    }

    @Test func anUnreachablePeerIsProbed() throws {
        var node = ReplicationTests.replicating()
        _ = try node.propose([command("a")])
        node.settle()
        node.unreachable(two)
        #expect(node.progress(of: two)?.state == .probe && node.progress(of: two)?.next == index(2))
        #expect(node.progress(of: three)?.state == .replicate)
    }

    @Test func proposalsAreRefusedAboveTheLimitOfUncommittedBytes() throws {
        var settings = RaftSettings()
        settings.limits.uncommittedBytesMax = 10
        var node = ReplicationTests.replicating(settings)
        // The first passes, whatever its size.
        _ = try node.propose([command("0123456789abcdef")])
        #expect(throws: RequestError.tooMuchUncommitted) { try node.propose([command("a")]) }
        node.settle()
        node.step(.appendAccepted(match: index(2)), from: two)
        node.settle()
        #expect(node.uncommittedBytes == 0)
        _ = try node.propose([command("a")])
        #expect(node.uncommittedBytes == 1)
    }

    @Test func followersForwardAndOthersRefuse() throws {
        var node = RaftNode.make(two, voters: ReplicationTests.voters, term: 1)
        #expect(throws: RequestError.noLeader) { try node.propose([command("a")]) }
        node.step(.heartbeat(commit: .zero, round: ReadRound(0)), from: one)
        node.settle()
        #expect(try node.propose([command("a")]) == .forwarded)
        let orders = node.settle()
        #expect(orders.messages == [Message(from: two, to: one, term: term(1), body: .proposal([command("a")]))])
        var leader = ReplicationTests.replicating()
        leader.step(try #require(orders.messages.first))
        #expect(leader.log[index(2)].data == bytes("a"))
        // Who doesn't lead any more lets it go.
        node.step(Message(from: three, to: two, term: term(1), body: .proposal([command("b")])))
        #expect(node.settle().messages == [] && node.counters.unserved == 1)
    }

    @Test func applyingIsLimitedByBytes() throws {
        var settings = RaftSettings()
        settings.limits.applyingBytesMax = 10
        var node = RaftNode.make(settings: settings)
        node.campaign()
        node.settle()
        _ = try node.propose([command("12345"), command("67890"), command("a"), command("0123456789abcdef")])
        node.persisted(upTo: try #require(node.takeOrders().write))
        #expect(node.takeOrders().committed.count == 2)
        #expect(!node.hasOrders)
        node.applied(upTo: index(2))
        #expect(node.takeOrders().committed.map(\.data) == [bytes("a")])
        node.applied(upTo: index(3))
        #expect(!node.hasOrders)
        node.applied(upTo: index(4))
        // Alone, one passes.
        #expect(node.takeOrders().committed.count == 1)
    }
}
