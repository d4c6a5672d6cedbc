// SPDX-License-Identifier: Apache-2.0

package import MartletAuth
import MartletInProcess
package import NIOCore
import NIOPosix
import Synchronization

/// A server of Redis's protocol in front of an engine. All of its connections are on one event loop, the engine's.
package final class RedisServer: Sendable {
    private let loop: any EventLoop
    private let hub: NIOLoopBound<ClientHub>
    private let channels = Mutex<[any Channel]>([])
    private let names = Mutex<[String]>([])

    private init(loop: any EventLoop, hub: NIOLoopBound<ClientHub>) {
        self.loop = loop
        self.hub = hub
    }

    /// - Parameter engine: called on the loop.
    package static func start(
        _ configuration: RedisServerConfiguration = RedisServerConfiguration(), on loop: any EventLoop,
        engine: @escaping @Sendable (any EventLoop) -> any KeyspaceEngine
    ) async throws -> RedisServer {
        let hub = try await loop.submit {
            NIOLoopBound(ClientHub(configuration: configuration, engine: engine(loop), loop: loop), eventLoop: loop)
        }.get()
        return RedisServer(loop: loop, hub: hub)
    }

    /// What is done to an accepted channel before its other handlers are added, such as encrypting it.
    package typealias Preparation = @Sendable (any Channel) throws -> Void

    /// Whom a client's certificate names, asked when its first bytes are there. On its loop.
    ///
    /// - Throws: if the client isn't welcome: nothing that it has sent is looked at.
    package typealias Identification = @Sendable (any Channel) throws -> AuthName?

    /// Listens, beside what it listens on already; answers the address.
    package func bind(
        host: String, port: Int, preparing: @escaping Preparation = { _ in }, identifying: Identification? = nil
    ) async throws -> SocketAddress {
        let channel = try await bootstrap(preparing, identifying).bind(host: host, port: port).get()
        return try await note(channel)
    }

    /// As above, on a Unix socket, whose file is replaced.
    package func bind(
        unixSocket path: String, preparing: @escaping Preparation = { _ in }, identifying: Identification? = nil
    ) async throws -> SocketAddress {
        let channel = try await bootstrap(preparing, identifying)
            .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        return try await note(channel)
    }

    /// Listens for clients of this process, which need no socket.
    ///
    /// - Throws: `InProcessListeners.NameTaken`.
    package func bind(inProcess name: String) throws {
        try InProcessListeners.add(self, as: name)
        names.withLock { $0.append(name) }
    }

    private func note(_ channel: any Channel) async throws -> SocketAddress {
        guard let address = channel.localAddress else { throw ChannelError.unknownLocalAddress }
        channels.withLock { $0.append(channel) }
        let hub = hub
        try await loop.submit { if let port = address.port { hub.value.tcpPort = port } }.get()
        return address
    }

    /// Connections that wait to be accepted. Source: Redis's `tcp-backlog`.
    private static let backlog: Int32 = 511
    /// Of replies on their way: above, commands wait.
    static let writeBytes = 1 << 20

    private func bootstrap(
        _ preparing: @escaping Preparation, _ identifying: Identification?
    ) -> ServerBootstrap {
        let hub = hub
        return ServerBootstrap(group: loop)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelOption(
                .writeBufferWaterMark, value: .init(low: Self.writeBytes / 4, high: Self.writeBytes)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if channel.remoteAddress?.protocol != .unix {
                        // Requests and replies are small and come in turns of their own: never wait for more.
                        try? channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
                    }
                    try preparing(channel)
                    try hub.value.accept(channel, identifying)
                }
            }
    }

    /// Stops: closes listeners and connections, and the engine.
    package func close() async {
        let listeners = channels.withLock { channels in
            defer { channels = [] }
            return channels
        }
        let names = names.withLock { names in
            defer { names = [] }
            return names
        }
        for name in names { InProcessListeners.remove(name) }
        for listener in listeners { try? await listener.close() }
        let hub = hub
        try? await loop.submit {
            for connection in hub.value.connectionsInOrder { connection.end() }
            hub.value.endWatch()
            hub.value.engine.stop()
        }.get()
    }
}

extension RedisServer: InProcessListener {
    package func nextLoop() -> any EventLoop { loop }

    package func serve(_ channel: any Channel) throws { try hub.value.accept(channel) }
}
