// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletRESPCodec
import MartletRedisServer
import MartletTestPrograms
import NIOCore
import NIOPosix
import Testing

/// Runs `body` with a server on a port of its own.
func withServer(
    _ configuration: RedisServerConfiguration = RedisServerConfiguration(),
    _ body: (RedisServer, Int) async throws -> Void
) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let server = try await RedisServer.start(configuration, on: group.next()) { InMemoryEngine(loop: $0) }
    do {
        let address = try await server.bind(host: "127.0.0.1", port: 0)
        try await body(server, try #require(address.port))
        await server.close()
        try await group.shutdownGracefully()
    } catch {
        await server.close()
        try? await group.shutdownGracefully()
        throw error
    }
}

/// A client that sends bytes as they are, and reads replies.
final class RawClient {
    private let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
    private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let writer: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var input: [UInt8] = []
    private var parser = ReplyParser()

    private init(
        _ channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>, _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
        _ writer: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.channel = channel
        self.writer = writer
        iterator = inbound.makeAsyncIterator()
    }

    static func with(port: Int, _ body: (RawClient) async throws -> Void) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        try await channel.executeThenClose { inbound, outbound in
            try await body(RawClient(channel, inbound, outbound))
        }
    }

    func send(_ text: String) async throws {
        try await writer.write(ByteBuffer(string: text))
    }

    /// The next reply; `nil` where the server has closed the connection.
    func next() async throws -> ReplyValue? {
        while true {
            var offset = 0
            let known = input
            if let value = try parser.next(in: known.span.bytes, at: &offset) {
                input.removeFirst(offset)
                return value
            }
            guard let more = try await iterator.next(isolation: #isolation) else { return nil }
            input += more.readableBytesView
        }
    }

    /// The reply to a line.
    func run(_ line: String) async throws -> String {
        try await send(line + "\r\n")
        return try await next().map { text($0) } ?? "closed"
    }
}

func text(_ value: ReplyValue) -> String {
    switch value {
    case .simple(let bytes): "+" + String(decoding: bytes, as: UTF8.self)
    case .error(let bytes): "-" + String(decoding: bytes, as: UTF8.self)
    case .integer(let number): ":\(number)"
    case .bulk(let bytes): String(decoding: bytes, as: UTF8.self)
    case .null, .nullArray: "null"
    case .double(let number): "\(number)"
    case .boolean(let flag): "\(flag)"
    case .bigNumber(let bytes), .verbatim(_, let bytes): String(decoding: bytes, as: UTF8.self)
    case .array(let values), .set(let values), .push(let values): "[\(values.map { text($0) }.joined(separator: ", "))]"
    case .map(let pairs): "{\(pairs.map { "\(text($0.key)): \(text($0.value))" }.joined(separator: ", "))}"
    }
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

    /// A script of the tests' own.
    static func script(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Peers/\(name)").path
    }
}
