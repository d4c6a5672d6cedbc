// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletEtcdServer
import MartletGRPCWire
import MartletNode
import MartletReplica
import MartletTestPrograms
import MartletWALCodec
import NIOCore
import NIOPosix
import Testing

/// A server on a port of its own.
struct ServerFixture {
    let server: EtcdServer
    let wire: WireServer
    let port: Int

    /// Serves for the time of `body`.
    ///
    /// - Parameters:
    ///   - folder: where the member's data are; without it they are in memory.
    ///   - loopCount: event loops; connections are dealt out to them in turn. The first connection is on another loop
    ///     than the member, if there are two.
    static func with(
        in folder: TemporaryFolder? = nil, loopCount: Int = 2,
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        _ configure: (inout EtcdServerConfiguration) -> Void = { _ in },
        _ body: (ServerFixture) async throws -> Void
    ) async throws {
        var configuration = EtcdServerConfiguration()
        configuration.name = "n1"
        configuration.clientURLs = ["http://127.0.0.1:2379"]
        configure(&configuration)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: loopCount)
        let server = try await start(configuration, in: folder, logger, group)
        var router = GRPCRouter()
        server.addRoutes(to: &router)
        var settings = WireServerConfiguration()
        settings.maximumMessageBytes = configuration.wireLimitBytes
        settings.meters = server.meters
        settings.http1 = { await server.respond(to: $0) }
        let wire = try WireServer(
            router: router, configuration: settings, eventLoopGroup: group, logger: logger)
        let address = try await wire.bind(.hostPort("127.0.0.1", 0))
        do {
            try await body(ServerFixture(server: server, wire: wire, port: try #require(address.port)))
        } catch {
            Issue.record(error)
        }
        try await server.stop()
        await wire.close()
        try await group.shutdownGracefully()
    }

    private static func start(
        _ configuration: EtcdServerConfiguration, in folder: TemporaryFolder?, _ logger: Logger,
        _ group: MultiThreadedEventLoopGroup
    ) async throws -> EtcdServer {
        // Loops are taken in turn: the listener has the second, the first connection the third, and so on.
        let loops = Array(group.makeIterator())
        _ = group.next()
        let loop = loops[min(1, loops.count - 1)]
        guard let folder else {
            return try await EtcdServer.start(
                configuration: configuration, logger: logger, on: loop, serving: loops)
        }
        let identity = MemberIdentity(peerURLs: configuration.peerURLs, clusterToken: configuration.clusterToken)
        let data = try DataFolder(path: folder.file("data")).open(
            configuration.replica(memberID: identity.memberID),
            new: WALMetadata(memberID: identity.memberID, clusterID: identity.clusterID),
            at: Moment(monotonic: .zero, wallMilliseconds: Member.wallMilliseconds()))
        return try await EtcdServer.start(
            data, configuration: configuration, logger: logger, on: loop, serving: loops,
            onFailure: { Issue.record($0) })
    }
}
