// SPDX-License-Identifier: Apache-2.0

import MartletTestPrograms
import NIOCore
import NIOPosix
import Synchronization

/// A connection of an HTTP/1.1 client that shows what it was sent.
final class HTTPPeer: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    struct Answer {
        var status: Int
        /// By names in lower case.
        var headers: [String: String]
        /// What has come of it, chunks put together.
        var body: String
        var isWhole: Bool
    }

    private struct State {
        var received: [UInt8] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let channel = Mutex<(any Channel)?>(nil)

    /// - Parameter reads: whether what comes is taken from the socket at once, or only by ``read()``.
    static func connect(_ port: Int, reads: Bool = true) async throws -> HTTPPeer {
        let peer = HTTPPeer()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reads)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(peer) }
            }
            .connect(host: "127.0.0.1", port: port).get()
        peer.channel.withLock { $0 = channel }
        return peer
    }

    /// A connection for the time of `body`.
    static func with<Result>(_ port: Int, _ body: (HTTPPeer) async throws -> Result) async throws -> Result {
        let peer = try await connect(port)
        do {
            let result = try await body(peer)
            peer.close()
            return result
        } catch {
            peer.close()
            throw error
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data).readableBytesView
        state.withLock { $0.received.append(contentsOf: bytes) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        state.withLock { $0.isClosed = true }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func close() { channel.withLock { $0 }?.close(promise: nil) }

    /// From here on what comes is taken.
    func read() async throws {
        try await channel.withLock { $0 }?.setOption(.autoRead, value: true).get()
    }

    func send(_ text: String) {
        channel.withLock { $0 }?.writeAndFlush(ByteBuffer(string: text), promise: nil)
    }

    func send(_ method: String, _ path: String, _ body: String = "", headers: [String] = []) {
        let lines = ["\(method) \(path) HTTP/1.1", "Host: test", "Content-Length: \(body.utf8.count)"] + headers
        send(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
    }

    /// Sends a request and waits for its answer.
    func request(
        _ method: String, _ path: String, _ body: String = "", headers: [String] = []
    ) async throws -> Answer {
        state.withLock { $0.received = [] }
        send(method, path, body, headers: headers)
        return try await answer { $0.isWhole }
    }

    struct NoAnswer: Error {
        var received: String
    }

    /// The answer to the only request since the last ``request(_:_:_:headers:)``, as soon as it fulfils `condition`.
    func answer(_ condition: (Answer) -> Bool) async throws -> Answer {
        var found: Answer?
        let isThere = try await eventually {
            found = answer
            return found.map(condition) ?? false
        }
        guard isThere, let found else { throw NoAnswer(received: received) }
        return found
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }
    var received: String { String(decoding: state.withLock { $0.received }, as: UTF8.self) }
    var receivedBytes: Int { state.withLock { $0.received.count } }

    private var answer: Answer? {
        let (bytes, isClosed) = state.withLock { ($0.received, $0.isClosed) }
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
        let rest = Array(bytes[end.upperBound...])
        if headers["transfer-encoding"] == "chunked" {
            let (body, isWhole) = Self.dechunked(rest)
            return Answer(status: status, headers: headers, body: body, isWhole: isWhole)
        }
        let isWhole = headers["content-length"].map { rest.count == Int($0) } ?? isClosed
        return Answer(status: status, headers: headers, body: String(decoding: rest, as: UTF8.self), isWhole: isWhole)
    }

    private static func dechunked(_ bytes: [UInt8]) -> (body: String, isWhole: Bool) {
        var body: [UInt8] = []
        var rest = bytes[...]
        while let line = rest.firstRange(of: Array("\r\n".utf8)),
            let count = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16),
            rest.endIndex - line.upperBound >= count + 2
        {
            if count == 0 { return (String(decoding: body, as: UTF8.self), true) }
            body += rest[line.upperBound..<line.upperBound + count]
            rest = rest[(line.upperBound + count + 2)...]
        }
        return (String(decoding: body, as: UTF8.self), false)
    }
}
