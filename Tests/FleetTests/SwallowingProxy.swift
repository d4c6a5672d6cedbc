// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization

/// Passes bytes to a node, until it swallows them: connections stay open, new ones are taken, and nothing ever comes
/// back, as when a machine loses its power or a firewall forgets a connection.
final class SwallowingProxy: Sendable {
    private let isSwallowing = Atomic(false)
    private let swallowedBytes = Atomic(0)
    private let listener = Mutex<(any Channel)?>(nil)
    private let channels = Mutex<[any Channel]>([])

    /// How much has come for the node since it went.
    var swallowed: Int { self.swallowedBytes.load(ordering: .relaxed) }

    /// Listens and returns the address.
    func start(for port: Int) async throws -> String {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in
                self.channels.withLock { $0.append(client) }
                return ClientBootstrap(group: client.eventLoop).connect(host: "127.0.0.1", port: port)
                    .flatMap { node in
                        self.channels.withLock { $0.append(node) }
                        return client.eventLoop.makeCompletedFuture {
                            try client.pipeline.syncOperations.addHandler(Passer(to: node, self))
                            try node.pipeline.syncOperations.addHandler(Passer(to: client, self))
                            try client.syncOptions?.setOption(.autoRead, value: true)
                        }
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.listener.withLock { $0 = listener }
        return "127.0.0.1:\(listener.localAddress?.port ?? 0)"
    }

    /// From now on nothing comes through.
    func swallow() { self.isSwallowing.store(true, ordering: .relaxed) }

    func end() async {
        try? await self.listener.withLock { $0 }?.close()
        for channel in self.channels.withLock({ $0 }) { try? await channel.close() }
    }

    private final class Passer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let other: any Channel
        private let proxy: SwallowingProxy

        init(to other: any Channel, _ proxy: SwallowingProxy) {
            self.other = other
            self.proxy = proxy
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = self.unwrapInboundIn(data)
            if self.proxy.isSwallowing.load(ordering: .relaxed) {
                self.proxy.swallowedBytes.add(bytes.readableBytes, ordering: .relaxed)
            } else {
                self.other.writeAndFlush(bytes, promise: nil)
            }
        }

        /// An end is a message too, and doesn't come through either.
        func channelInactive(context: ChannelHandlerContext) {
            if !self.proxy.isSwallowing.load(ordering: .relaxed) { self.other.close(promise: nil) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
