// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// The plain HTTP/1.1 side of the port: one request at a time, whole, to a function, and its answer back.
///
/// `@unchecked Sendable`: touched only on the channel's event loop.
final class HTTP1Connection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    /// The largest body of a request; a longer one is answered 413.
    static let maximumBodyBytes = 2 << 20

    /// A request must be whole this long after its predecessor's answer, or after the connection began, and its answer
    /// must have been made and read in the same time again: what waits longer holds a descriptor for nothing. Clients
    /// that keep a connection open connect anew.
    static let requestLimit = TimeAmount.seconds(60)

    private let answer: HTTP1Handler?
    private let executor: EndpointExecutor
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    private var isTooLarge = false
    private var task: Task<Void, Never>?
    private var timer: Scheduled<Void>?

    init(answer: HTTP1Handler?, loop: LoopExecutor) {
        self.answer = answer
        self.executor = EndpointExecutor(name: "HTTP/1.1", loop: loop)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.restartTimer(context)
    }

    private func restartTimer(_ context: ChannelHandlerContext) {
        let channel = context.channel
        self.timer?.cancel()
        self.timer = context.eventLoop.scheduleTask(in: Self.requestLimit) { channel.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            self.body = []
            self.isTooLarge = false
            self.answerExpectation(of: head, context)
        case .body(let part):
            if self.body.count + part.readableBytes > Self.maximumBodyBytes {
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
        self.task?.cancel()
        self.timer?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// A client that asks first sends its body when it is told to. Source: RFC 9110 §10.1.1.
    private func answerExpectation(of head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard head.headers["expect"].contains(where: { $0.lowercased() == "100-continue" }) else { return }
        guard (head.headers.first(name: "content-length").flatMap(Int.init) ?? 0) <= Self.maximumBodyBytes else {
            self.head = nil
            return self.write(HTTP1Response(status: 413), to: head, keepsAlive: false, context)
        }
        context.writeAndFlush(
            self.wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))), promise: nil)
    }

    private func respond(to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let keepsAlive = head.isKeepAlive
        if self.isTooLarge {
            return self.write(HTTP1Response(status: 413), to: head, keepsAlive: false, context)
        }
        // Source: RFC 9112 §3.2.
        guard head.version.minor == 0 || head.headers["host"].count == 1 else {
            return self.write(HTTP1Response(status: 400), to: head, keepsAlive: false, context)
        }
        guard let answer = self.answer else {
            return self.write(HTTP1Response(status: 404), to: head, keepsAlive: keepsAlive, context)
        }
        let request = HTTP1Request(
            method: head.method.rawValue, uri: head.uri, headers: head.headers.map { ($0.name, $0.value) },
            body: self.body)
        self.body = []
        self.restartTimer(context)
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        self.task = Task(executorPreference: self.executor) {
            let response = await answer(request)
            context.eventLoop.execute {
                self.write(response, to: head, keepsAlive: keepsAlive, context.value)
            }
        }
    }

    private func write(
        _ response: HTTP1Response, to request: HTTPRequestHead, keepsAlive: Bool, _ context: ChannelHandlerContext
    ) {
        guard context.channel.isActive else { return }
        var headers = HTTPHeaders(response.headers)
        headers.replaceOrAdd(name: "content-length", value: String(response.body.count))
        if !keepsAlive { headers.replaceOrAdd(name: "connection", value: "close") }
        let head = HTTPResponseHead(
            version: request.version, status: HTTPResponseStatus(statusCode: response.status), headers: headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        // The answer to HEAD says how long the body would be, and has none.
        if !response.body.isEmpty, request.method != .HEAD {
            context.write(
                self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: response.body)))), promise: nil)
        }
        self.restartTimer(context)
        guard !keepsAlive else {
            return context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        }
        // Closed after the last byte has gone: closing a channel drops what it still holds.
        let channel = context.channel
        context.writeAndFlush(self.wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }
}
