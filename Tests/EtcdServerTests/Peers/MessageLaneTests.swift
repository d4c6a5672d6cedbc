// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletNode
import MartletTestPrograms
import NIOCore
import SwiftProtobuf
import Synchronization
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
        let areAdded = Self.add((2...4).map { [$0] }, to: &lane)
        #expect(areAdded)
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

    /// Whether all had room.
    private static func add(_ messages: [[UInt8]], to lane: inout MessageLane) -> Bool {
        messages.reduce(true) { lane.add($1) && $0 }
    }

    /// Calls have a limit, but for one long message; all that waits has one, too.
    @Test func whatWaitsIsBounded() {
        var lane = MessageLane()
        let half = MessageLane.callBytesMax / 2
        var counts: [Int] = []
        let areAdded = Self.add([half, half, 1, 4 * half, 1].map { Self.message(1, count: $0) }, to: &lane)
        #expect(areAdded)
        while let call = lane.takeNext() {
            counts.append(call.bytes.count)
            _ = lane.end(.taken)
        }
        #expect(counts == [2 * half, 1, 4 * half, 1])

        let part = MessageLane.queuedBytesMax / 4
        let areFull = Self.add((0..<4).map { Self.message($0, count: part) }, to: &lane)
        let isMoreAdded = lane.add([0])
        #expect(areFull && !isMoreAdded && lane.byteCount == MessageLane.queuedBytesMax)
        // What is under way waits no more.
        let first = lane.takeNext()
        #expect(first?.bytes.first == 0)
        let isNextAdded = lane.add(Self.message(9, count: part))
        let isLastAdded = lane.add([0])
        #expect(isNextAdded && !isLastAdded)
    }

    /// Where kinds alternate each message is a call, and takes more memory than it has bytes.
    @Test func callsThatWaitAreBounded() {
        var lane = MessageLane()
        for number in 0..<MessageLane.queuedCallsMax {
            let isAdded = lane.add([1], isShard: number.isMultiple(of: 2))
            #expect(isAdded)
        }
        let isMoreAdded = lane.add([1], isShard: true)
        #expect(!isMoreAdded && lane.byteCount == MessageLane.queuedCallsMax)
        // One of the last one's kind goes with it.
        let isLastAdded = lane.add([1], isShard: false)
        #expect(isLastAdded)
        let losses = lane.end(.lost)
        #expect(losses.lost == UInt64(MessageLane.queuedCallsMax + 1) && lane.isEmpty && lane.byteCount == 0)
    }

    /// What is known to be lost, what may have come, and what waited behind it.
    @Test(arguments: [
        (MessageLane.Outcome.lost, MessageLosses(lost: 5)),
        (MessageLane.Outcome.unconfirmed, MessageLosses(lost: 2, unconfirmed: 3)),
        (MessageLane.Outcome.taken, MessageLosses()),
    ])
    func whatWaitsIsLostWithACall(_ outcome: MessageLane.Outcome, _ losses: MessageLosses) {
        var lane = MessageLane()
        let areAdded = Self.add([[1], [1], [1]], to: &lane)
        let call = lane.takeNext()
        #expect(areAdded && call?.count == 3)
        let areBehind = Self.add([[2], [2]], to: &lane)
        let counted = lane.end(outcome)
        #expect(areBehind && counted == losses)
        #expect(lane.isEmpty == (outcome != .taken) && (lane.byteCount == 0) == lane.isEmpty)
        // It goes on.
        let isAdded = lane.add([3])
        let next = lane.takeNext()
        #expect(isAdded && next?.bytes == (outcome == .taken ? [2, 2, 3] : [3]))
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

    /// Keeps what is said of lost messages.
    private struct LossHandler: LogHandler {
        final class Lines: Sendable {
            let all = Mutex<[String]>([])
        }

        let lines: Lines
        var logLevel = Logger.Level.warning
        var metadata: Logger.Metadata = [:]

        init(_ lines: Lines) { self.lines = lines }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            guard let lost = event.metadata?["lost-to-all"] else { return }
            lines.all.withLock { $0.append("\(event.level): \(event.message): \(lost)") }
        }
    }

    /// A member at whose address nobody listens. The log tells once, for all of them.
    @Test func whatDoesNotArriveIsCounted() async throws {
        let lines = LossHandler.Lines()
        let told = Logger(label: "test") { _ in LossHandler(lines) }
        try await ServerFixture.with(in: try TemporaryFolder(), loopCount: 1, logger: told) { fixture in
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
            let all = lines.all.withLock { $0 }
            #expect(all.first?.hasPrefix("warning: published messages did not reach a member: ") == true)
            // Another minute may have begun.
            #expect(all.count < 10)
        }
    }
}
