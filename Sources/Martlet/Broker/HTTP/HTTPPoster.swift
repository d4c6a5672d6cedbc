// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// Posts messages over HTTP/1.1, on connections that are kept for the next one.
final class HTTPPoster: Sendable {
    /// Connections to one node that are kept while nothing is posted.
    static let maximumIdleConnections = 4
    /// Nodes that connections are kept to.
    static let maximumNodes = 256

    private let timeout: TimeAmount
    private let tls: MicroTLS
    /// Made for the first node that wants TLS.
    private let madeTLS = Mutex<WireClientTLSContext?>(nil)
    /// By scheme and address.
    private let idle = Mutex<[String: [PostConnection]]>([:])

    /// - Parameter tls: For nodes that say they are `secure`.
    init(timeout: Duration, tls: MicroTLS) {
        self.timeout = .nanoseconds(timeout.wholeNanoseconds)
        self.tls = tls
    }

    deinit {
        for connection in self.idle.withLock({ $0.values.flatMap { $0 } }) { connection.close() }
    }

    /// - Returns: The status of the answer.
    /// - Throws: When there is none.
    func post(_ body: [UInt8], to node: NodeRecord) async throws -> UInt {
        guard let address = WireAddress(node.address), case .hostPort(let host, let port) = address.kind else {
            throw MicroError(.badRequest, "\"\(node.address)\" is no address", id: HTTPBroker.errorID)
        }
        let uri = "\(HTTPEnvelope.path)?id=\(Self.escaped(node.id))"
        let key = (node.isSecure ? "https://" : "http://") + node.address
        if let kept = self.take(key) {
            do {
                return try await self.post(body, uri, node.address, kept, key)
            } catch is PostConnection.ClosedWithoutAnswer {
                // It was closed while nobody used it; a new one tells whether the node is there.
            }
        }
        let connection = try await PostConnection.connect(
            host: host, port: port, timeout: self.timeout, tls: node.isSecure ? try self.clientTLS() : nil)
        return try await self.post(body, uri, node.address, connection, key)
    }

    private func clientTLS() throws -> WireClientTLSContext {
        try self.madeTLS.withLock { made in
            if let made { return made }
            let context = try WireClientTLSContext(self.tls.client, applicationProtocols: ["http/1.1"])
            made = context
            return context
        }
    }

    private func post(
        _ body: [UInt8], _ uri: String, _ address: String, _ connection: PostConnection, _ key: String
    ) async throws -> UInt {
        let answer: PostConnection.Answer
        do {
            answer = try await withTaskCancellationHandler {
                try await connection.post(body, uri, host: address, timeout: self.timeout)
            } onCancel: {
                connection.close()
            }
        } catch is PostConnection.ClosedWithoutAnswer where Task.isCancelled {
            throw CancellationError()
        }
        if answer.keepsAlive { self.keep(connection, key) } else { connection.close() }
        return answer.status
    }

    private func take(_ key: String) -> PostConnection? {
        self.idle.withLock { idle in
            while let connection = idle[key]?.popLast() {
                if connection.isActive { return connection }
            }
            return nil
        }
    }

    private func keep(_ connection: PostConnection, _ key: String) {
        let isKept = self.idle.withLock { idle in
            guard idle[key, default: []].count < Self.maximumIdleConnections else { return false }
            if idle.count >= Self.maximumNodes { idle = idle.filter { !$0.value.isEmpty } }
            guard idle[key] != nil || idle.count < Self.maximumNodes else { return false }
            idle[key, default: []].append(connection)
            return true
        }
        if !isKept { connection.close() }
    }

    /// What an id may have besides letters and digits goes as it is; the rest is escaped. Source: RFC 3986 §2.3.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                escaped += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return escaped
    }
}

/// One connection that posts one request at a time.
final class PostConnection: Sendable {
    struct Answer: Sendable {
        var status: UInt
        var keepsAlive: Bool
    }

    /// The connection ended before anything came back.
    struct ClosedWithoutAnswer: Error, CustomStringConvertible {
        var description: String { "the connection was closed without an answer" }
    }

    /// Nothing came back in time: the message may have arrived.
    struct AnswerTimeout: Error, CustomStringConvertible {
        var description: String { "no answer in time" }
    }

    private let channel: any Channel

    private init(_ channel: any Channel) { self.channel = channel }

    var isActive: Bool { self.channel.isActive }

    func close() { self.channel.close(promise: nil) }

    static func connect(
        host: String, port: Int, timeout: TimeAmount, tls: WireClientTLSContext?
    ) async throws -> PostConnection {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(timeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try tls?.secure(channel, host: host)
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(PostHandler())
                }
            }
        return PostConnection(try await bootstrap.connect(host: host, port: port).get())
    }

    func post(_ body: [UInt8], _ uri: String, host: String, timeout: TimeAmount) async throws -> Answer {
        let promise = self.channel.eventLoop.makePromise(of: Answer.self)
        let post = PostHandler.Post(uri: uri, host: host, body: body, timeout: timeout, promise: promise)
        self.channel.writeAndFlush(post).whenFailure { _ in
            // A channel that is closed already has no handler to fail it.
            promise.fail(ClosedWithoutAnswer())
        }
        return try await promise.futureResult.get()
    }
}

/// Writes requests and reads their answers, one at a time. Confined to its channel's event loop.
private final class PostHandler: ChannelDuplexHandler {
    struct Post: Sendable {
        var uri: String
        var host: String
        var body: [UInt8]
        var timeout: TimeAmount
        var promise: EventLoopPromise<PostConnection.Answer>
    }

    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = Post
    typealias OutboundOut = HTTPClientRequestPart

    private var current: Post?
    private var head: HTTPResponseHead?
    private var timer: Scheduled<Void>?

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let post = self.unwrapOutboundIn(data)
        self.current = post
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: post.timeout) {
            self.fail(PostConnection.AnswerTimeout())
            context.close(promise: nil)
        }
        // go-micro's own headers. Source: captures of its HTTP broker.
        var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: post.uri)
        head.headers = [
            "Host": post.host, "User-Agent": "martlet", "Content-Length": String(post.body.count),
            "Content-Type": "application/json",
        ]
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: post.body)))), promise: nil)
        context.write(self.wrapOutboundOut(.end(nil)), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
        case .body:
            // What a subscriber says beside its status is for people who look at it by hand.
            break
        case .end:
            guard let head = self.head, let post = self.current else { return }
            self.head = nil
            self.current = nil
            self.timer?.cancel()
            post.promise.succeed(
                PostConnection.Answer(status: UInt(head.status.code), keepsAlive: head.isKeepAlive))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.fail(PostConnection.ClosedWithoutAnswer())
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.fail(error)
        context.close(promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.fail(PostConnection.ClosedWithoutAnswer()) }

    private func fail(_ error: any Error) {
        self.timer?.cancel()
        self.current?.promise.fail(error)
        self.current = nil
    }
}
