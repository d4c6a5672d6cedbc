// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization

/// Passes connections on to a server, and breaks each when it has carried so many bytes there.
final class BreakingRelay: Sendable {
    struct Counts {
        var connections = 0
        /// To the server.
        var bytes = 0
    }

    let port: Int
    private let listener: any Channel
    private let group: MultiThreadedEventLoopGroup
    private let counts: CountBox

    private final class CountBox: Sendable {
        let value = Mutex(Counts())
    }

    private init(_ listener: any Channel, _ port: Int, _ group: MultiThreadedEventLoopGroup, _ counts: CountBox) {
        (self.listener, self.port, self.group, self.counts) = (listener, port, group, counts)
    }

    static func start(to target: Int, allowance: Int) async throws -> BreakingRelay {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let counts = CountBox()
        let listener = try await ServerBootstrap(group: group)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { inbound in
                counts.value.withLock { $0.connections += 1 }
                return ClientBootstrap(group: inbound.eventLoop)
                    .channelOption(.autoRead, value: false)
                    .connect(host: "127.0.0.1", port: target)
                    .flatMapThrowing { outbound in
                        try outbound.pipeline.syncOperations.addHandler(Pipe(to: inbound, allowance: nil, counts))
                        try inbound.pipeline.syncOperations.addHandler(
                            Pipe(to: outbound, allowance: allowance, counts))
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return BreakingRelay(listener, listener.localAddress?.port ?? 0, group, counts)
    }

    func stop() async throws -> Counts {
        try await listener.close()
        try await group.shutdownGracefully()
        return counts.value.withLock { $0 }
    }

    /// Reads when what it read before is written: what is broken off has reached the server but for sockets' contents.
    private final class Pipe: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let other: any Channel
        private var allowance: Int?
        private let counts: CountBox

        init(to other: any Channel, allowance: Int?, _ counts: CountBox) {
            (self.other, self.allowance, self.counts) = (other, allowance, counts)
        }

        // A channel that isn't active yet forgets that it is to be read.
        func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { context.read() } }
        func channelActive(context: ChannelHandlerContext) { context.read() }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            let channel = context.channel
            var isOver = false
            if let rest = allowance {
                allowance = rest - buffer.readableBytes
                isOver = rest <= buffer.readableBytes
                counts.value.withLock { $0.bytes += buffer.readableBytes }
            }
            let breaks = isOver
            other.writeAndFlush(buffer).whenComplete { _ in
                if breaks { channel.close(promise: nil) } else { channel.read() }
            }
        }

        func channelInactive(context: ChannelHandlerContext) { other.close(promise: nil) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
