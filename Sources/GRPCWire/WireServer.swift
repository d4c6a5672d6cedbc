// SPDX-License-Identifier: Apache-2.0

package import Logging
import MartletInProcess
package import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A gRPC server: HTTP/2 by libnghttp2 in NIO channels, HTTP/1.1 on the same port.
///
/// Every connection belongs to one event loop of the group; its handlers run there (see ``HandlerPool``). With a group
/// of one thread, everything that event handlers touch needs no lock.
package final class WireServer: InProcessListener {
    private struct State {
        var listeners: [any Channel] = []
        var inProcessNames: [String] = []
        var isClosed = false
    }

    private let settings: ServerSettings
    private let configuration: WireServerConfiguration
    private let group: any EventLoopGroup
    private let loops: LoopExecutors
    private let tls: TLSReloader?
    private let logger: Logger
    private let state = Mutex(State())

    /// - Throws: when the TLS files cannot be used.
    package init(
        router: GRPCRouter, configuration: WireServerConfiguration = WireServerConfiguration(),
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, logger: Logger
    ) throws {
        self.settings = ServerSettings(router: router, configuration: configuration, logger: logger)
        self.configuration = configuration
        self.group = eventLoopGroup
        self.loops = LoopExecutors(group: eventLoopGroup, logger: logger)
        self.tls = try configuration.tls.map(TLSReloader.init)
        self.logger = logger
    }

    /// Handlers that held their loop too long, so far.
    package var loopHoldCount: Int { self.loops.holdWatch.count }
    /// Open HTTP/2 connections.
    package var connectionCount: Int { self.settings.connections.connections.count }
    /// The executors of this server's loops, for shells that hand work to them.
    package var executors: LoopExecutors { self.loops }

    /// Listens on `address`, beside those of earlier calls, and returns what it was bound to.
    ///
    /// `localhost` is bound on IPv4 and, where there is one, on IPv6 with the same port; the IPv4 address is returned.
    package func bind(_ address: WireAddress) async throws -> SocketAddress {
        switch address.kind {
        case .inProcess(let name): return try self.listen(as: name)
        case .unixSocket(let path):
            return try await self.listen(sharesPort: false) {
                $0.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true)
            }
        case .hostPort("localhost", let port):
            let first = try await self.listen { $0.bind(host: "127.0.0.1", port: port) }
            // No IPv6 on this machine, or the port taken there: IPv4 serves alone.
            _ = try? await self.listen { $0.bind(host: "::1", port: first.port ?? port) }
            return first
        case .hostPort(let host, let port):
            return try await self.listen { $0.bind(host: host.isEmpty ? "0.0.0.0" : host, port: port) }
        }
    }

    /// Listens for clients of this process. The address that is returned names nothing outside of it.
    private func listen(as name: String) throws -> SocketAddress {
        do throws(InProcessListeners.NameTaken) {
            try InProcessListeners.add(self, as: name)
        } catch {
            throw GRPCStatus(.alreadyExists, "\(error)")
        }
        let isClosed = self.state.withLock { state in
            state.inProcessNames.append(name)
            return state.isClosed
        }
        if isClosed { InProcessListeners.remove(name) }
        return try SocketAddress(unixDomainSocketPath: "inprocess")
    }

    /// The loop for the next connection that doesn't come from a listening socket.
    package func nextLoop() -> any EventLoop { self.group.next() }

    /// Answers unary calls of this process without frames, where the server has been told how.
    var inProcessCalls: (any InProcessCalls)? { self.configuration.inProcessCalls }

    private func listen(
        sharesPort: Bool? = nil, _ bind: (ServerBootstrap) -> EventLoopFuture<any Channel>
    ) async throws -> SocketAddress {
        let sharesPort = sharesPort ?? self.configuration.reusesPort
        let bootstrap = ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: Int32(clamping: self.configuration.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(
                .socketOption(NIOBSDSocket.Option(rawValue: SO_REUSEPORT)), value: sharesPort ? 1 : 0
            )
            .childChannelOption(.maxMessagesPerRead, value: 4)
            .childChannelOption(
                .writeBufferWaterMark,
                value: .init(low: WireConnection.writeBytes / 4, high: WireConnection.writeBytes)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.initialize(channel) }
            }
        let channel = try await bind(bootstrap).get()
        guard let address = channel.localAddress else {
            throw GRPCStatus(.internalError, "the listening socket has no address")
        }
        let isClosed = self.state.withLock { state in
            state.listeners.append(channel)
            return state.isClosed
        }
        if isClosed { try await channel.close() }
        return address
    }

    /// Serves a channel that was not accepted by this server, such as an embedded one. On the channel's event loop,
    /// which belongs to this server's group.
    package func serve(_ channel: any Channel) throws {
        try self.initialize(channel)
    }

    private func initialize(_ channel: any Channel) throws {
        self.settings.connections.add(channel)
        if channel.remoteAddress?.protocol != .unix {
            // Requests and replies are small and come in turns of their own: never wait for more.
            try? channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
        }
        // What never leaves the process has nobody to hide from.
        if let tls = self.tls, !(channel is PipeChannel) {
            let context = tls.context {
                self.logger.warning("changed TLS files are unusable", metadata: ["error": "\($0)"])
            }
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
        }
        try channel.pipeline.syncOperations.addHandler(
            ProtocolSniffer(settings: self.settings, loop: self.loops.executor(for: channel.eventLoop)))
    }

    // MARK: The end

    /// Stops: no new connections; a shutdown notice to the open ones and, one round trip later, GOAWAY; then open
    /// calls until `limit`; what is left is cancelled and every connection closed.
    package func drain(limit: Duration) async {
        await self.stopListening()
        self.quiesceHTTP1()
        for connection in self.settings.connections.connections {
            connection.loop.perform { connection.announceDrain() }
        }
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: limit)
        // Polled: it is over within milliseconds as a rule, happens once, and must also see connections that came late.
        while !self.settings.connections.connections.isEmpty, clock.now < end, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(5))
        }
        await self.close()
    }

    /// Closes everything at once: calls are answered with status 14.
    package func close() async {
        await self.stopListening()
        self.quiesceHTTP1()
        for connection in self.settings.connections.connections {
            connection.loop.perform { connection.abandon() }
        }
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: Self.closingTime)
        while !self.settings.connections.channels.isEmpty, clock.now < end {
            try? await Task.sleep(for: .milliseconds(2))
        }
        for channel in self.settings.connections.channels { channel.close(promise: nil) }
    }

    /// How long peers get to read their last answers.
    private static let closingTime = Duration.milliseconds(250)

    /// HTTP/1.1 connections, and those that have not spoken yet, close when they have nothing to answer; what they
    /// stream ends.
    private func quiesceHTTP1() {
        for channel in self.settings.connections.channels {
            channel.pipeline.fireUserInboundEventTriggered(ServerStopsEvent())
        }
    }

    private func stopListening() async {
        let (listeners, names) = self.state.withLock { state in
            defer {
                state.listeners = []
                state.inProcessNames = []
                state.isClosed = true
            }
            return (state.listeners, state.inProcessNames)
        }
        for name in names { InProcessListeners.remove(name) }
        self.settings.connections.close()
        for listener in listeners { try? await listener.close() }
    }
}
