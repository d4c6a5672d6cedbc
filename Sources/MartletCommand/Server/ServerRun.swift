// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import MartletEtcdServer
import MartletGRPCWire
import MartletNode
import MartletRedisServer
import MartletStorage
import MartletWireServices
import NIOCore
import NIOPosix

/// A running server: the store on one event loop, connections on that and others, and its listeners.
struct ServerRun {
    /// How long open calls may go on after the signal. Scripts wait 1.5 s for the process to be gone; closing the
    /// connections of clients that have stopped reading takes a quarter of a second more, and a loaded machine is slow.
    static let drainLimit = Duration.milliseconds(500)

    /// One core is left to the log, the checkpoints and the kernel's network: of two cores a second loop would only
    /// take turns with them. More than eight bring the member no more calls than it can answer.
    private static var loopCount: Int { min(max(System.coreCount - 1, 1), 8) }

    private let group: MultiThreadedEventLoopGroup
    private let store: EtcdServer
    private let servers: [WireServer]
    private let streams: StreamServer?
    private let logger: Logger
    /// What was bound, in the order of the listeners.
    let addresses: [SocketAddress]

    /// Listens everywhere and only then says that it is ready.
    ///
    /// - Parameters:
    ///   - logFiles: the disk of the log.
    ///   - onFailure: called once, on some thread, when the store can't go on.
    static func start(
        _ options: ServerOptions, logger: Logger, logFiles: any LogFileSystem = PosixFileSystem(),
        onFailure: @escaping @Sendable (MemberFailure) -> Void
    ) async throws -> ServerRun {
        for notice in options.notices { notice.log(logger) }
        let isEncrypted = options.listeners.contains { $0.url.isEncrypted } || options.streams.areEncrypted
        let tls = isEncrypted ? try options.tls?.wire(logger) : nil
        var options = options
        options.store.tokens = try options.tokenProvider { path in
            Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loopCount)
        do {
            let run = try await start(options, tls, group, logger, logFiles, onFailure)
            run.announce(options)
            return run
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private static func start(
        _ options: ServerOptions, _ tls: WireServerTLS?, _ group: MultiThreadedEventLoopGroup, _ logger: Logger,
        _ logFiles: any LogFileSystem, _ onFailure: @escaping @Sendable (MemberFailure) -> Void
    ) async throws -> ServerRun {
        let loops = Array(group.makeIterator())
        // The group deals connections out in turn from its first loop on.
        let memberLoop = group.next()
        var attempts = 0
        while true {
            var chosen = options
            let didChoose = try await ListenPorts.choose(&chosen, group)
            let peers = try await PeerListeners.prepare(&chosen, memberLoop, logger)
            var folder = DataFolder(path: chosen.dataFolder, logPath: chosen.logFolder)
            folder.logFiles = logFiles
            let data = try await chosen.store.open(
                folder, as: MemberIdentity(clusterID: chosen.cluster.id, memberID: chosen.cluster.own.id),
                isAlone: chosen.storage.forcesNewCluster, ownsProcess: true, logger: logger)
            let store = try await EtcdServer.begin(
                data, configuration: chosen.store, logger: logger, on: memberLoop, serving: loops,
                onFailure: onFailure)
            var servers: [WireServer] = []
            var streams: StreamServer?
            do {
                // The others must be able to reach a member before it can be ready.
                if let server = try await peers.listen(store, memberLoop, logger) { servers.append(server) }
                try await store.ready()
                let addresses = try await bind(chosen, tls, store, group, logger, &servers)
                streams = try await StreamServer.start(chosen, tls, store, memberLoop, logger)
                return ServerRun(
                    group: group, store: store, servers: servers, streams: streams, logger: logger,
                    addresses: addresses)
            } catch {
                for server in servers {
                    await server.close()
                    server.executors.stop()
                }
                try? await store.stop()
                attempts += 1
                guard didChoose, attempts < ListenPorts.maximumAttempts, ListenPorts.isInUse(error) else { throw error }
            }
        }
    }

    /// Binds all listeners; those with the same role and encryption share a server.
    private static func bind(
        _ options: ServerOptions, _ tls: WireServerTLS?, _ store: EtcdServer, _ group: MultiThreadedEventLoopGroup,
        _ logger: Logger, _ servers: inout [WireServer]
    ) async throws -> [SocketAddress] {
        struct Kind: Hashable {
            var role: ServerOptions.Role
            var isEncrypted: Bool
        }
        var byKind: [Kind: WireServer] = [:]
        var addresses: [SocketAddress] = []
        for listener in options.listeners {
            let kind = Kind(role: listener.role, isEncrypted: listener.url.isEncrypted)
            let server: WireServer
            if let known = byKind[kind] {
                server = known
            } else {
                server = try makeServer(listener, options, tls, store, group, logger)
                byKind[kind] = server
                servers.append(server)
            }
            do {
                addresses.append(try await server.bind(listener.url.wireAddress))
            } catch {
                throw ListenFailure(url: listener.url, cause: error)
            }
        }
        return addresses
    }

    private static func makeServer(
        _ listener: ServerOptions.Listener, _ options: ServerOptions, _ tls: WireServerTLS?, _ store: EtcdServer,
        _ group: MultiThreadedEventLoopGroup, _ logger: Logger
    ) throws -> WireServer {
        var router = GRPCRouter()
        if listener.role.servesCalls {
            store.addRoutes(to: &router)
            HealthService().addRoutes(to: &router)
        }
        var configuration = WireServerConfiguration()
        configuration.maximumMessageBytes = options.store.wireLimitBytes
        configuration.maximumConcurrentStreams = options.maximumConcurrentStreams
        configuration.reusesPort = options.sharesPorts
        configuration.meters = store.meters
        configuration.keepalive = KeepaliveConfiguration(
            interval: options.keepaliveInterval.map { TimeAmount($0) }, timeout: TimeAmount(options.keepaliveTimeout))
        if listener.role != .grpcOnly {
            configuration.http1 = listener.access.guarding { request in await store.respond(to: request) }
        }
        if listener.url.isEncrypted { configuration.tls = tls }
        return try WireServer(router: router, configuration: configuration, eventLoopGroup: group, logger: logger)
    }

    /// The ready line of each address, as scripts written for etcd wait for it.
    private func announce(_ options: ServerOptions) {
        for (listener, address) in zip(options.listeners, addresses) {
            var metadata: Logger.Metadata = ["address": "\(address.text)"]
            guard listener.role.servesCalls else {
                logger.info(
                    listener.role == .metrics ? "serving metrics" : "serving plain HTTP", metadata: metadata)
                continue
            }
            let traffic = listener.role == .grpcOnly ? "grpc" : "grpc,http"
            metadata["traffic"] = listener.url.isEncrypted ? "\(traffic) over TLS" : "\(traffic)"
            logger.info("ready to serve client requests", metadata: metadata)
        }
    }

    /// Ends watches, lets calls finish for a moment, closes.
    func stop() async {
        try? await store.leaveLeadership()
        try? await store.endWatches()
        await streams?.stop()
        await withDiscardingTaskGroup { tasks in
            for server in servers { tasks.addTask { await server.drain(limit: Self.drainLimit) } }
        }
        try? await store.stop()
        // A handler that is still on its way goes on elsewhere: the loop, once gone, would never wake it.
        for server in servers { server.executors.stop() }
        try? await group.shutdownGracefully()
        logger.info("stopped")
    }
}

/// An address that can't be listened on.
struct ListenFailure: Error, CustomStringConvertible {
    var url: ServerURL
    var cause: any Error

    var description: String {
        let hint = ListenPorts.isInUse(cause) ? " (another server runs there; port 0 lets the kernel choose)" : ""
        let reason = (cause as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(cause)"
        return "cannot listen on \(url): \(reason)\(hint)"
    }
}

extension ServerURL {
    var wireAddress: WireAddress { isSocketFile ? .unixSocket(host) : .hostPort(host, port) }
}
