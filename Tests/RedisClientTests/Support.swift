// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletRedisClient
import MartletRedisPeers
import MartletTestPrograms
import NIOCore
import NIOPosix
import Synchronization

/// A server and a protocol.
struct Setting: Sendable, CustomStringConvertible {
    var kind: RedisPeer.Kind
    var usesRESP2: Bool

    static let all = RedisPeer.Kind.available.flatMap { kind in
        [false, true].map { Setting(kind: kind, usesRESP2: $0) }
    }

    var description: String { "\(kind), RESP\(usesRESP2 ? 2 : 3)" }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Gives a server the time that it takes where both cores are taken: there the usual five seconds end commands that
/// would be answered.
func patiently(_ configuration: inout RedisClient.Configuration) {
    configuration.timeout = patience
    configuration.connectTimeout = patience / 3
    configuration.logger = quiet
}

/// Runs `body` with a client of a fresh server.
func withClient<Result>(
    _ setting: Setting, password: String? = nil, configure: (inout RedisClient.Configuration) -> Void = { _ in },
    _ body: (RedisClient, RedisPeer) async throws -> Result
) async throws -> Result {
    try await RedisPeer.with(setting.kind, password: password) { (peer) async throws in
        try await withRedisClient(peer.address) {
            patiently(&$0)
            $0.usesRESP2 = setting.usesRESP2
            configure(&$0)
        } _: { (client) async throws in
            try await body(client, peer)
        }
    }
}

/// A server that answers each piece that it receives as the test says.
final class ScriptedServer: Sendable {
    let port: Int
    private let channel: any Channel

    private init(_ channel: any Channel) {
        self.channel = channel
        port = channel.localAddress?.port ?? 0
    }

    /// - Parameter answer: The bytes to send for those that came; `nil` closes the connection.
    static func with<Result>(
        _ answer: @escaping @Sendable (String) -> [UInt8]?, _ body: (ScriptedServer) async throws -> Result
    ) async throws -> Result {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answerer(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let server = ScriptedServer(channel)
        do {
            let result = try await body(server)
            try await channel.close().get()
            return result
        } catch {
            try? await channel.close().get()
            throw error
        }
    }

    /// What a server of today says to `HELLO`, in front of what the test says to the rest.
    static func greeting(_ text: String, _ rest: (String) -> [UInt8]?) -> [UInt8]? {
        if text.contains("HELLO") { return Array("%1\r\n$5\r\nproto\r\n:3\r\n".utf8) }
        if text.contains("SETINFO") { return Array("+OK\r\n".utf8) }
        return rest(text)
    }

    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let answer: @Sendable (String) -> [UInt8]?

        init(_ answer: @escaping @Sendable (String) -> [UInt8]?) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard let bytes = answer(String(buffer: unwrapInboundIn(data))) else {
                return context.close(promise: nil)
            }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        }
    }
}

/// Counts, from several tasks.
final class Tally: Sendable {
    private let counts = Mutex<[String: Int]>([:])

    func add(_ name: String, _ count: Int = 1) { counts.withLock { $0[name, default: 0] += count } }
    subscript(name: String) -> Int { counts.withLock { $0[name, default: 0] } }
    var names: Set<String> { counts.withLock { Set($0.keys) } }
    var all: [String: Int] { counts.withLock { $0 } }
}
