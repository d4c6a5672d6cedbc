// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletNode
import MartletTestPrograms
import NIOCore
import SwiftProtobuf
import Testing

/// What is published on its way to another member: what goes together, what finds no room, and what is counted.
@Suite(.timeLimit(.minutes(30))) struct MessageLaneTests {
    private static func message(_ number: Int, count: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: count)
    }

    @Test func oneCallIsUnderWay() {
        var lane = MessageLane()
        let isAdded = lane.add([1])
        let first = lane.takeNext()
        #expect(isAdded && first?.bytes == [1] && first?.count == 1)
        for number: UInt8 in 2...4 { #expect(Self.isTaken([number], by: &lane)) }
        let none = lane.takeNext()
        #expect(none == nil && !lane.isEmpty)
        let losses = lane.end(.taken)
        #expect(losses == MessageLosses())
        let second = lane.takeNext()
        #expect(second?.bytes == [2, 3, 4] && second?.count == 3 && lane.byteCount == 0)
        _ = lane.end(.taken)
        #expect(lane.isEmpty)
    }

    /// Those of shard channels go by a call of their own, in their place.
    @Test func shardChannelsAreApart() {
        var lane = MessageLane()
        for (number, isShard) in [false, false, true, true, false].enumerated() {
            let isAdded = lane.add([UInt8(number)], isShard: isShard)
            #expect(isAdded)
        }
        var calls: [[UInt8]] = []
        var kinds: [Bool] = []
        while let call = lane.takeNext() {
            calls.append(call.bytes)
            kinds.append(call.isShard)
            _ = lane.end(.taken)
        }
        #expect(calls == [[0, 1], [2, 3], [4]] && kinds == [false, true, false])
    }

    private static func isTaken(_ bytes: [UInt8], by lane: inout MessageLane) -> Bool { lane.add(bytes) }

    /// Calls have a limit, but for one long message; all that waits has one, too.
    @Test func whatWaitsIsBounded() {
        var lane = MessageLane()
        let half = MessageLane.callBytesMax / 2
        var counts: [Int] = []
        for (number, count) in [half, half, 1, 4 * half, 1].enumerated() {
            #expect(Self.isTaken(Self.message(number, count: count), by: &lane))
        }
        while let call = lane.takeNext() {
            counts.append(call.bytes.count)
            _ = lane.end(.taken)
        }
        #expect(counts == [2 * half, 1, 4 * half, 1])

        let part = MessageLane.queuedBytesMax / 4
        for number in 0..<4 { #expect(Self.isTaken(Self.message(number, count: part), by: &lane)) }
        #expect(!Self.isTaken([0], by: &lane))
        #expect(lane.byteCount == MessageLane.queuedBytesMax)
        // What is under way waits no more.
        let first = lane.takeNext()
        #expect(first?.bytes.first == 0)
        #expect(Self.isTaken(Self.message(9, count: part), by: &lane))
        #expect(!Self.isTaken([0], by: &lane))
    }

    /// What is known to be lost, what may have come, and what waited behind it.
    @Test(arguments: [
        (MessageLane.Outcome.lost, MessageLosses(lost: 5)),
        (MessageLane.Outcome.unconfirmed, MessageLosses(lost: 2, unconfirmed: 3)),
        (MessageLane.Outcome.taken, MessageLosses()),
    ])
    func whatWaitsIsLostWithACall(_ outcome: MessageLane.Outcome, _ losses: MessageLosses) {
        var lane = MessageLane()
        for _ in 0..<3 { #expect(Self.isTaken([1], by: &lane)) }
        let call = lane.takeNext()
        #expect(call?.count == 3)
        for _ in 0..<2 { #expect(Self.isTaken([2], by: &lane)) }
        let counted = lane.end(outcome)
        #expect(counted == losses)
        #expect(lane.isEmpty == (outcome != .taken) && (lane.byteCount == 0) == lane.isEmpty)
        // It goes on.
        #expect(Self.isTaken([3], by: &lane))
        let next = lane.takeNext()
        #expect(next?.bytes == (outcome == .taken ? [2, 2, 3] : [3]))
    }

    @Test func callsThatEndWithoutAnAnswerAreUnconfirmed() {
        for status in [GRPCStatus.deadlineExceeded, .cancelled, GRPCStatus(.unavailable), GRPCStatus(.unknown)] {
            #expect(MessageLane.Outcome(status) == .unconfirmed, "\(status)")
        }
        var refused = GRPCStatus(.unavailable)
        refused.isConnectFailure = true
        var unprocessed = GRPCStatus(.unavailable)
        unprocessed.wasNotProcessed = true
        for status in [refused, unprocessed, GRPCStatus(.failedPrecondition), GRPCStatus(.unimplemented)] {
            #expect(MessageLane.Outcome(status) == .lost, "\(status)")
        }
        #expect(MessageLane.Outcome(.ok) == .taken)
    }

    /// A member at whose address nobody listens.
    @Test func whatDoesNotArriveIsCounted() async throws {
        try await ServerFixture.with(in: try TemporaryFolder(), loopCount: 1) { fixture in
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let client = try WireClient(.hostPort("127.0.0.1", fixture.port), logger: logger)
            var addition = Etcdserverpb_MemberAddRequest()
            addition.peerUrls = ["http://127.0.0.1:1"]
            addition.isLearner = true
            _ = try await client.unary("/etcdserverpb.Cluster/MemberAdd", try addition.serializedBytes())
            await client.close()
            let member = try await fixture.server.member
            let loop = member.eventLoop
            try await loop.submit {
                for number in 0..<10 {
                    member.value.onPublish(ChannelMessage(channel: [1], text: [UInt8(number)]))
                }
            }.get()
            var losses = MessageLosses()
            while losses.lost + losses.unconfirmed < 10 {
                losses = try await loop.submit { member.value.messageLosses }.get()
                try await Task.sleep(for: .milliseconds(5))
            }
            #expect(losses == MessageLosses(lost: 10))
        }
    }
}
