// SPDX-License-Identifier: Apache-2.0

import Foundation
import Martlet
import NIOCore
import NIOPosix
import Synchronization

/// Passes bytes to a node, until it is told to vanish: then connections are reset and new ones refused, as when a
/// process is killed.
final class SlammingProxy: Sendable {
    private struct State {
        var listener: (any Channel)?
        var channels: [ObjectIdentifier: any Channel] = [:]
        var accepted = 0
    }

    private let state = Mutex(State())
    private let group = MultiThreadedEventLoopGroup.singleton

    /// How many connections have come in.
    var accepted: Int { self.state.withLock { $0.accepted } }

    /// Listens, on a port of its own unless one is given, and returns the address.
    func start(for address: String, at own: String = "127.0.0.1:0") async throws -> String {
        let ownPort = Int(own.split(separator: ":").last ?? "") ?? 0
        let port = Int(address.split(separator: ":").last ?? "") ?? 0
        let listener = try await ServerBootstrap(group: self.group)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in
                self.add(client)
                return ClientBootstrap(group: client.eventLoop).connect(host: "127.0.0.1", port: port)
                    .flatMap { server in
                        self.add(server)
                        return client.eventLoop.makeCompletedFuture {
                            try client.pipeline.syncOperations.addHandler(Glue(server))
                            try server.pipeline.syncOperations.addHandler(Glue(client))
                            try client.syncOptions?.setOption(.autoRead, value: true)
                        }
                    }
            }
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "127.0.0.1", port: ownPort).get()
        self.state.withLock { $0.listener = listener }
        return "127.0.0.1:\(listener.localAddress?.port ?? 0)"
    }

    private func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        self.state.withLock { state in
            state.channels[id] = channel
            state.accepted += 1
        }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.channels[id] = nil } }
    }

    /// Resets everything and listens no more.
    func slam() async {
        let (listener, channels) = self.state.withLock { ($0.listener, Array($0.channels.values)) }
        try? await listener?.close()
        for channel in channels {
            let options = channel as? any SocketOptionProvider
            try? await options?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
            try? await channel.close()
        }
    }

    private final class Glue: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let other: any Channel

        init(_ other: any Channel) { self.other = other }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.other.writeAndFlush(self.unwrapInboundIn(data), promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { self.other.close(promise: nil) }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

/// Runs services side by side while `body` runs.
func withServices<Result: Sendable>(
    _ services: [MicroService], _ body: ([NodeRecord]) async throws -> Result
) async throws -> Result {
    func run(_ rest: ArraySlice<MicroService>, _ nodes: [NodeRecord]) async throws -> Result {
        guard let first = rest.first else { return try await body(nodes) }
        return try await withService(first) { node in try await run(rest.dropFirst(), nodes + [node]) }
    }
    return try await run(services[...], [])
}
