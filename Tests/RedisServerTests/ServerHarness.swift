// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import MartletNode
import MartletRaft
import MartletRedisServer
import MartletReplica
import MartletTestPrograms
import MartletWALCodec
import NIOCore
import NIOPosix
import Testing

/// What stands behind a server.
enum TestEngine: CaseIterable, Sendable {
    case memory
    /// A member with a log and checkpoints, in a folder of its own.
    case member
}

/// Runs `body` with a server on a port of its own.
func withServer(
    _ configuration: RedisServerConfiguration = RedisServerConfiguration(), on engine: TestEngine = .memory,
    _ body: (RedisServer, Int) async throws -> Void
) async throws {
    switch engine {
    case .memory: try await withServer(configuration, engine: { InMemoryEngine(loop: $0) }, body)
    case .member:
        let folder = try TemporaryFolder()
        try await withMember(in: folder.path, configuration, body)
    }
}

/// Runs `body` with the member of a folder, new or not.
func withMember(
    in folder: String, _ configuration: RedisServerConfiguration = RedisServerConfiguration(),
    streamMemoryBytes: Int? = nil, _ body: (RedisServer, Int) async throws -> Void
) async throws {
    var replica = ReplicaConfiguration(
        member: MemberID(7), name: "default", clientURLs: [], peerURLs: ["http://localhost:2380"], seed: 1)
    replica.streamMemoryBytes = streamMemoryBytes
    let data = try DataFolder(path: folder + "/data").open(
        replica, new: WALMetadata(memberID: 7, clusterID: 5),
        at: Moment(monotonic: .zero, wallMilliseconds: Member.wallMilliseconds()))
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop = group.next()
    let member = try await loop.submit {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let member = Member(
            data.replica, data: data, configuration: MemberConfiguration(), logger: logger, eventLoop: loop)
        return NIOLoopBound(member, eventLoop: loop)
    }.get()
    try await loop.flatSubmit {
        loop.makeCompletedFuture(withResultOf: { try member.value.start() }).flatMap { member.value.ready }
    }.get()
    var failure: (any Error)?
    do {
        try await withServer(configuration, group: group, engine: { _ in MemberEngine(member.value) }, body)
    } catch {
        failure = error
    }
    try await loop.flatSubmit { member.value.stop() }.get()
    try await group.shutdownGracefully()
    if let failure { throw failure }
}

/// - Parameter group: nil for one of the server's own.
private func withServer(
    _ configuration: RedisServerConfiguration, group given: MultiThreadedEventLoopGroup? = nil,
    engine: @escaping @Sendable (any EventLoop) -> any KeyspaceEngine,
    _ body: (RedisServer, Int) async throws -> Void
) async throws {
    let group = given ?? MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let server = try await RedisServer.start(configuration, on: group.next(), engine: engine)
    var failure: (any Error)?
    do {
        let address = try await server.bind(host: "127.0.0.1", port: 0)
        try await body(server, try #require(address.port))
    } catch {
        failure = error
    }
    await server.close()
    if given == nil { try await group.shutdownGracefully() }
    if let failure { throw failure }
}

/// Programs that tests talk to. With `MARTLET_REQUIRE_PEERS=1` their tests fail where they are missing.
enum RedisPrograms {
    static func path(_ name: String) -> String? {
        ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"].map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    static var isRequired: Bool { ProcessInfo.processInfo.environment["MARTLET_REQUIRE_PEERS"] == "1" }
    static var hasTools: Bool { path("redis-cli") != nil || isRequired }
    static var hasServer: Bool { path("redis-server") != nil && path("python3") != nil || isRequired }
    static var python: String? { ProcessInfo.processInfo.environment["MARTLET_PEERS_PYTHON"] }
    static var hasPython: Bool { python != nil || isRequired }

    /// Of random scenarios: some, and one more of a run's own.
    static var seeds: [Int] {
        [6, 7] + (ProcessInfo.processInfo.environment["MARTLET_SEED"].flatMap { Int($0) }.map { [$0] } ?? [])
    }

    /// A script of the tests' own.
    static func script(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Peers/\(name)").path
    }
}
