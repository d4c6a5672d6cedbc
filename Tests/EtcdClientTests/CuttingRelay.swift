// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization

/// Passes connections on to a server, and cuts them when it is told to.
final class CuttingRelay: Sendable {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let target: (host: String, port: Int)
    private let open = Channels()
    private let isBroken = Mutex(false)

    actor Channels {
        var listener: (any Channel)?
        var connections: [any Channel] = []

        func add(_ channel: any Channel) { self.connections.append(channel) }
        func setListener(_ channel: any Channel) { self.listener = channel }
        func takeConnections() -> [any Channel] {
            defer { self.connections = [] }
            return self.connections
        }
    }

    init(to endpoint: String) throws {
        let parts = endpoint.split(separator: ":")
        self.target = (String(parts[0]), Int(parts[1]) ?? 0)
    }

    /// Listens and returns the address.
    func start() async throws -> String {
        let listener = try await ServerBootstrap(group: self.group)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { [self, target, open] inbound in
                guard !self.isBroken.withLock({ $0 }) else {
                    return inbound.eventLoop.makeFailedFuture(ChannelError.ioOnClosedChannel)
                }
                Task { await open.add(inbound) }
                return ClientBootstrap(group: inbound.eventLoop)
                    .channelInitializer { outbound in
                        outbound.eventLoop.makeCompletedFuture {
                            try outbound.pipeline.syncOperations.addHandler(Pipe(to: inbound))
                        }
                    }
                    .connect(host: target.host, port: target.port)
                    .flatMapThrowing { outbound in
                        try inbound.pipeline.syncOperations.addHandler(Pipe(to: outbound))
                        inbound.setOption(.autoRead, value: true).whenComplete { _ in }
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        await self.open.setListener(listener)
        return "127.0.0.1:\(listener.localAddress?.port ?? 0)"
    }

    /// Cuts every connection; new ones are taken.
    func cut() async {
        for channel in await self.open.takeConnections() { try? await channel.close() }
    }

    /// Cuts every connection, and each new one, until ``mend()``.
    func sever() async {
        self.isBroken.withLock { $0 = true }
        await self.cut()
    }

    func mend() { self.isBroken.withLock { $0 = false } }

    func stop() async {
        try? await self.open.listener?.close()
        await self.cut()
        try? await self.group.shutdownGracefully()
    }

    private final class Pipe: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let other: any Channel

        init(to other: any Channel) { self.other = other }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.other.writeAndFlush(self.unwrapInboundIn(data), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { self.other.close(promise: nil) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
