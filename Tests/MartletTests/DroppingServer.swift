// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// A server that talks just enough HTTP/2 to be sent a call, and then closes the connection.
final class DroppingServer: Sendable {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let channels = Recorder<any Channel>()

    init() throws {}

    /// Listens and returns the address.
    func start() async throws -> String {
        let channel = try await ServerBootstrap(group: self.group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Dropper()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        await self.channels.add(channel)
        return "127.0.0.1:\(channel.localAddress?.port ?? 0)"
    }

    func stop() async {
        for channel in await self.channels.values { try? await channel.close() }
        try? await self.group.shutdownGracefully()
    }

    private final class Dropper: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private var seen: [UInt8] = []

        func channelActive(context: ChannelHandlerContext) {
            // An empty SETTINGS frame: length 0, type 4, no flags, stream 0.
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: [0, 0, 0, 4, 0, 0, 0, 0, 0])), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.seen.append(contentsOf: self.unwrapInboundIn(data).readableBytesView)
            // The preface is 24 bytes; after it, look for a DATA frame, type 0 on a stream above 0.
            var offset = 24
            while offset + 9 <= self.seen.count {
                let length = Int(self.seen[offset]) << 16 | Int(self.seen[offset + 1]) << 8 | Int(self.seen[offset + 2])
                if self.seen[offset + 3] == 0, length > 0 {
                    context.close(promise: nil)
                    return
                }
                offset += 9 + length
            }
        }
    }
}
