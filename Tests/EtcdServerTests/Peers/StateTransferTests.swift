// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletBasics
import MartletEtcdServer
import MartletGRPCWire
import MartletKeyValue
import MartletNode
import MartletPeerWire
import MartletRaft
import MartletStorage
import MartletTestPrograms
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A member's whole state on its way to another, over connections that break.
@Suite(.timeLimit(.minutes(30))) struct StateTransferTests {
    private static let path = "/martlet.v1.Peer/State"

    /// 40 MB.
    private func makeSource(_ folder: TemporaryFolder) async throws -> StateMember {
        let source = try await StateMember.start(1, in: folder.file("from"))
        for number in 0..<40 {
            try await source.put("k\(number)", [UInt8](repeating: UInt8(number), count: 1_000_000))
        }
        return source
    }

    /// No connection carries more than a part: it never arrives unless each goes on behind the one before.
    @Test func arrivesThoughEachConnectionBreaks() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let target = try await StateMember.start(2, in: folder.file("to"))
        let relay = try await BreakingRelay.start(to: target.port, allowance: 12 << 20)
        let dump = try await source.makeDump(for: target.id)
        try await source.send(dump, to: target.id, port: relay.port)
        let counts = try await relay.stop()
        #expect(counts.connections >= 4)
        #expect(counts.bytes > 40_000_000)
        // What goes again for each break is bounded, whatever was sent before it.
        let repeated = dump.repeatedByteCount
        #expect(repeated > 0)
        #expect(repeated <= (counts.connections - 1) * (17 << 20))
        // Frames and greetings beside it, and the records' keys.
        #expect(counts.bytes < 40_000_000 + repeated + (2 << 20))
        try await target.stop()
        try await source.stop()
    }

    /// Nobody listens: nothing is kept there either, so that it isn't tried for long.
    @Test func isGivenUpWhereNobodyListens() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let target = try await StateMember.start(2, in: folder.file("to"))
        let dump = try await source.makeDump(for: target.id)
        try await target.stop()
        await #expect(throws: GRPCStatus.self) { try await source.send(dump, to: target.id, port: target.port) }
        dump.abandon()
        try await source.stop()
    }

    private static func olderAnnouncement(_ dump: StateDump) -> [UInt8] {
        var bytes: [UInt8] = []
        for number in [1, dump.applied.index.rawValue, dump.applied.term.rawValue] { Varint.append(number, to: &bytes) }
        return bytes
    }

    /// It names no dump and reads no counts.
    @Test func isTakenFromAnOlderMember() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let target = try await StateMember.start(2, in: folder.file("to"))
        let dump = try await source.makeDump(for: target.id)
        dump.sendOnce()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let client = try StateMember.client(of: target.port, on: group)
        let answers = try await client.withStream(Self.path) { stream in
            try await stream.write(source.hello(to: target.id).encoded())
            try await stream.write(Self.olderAnnouncement(dump))
            while let chunk = try await dump.nextChunk() { try await stream.write(chunk) }
            stream.finishWriting()
            var answers: [[UInt8]] = []
            while let answer = try await stream.next() { answers.append(answer) }
            return answers
        }
        #expect(answers == [[]])
        await client.close()
        try await group.shutdownGracefully()
        try await target.stop()
        try await source.stop()
    }

    /// One that refuses an announcement it can't read to its end gets one that it can.
    @Test func isSentToAnOlderMember() async throws {
        let folder = try TemporaryFolder()
        let source = try await makeSource(folder)
        let dump = try await source.makeDump(for: MemberID(2))
        let expected = Self.olderAnnouncement(dump)
        let received = ByteCount()
        var router = GRPCRouter()
        router.add(
            Self.path,
            .stream { _, requests, responses in
                _ = try await requests.next()
                guard try await requests.next() == expected else {
                    throw GRPCStatus(.invalidArgument, "a state without a beginning")
                }
                while let chunk = try await requests.next() { received.value.withLock { $0 += chunk.count } }
                try await responses.write([])
            })
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = try WireServer(router: router, eventLoopGroup: group, logger: logger)
        let address = try await server.bind(.hostPort("127.0.0.1", 0))
        try await source.send(dump, to: MemberID(2), port: try #require(address.port))
        #expect(received.value.withLock { $0 } > 40_000_000)
        #expect(dump.repeatedByteCount == 0)
        await server.close()
        try await group.shutdownGracefully()
        try await source.stop()
    }

    private final class ByteCount: Sendable {
        let value = Mutex(0)
    }
}
