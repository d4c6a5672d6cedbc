// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import NIOCore
import NIOEmbedded
import Testing

/// The connections of a loop share its turns.
@Suite struct TurnTests {
    private func serve(_ server: WireServer, on loop: EmbeddedEventLoop) throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(loop: loop)
        try channel.pipeline.syncOperations.addHandler(HalfCloser())
        try server.serve(channel)
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        try channel.writeInbound(ByteBuffer(bytes: RawPeer.preface + RawFrame.settings([:]).bytes))
        loop.run()
        return channel
    }

    private func written(_ channel: EmbeddedChannel) throws -> Int {
        var count = 0
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { count += buffer.readableBytes }
        return count
    }

    /// What comes late on a connection that is over, and breaks within the same read, ends no turn: that must not
    /// keep the answers of other connections from being written.
    @Test func brokenReadOfAClosedConnectionHoldsUpNobody() throws {
        let loop = EmbeddedEventLoop()
        var router = GRPCRouter()
        router.add("/T/Later", .unaryEvent { call, message in loop.execute { call.respond(message) } })
        let server = try WireServer(router: router, eventLoopGroup: loop, logger: .silent)

        let broken = try self.serve(server, on: loop)
        try broken.writeInbound(ByteBuffer(bytes: RawFrame.data(0, [1]).bytes))
        loop.run()
        #expect(server.connectionCount == 0)

        let other = try self.serve(server, on: loop)
        let call =
            RawFrame.headers(1, RawPeer.requestHead(path: "/T/Later")).bytes
            + RawFrame.data(1, MessageAssemblerTests.frame([7]), endStream: true).bytes
        try other.writeInbound(ByteBuffer(bytes: call))
        let before = try self.written(other)
        #expect(before > 0)
        broken.pipeline.fireChannelRead(ByteBuffer(bytes: [1]))
        broken.close(promise: nil)
        loop.run()
        let after = try self.written(other)
        #expect(after > 0, "the answer was not written")
        _ = try other.finish(acceptAlreadyClosed: true)
        loop.run()
    }
}

/// Leaves a channel open whose output is closed, as sockets do and embedded channels don't.
private final class HalfCloser: ChannelOutboundHandler {
    typealias OutboundIn = Never

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .output { promise?.succeed() } else { context.close(mode: mode, promise: promise) }
    }
}
