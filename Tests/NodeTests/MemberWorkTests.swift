// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletKeyValue
import MartletNode
import MartletRaft
import MartletReplica
import NIOCore
import NIOPosix
import Testing

/// Work that brings work, and everybody else on the same loop.
@Suite(.timeLimit(.minutes(30))) struct MemberWorkTests {
    /// Says what it hears.
    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private(set) var heard = 0

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            heard += 1
            context.writeAndFlush(data, promise: nil)
        }
    }

    /// Confined to the member's loop.
    private final class Writer {
        let member: Member
        private var left: Int
        private let done: EventLoopPromise<Void>

        init(_ member: Member, count: Int, done: EventLoopPromise<Void>) {
            (self.member, left, self.done) = (member, count, done)
        }

        /// As many as may wait, and the next when these are answered.
        func write() {
            guard left > 0 else { return done.succeed() }
            let batch = min(left, 1_000)
            left -= batch
            var waiting = batch
            for _ in 0..<batch {
                member.propose(Write(.put(PutRequest(key: [1], value: [2])))) { [self] result in
                    if case .failure(let error) = result { return done.fail(error) }
                    waiting -= 1
                    if waiting == 0 { write() }
                }
            }
        }
    }

    /// A compaction of many versions, of which each step removes some: what two sockets say to each other meanwhile
    /// goes back and forth. Both are on the member's loop, so that no other thread's luck counts.
    @Test func socketsAreReadBetweenWork() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let server = try await ServerBootstrap(group: loop)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Echo()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let echo = NIOLoopBoundBox.makeBoxSendingValue(nil as Echo?, eventLoop: loop)
        let client = try await ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = Echo()
                    try channel.pipeline.syncOperations.addHandler(handler)
                    echo.value = handler
                }
            }
            .connect(to: try #require(server.localAddress)).get()
        let count = 100_000
        let member = try await loop.submit {
            let configuration = ReplicaConfiguration(
                member: MemberID(1), name: "m", clientURLs: [], peerURLs: ["http://localhost:1"], seed: 1)
            let member = Member(
                inMemory: configuration, configuration: MemberConfiguration(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, eventLoop: loop)
            try member.start()
            return NIOLoopBound(member, eventLoop: loop)
        }.get()
        try await loop.flatSubmit { member.value.ready }.get()
        try await loop.flatSubmit {
            let done = loop.makePromise(of: Void.self)
            Writer(member.value, count: count, done: done).write()
            return done.futureResult
        }.get()
        try await client.writeAndFlush(ByteBuffer(bytes: [1]))
        let answers = try await loop.flatSubmit {
            let before = echo.value?.heard ?? 0
            let done = loop.makePromise(of: Int.self)
            member.value.propose(Write(.compact(CompactionRequest(revision: Int64(count)), physical: true))) {
                switch $0 {
                case .success: done.succeed((echo.value?.heard ?? 0) - before)
                case .failure(let error): done.fail(error)
                }
            }
            return done.futureResult
        }.get()
        // Of two hundred steps of about half a millisecond; where sockets wait for all of them it is one.
        #expect(answers >= 4)
        try await loop.flatSubmit { member.value.stop() }.get()
        try await client.close()
        try await server.close()
        try await group.shutdownGracefully()
    }
}
