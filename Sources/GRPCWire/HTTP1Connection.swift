// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// The plain HTTP/1.1 side of the port: one request at a time, whole, to a function, and its answer back, whole or in
/// parts.
///
/// `@unchecked Sendable`: touched only on the channel's event loop.
final class HTTP1Connection: ChannelInboundHandler, HTTP1BodySink, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// A request must be whole this long after its predecessor's answer, or after the connection began, and an answer
    /// must have been read in the same time again; of a streamed one, what waits for the socket. What takes longer
    /// holds a descriptor for nothing. Clients that keep a connection open connect anew.
    ///
    /// Making the answer may take any time: a lock is awaited, and a client that has gone is noticed.
    static let requestLimit = TimeAmount.seconds(60)

    /// The request that is being answered.
    private struct Exchange {
        var request: HTTPRequestHead
        var keepsAlive: Bool
        /// The head of the answer has gone, and its body is on its way.
        var isStreaming = false
    }

    let loop: LoopExecutor
    private let answer: HTTP1Handler?
    private let executor: EndpointExecutor
    /// A longer body is answered 413.
    private let maximumBodyBytes: Int
    private var context: ChannelHandlerContext?
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var isTooLarge = false
    private var exchange: Exchange?
    private var isStopping = false
    private var task: Task<Void, Never>?
    private var timer: Scheduled<Void>?
    /// Whoever streams and waits for room.
    private var writers = WaitingWriters()

    init(answer: HTTP1Handler?, maximumBodyBytes: Int, loop: LoopExecutor) {
        self.answer = answer
        self.maximumBodyBytes = maximumBodyBytes
        self.loop = loop
        self.executor = EndpointExecutor(name: "HTTP/1.1", loop: loop)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.restartTimer(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.end()
    }

    private func restartTimer(_ context: ChannelHandlerContext) {
        let channel = context.channel
        self.timer?.cancel()
        self.timer = context.eventLoop.scheduleTask(in: Self.requestLimit) { channel.close(promise: nil) }
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            self.body = []
            self.isTooLarge = false
            self.answerExpectation(of: head, context)
        case .body(let part):
            if self.body.count + part.readableBytes > self.maximumBodyBytes {
                self.isTooLarge = true
                self.body = []
            } else if !self.isTooLarge {
                self.body.append(contentsOf: part.readableBytesView)
            }
        case .end:
            guard let head = self.head else { return }
            self.head = nil
            self.respond(to: head, context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, !self.writers.isEmpty {
            self.timer?.cancel()
            self.writers.finish(.success(()))
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ServerStopsEvent else { return context.fireUserInboundEventTriggered(event) }
        self.isStopping = true
        if let exchange = self.exchange {
            self.exchange?.keepsAlive = false
            if exchange.isStreaming { self.stopStream() }
        } else if self.head == nil {
            context.close(promise: nil)
        }
    }

    /// A client that asks first sends its body when it is told to. Source: RFC 9110 §10.1.1.
    private func answerExpectation(of head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard head.headers["expect"].contains(where: { $0.lowercased() == "100-continue" }) else { return }
        guard (head.headers.first(name: "content-length").flatMap(Int.init) ?? 0) <= self.maximumBodyBytes else {
            self.head = nil
            self.exchange = Exchange(request: head, keepsAlive: false)
            return self.write(HTTP1Response(status: 413), context)
        }
        context.writeAndFlush(
            self.wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))), promise: nil)
    }

    private func respond(to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        self.exchange = Exchange(request: head, keepsAlive: head.isKeepAlive && !self.isStopping)
        if self.isTooLarge {
            self.exchange?.keepsAlive = false
            return self.write(HTTP1Response(status: 413), context)
        }
        // Source: RFC 9112 §3.2.
        guard head.version.minor == 0 || head.headers["host"].count == 1 else {
            self.exchange?.keepsAlive = false
            return self.write(HTTP1Response(status: 400), context)
        }
        guard let answer = self.answer else { return self.write(HTTP1Response(status: 404), context) }
        let request = HTTP1Request(
            method: head.method.rawValue, uri: head.uri, headers: head.headers.map { ($0.name, $0.value) },
            body: self.body, peer: context.remoteAddress)
        self.body = []
        self.timer?.cancel()
        self.task = Task(executorPreference: self.executor) {
            let response = await answer(request)
            self.loop.perform {
                guard let context = self.context else { return }
                self.write(response, context)
            }
            guard let stream = response.stream else { return }
            do {
                try await stream(HTTP1BodyWriter(sink: self))
                self.loop.perform { self.finishStream(isWhole: true) }
            } catch {
                self.loop.perform { self.finishStream(isWhole: false) }
            }
        }
    }

    // MARK: Answers

    private func write(_ response: HTTP1Response, _ context: ChannelHandlerContext) {
        guard context.channel.isActive, var exchange = self.exchange else { return }
        // The answer to HEAD says how long the body would be, and has none.
        let isHead = exchange.request.method == .HEAD
        exchange.isStreaming = response.stream != nil && !isHead
        var headers = HTTPHeaders(response.headers)
        if exchange.isStreaming {
            // An HTTP/1.0 client knows no chunks: the end of the connection is the end of the body.
            if exchange.request.version.minor == 0 { exchange.keepsAlive = false }
        } else {
            headers.replaceOrAdd(name: "content-length", value: String(response.body.count))
        }
        if !exchange.keepsAlive { headers.replaceOrAdd(name: "connection", value: "close") }
        self.exchange = exchange
        let head = HTTPResponseHead(
            version: exchange.request.version, status: HTTPResponseStatus(statusCode: response.status),
            headers: headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        if !response.body.isEmpty, !isHead {
            context.write(
                self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
        }
        guard exchange.isStreaming else {
            // A stream that nobody wants to see need not wait for anything.
            if response.stream != nil { self.task?.cancel() }
            return self.finish(context)
        }
        // A machine that is gone without a word is noticed by the system's probes.
        _ = try? context.channel.syncOptions?.setOption(.socketOption(.so_keepalive), value: 1)
        context.flush()
        if self.isStopping { self.stopStream() }
    }

    /// The end of an answer.
    private func finish(_ context: ChannelHandlerContext) {
        let keepsAlive = self.exchange?.keepsAlive ?? false
        self.exchange = nil
        self.task = nil
        self.restartTimer(context)
        guard !keepsAlive else {
            return context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        }
        // Closed after the last byte has gone: closing a channel drops what it still holds.
        let channel = context.channel
        context.writeAndFlush(self.wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }

    // MARK: Streamed bodies

    func write(_ bytes: [UInt8], _ room: Awaited<Void>) {
        guard let context = self.context, context.channel.isActive, self.exchange?.isStreaming == true else {
            return room.finish(.failure(CancellationError()))
        }
        context.writeAndFlush(
            self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
        guard !context.channel.isWritable else { return room.finish(.success(())) }
        self.writers.append(room)
        self.restartTimer(context)
    }

    private func finishStream(isWhole: Bool) {
        guard let context = self.context, self.exchange?.isStreaming == true else { return }
        guard isWhole else { return context.close(promise: nil) }
        self.finish(context)
    }

    /// Tells whoever streams that it is over; the connection closes when it has stopped.
    private func stopStream() {
        self.task?.cancel()
        self.writers.finish(.failure(CancellationError()))
    }

    /// The connection is gone.
    private func end() {
        self.exchange = nil
        self.timer?.cancel()
        self.stopStream()
    }
}
