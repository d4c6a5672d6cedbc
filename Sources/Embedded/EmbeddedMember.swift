// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MartletEtcdServer
internal import MartletGRPCWire
internal import MartletNode
internal import MartletRedisServer
internal import MartletStorage
internal import MartletWireServices
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// The member of a store in this process: the server's own parts on a loop of its own, reached by names instead of
/// sockets.
///
///     EtcdClient ── unary calls without frames, streams through a pipe ──> EtcdServer ─┐
///                                                                                      ├─> Member
///     RedisClient ── RESP through a pipe, both ends on the member's loop ─> RedisServer ┘
final class EmbeddedMember: Sendable {
    /// How long calls under way may take when the store is closed: its clients have ended by then.
    private static let drainLimit = Duration.milliseconds(100)
    private static let count = Atomic(0)
    /// Of the log's segments: a quarter of a server's. A start reads the last one whole, and most stores are small.
    private static let segmentBytes = 16_000_000
    /// Of the first one: what a disk zeroes in some milliseconds, for the start of a new store waits for that.
    private static let firstSegmentBytes = 1 << 20

    /// What clients of etcd's protocol connect to.
    let keysEndpoint: String
    /// What clients of Redis's protocol connect to.
    let streamsAddress: String
    let end: MemberEnd
    private let group: MultiThreadedEventLoopGroup
    private let store: EtcdServer
    private let wire: WireServer
    private let redis: RedisServer

    private init(
        name: String, end: MemberEnd, group: MultiThreadedEventLoopGroup, store: EtcdServer, wire: WireServer,
        redis: RedisServer
    ) {
        keysEndpoint = Self.endpoint(name)
        streamsAddress = Self.endpoint(Self.streamsName(name))
        self.end = end
        self.group = group
        self.store = store
        self.wire = wire
        self.redis = redis
    }

    private static func endpoint(_ name: String) -> String { "inprocess:\(name)" }
    private static func streamsName(_ name: String) -> String { "\(name)-streams" }

    /// - Parameter path: of the folder; nil: in memory.
    static func start(
        path: String?, _ options: MartletStore.Embedded, logger: Logger
    ) async throws(MartletStoreError) -> EmbeddedMember {
        let number = Self.count.wrappingAdd(1, ordering: .relaxed).newValue
        let name = "martlet-embedded-\(number)"
        let end = MemberEnd()
        // Alone on its thread: no user's code ever holds the member up, and it holds up nobody's.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let store = try await start(path, name, options, end, on: group.next(), logger)
            do {
                return try await serve(store, name, end, group, logger)
            } catch {
                try? await store.stop()
                throw error
            }
        } catch {
            try? await group.shutdownGracefully()
            throw MartletStoreError(opening: path ?? "memory", error)
        }
    }

    private static func start(
        _ path: String?, _ name: String, _ options: MartletStore.Embedded, _ end: MemberEnd,
        on loop: any EventLoop, _ logger: Logger
    ) async throws -> EtcdServer {
        var configuration = EtcdServerConfiguration()
        configuration.clientURLs = [endpoint(name)]
        // Nobody asks for them here, and their names take a millisecond.
        configuration.countsCalls = false
        configuration.quotaBytes = options.keysQuotaBytes
        configuration.streamQuotaBytes = options.streamsQuotaBytes
        configuration.maximumRequestBytes = options.maximumRequestBytes
        switch options.compaction {
        case .none: configuration.autoCompaction = nil
        case .age(let age): configuration.autoCompaction = .periodic(age)
        case .revisions(let count): configuration.autoCompaction = .revision(count)
        }
        guard let path else {
            return try await EtcdServer.start(configuration: configuration, logger: logger, on: loop)
        }
        let identity = MemberIdentity(peerURLs: configuration.peerURLs, clusterToken: configuration.clusterToken)
        var folder = DataFolder(path: path)
        folder.logConfiguration.segmentBytes = segmentBytes
        folder.logConfiguration.firstSegmentBytes = firstSegmentBytes
        let data = try await configuration.open(folder, as: identity, ownsProcess: false, logger: logger)
        return try await EtcdServer.start(data, configuration: configuration, logger: logger, on: loop) {
            end.fail(MartletStoreError(.failed, "the store in \(path) can't go on: \($0)", cause: $0))
        }
    }

    private static func serve(
        _ store: EtcdServer, _ name: String, _ end: MemberEnd, _ group: MultiThreadedEventLoopGroup,
        _ logger: Logger
    ) async throws -> EmbeddedMember {
        var router = GRPCRouter()
        store.addRoutes(to: &router)
        HealthService().addRoutes(to: &router)
        var configuration = WireServerConfiguration()
        configuration.maximumMessageBytes = store.configuration.wireLimitBytes
        configuration.inProcessCalls = store.localCalls
        let wire = try WireServer(
            router: router, configuration: configuration, eventLoopGroup: group, logger: logger)
        let member = try await store.member
        var streams = RedisServerConfiguration()
        streams.clusterID = store.clusterID
        let redis = try await RedisServer.start(streams, on: group.next()) { _ in MemberEngine(member.value) }
        _ = try await wire.bind(.inProcess(name))
        do {
            try redis.bind(inProcess: streamsName(name))
        } catch {
            await wire.close()
            throw error
        }
        return EmbeddedMember(
            name: name, end: end, group: group, store: store, wire: wire, redis: redis)
    }

    /// Other calls go on.
    func endWatches() async { try? await store.endWatches() }

    /// Ends the member; its folder is free when this returns.
    func stop() async {
        await redis.close()
        await wire.drain(limit: Self.drainLimit)
        try? await store.stop()
        // A handler that is still on its way goes on elsewhere: the loop, once gone, would never wake it.
        wire.executors.stop()
        try? await group.shutdownGracefully()
    }
}
