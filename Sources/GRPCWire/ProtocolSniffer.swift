// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session
import NIOCore
import NIOHTTP1

/// Tells HTTP/2 from HTTP/1.1 by the first bytes of a connection, sets up its pipeline and leaves.
///
/// `@unchecked Sendable`: touched only on the channel's event loop.
final class ProtocolSniffer: ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// An HTTP/2 client speaks first, with these bytes. Source: RFC 9113 §3.4.
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    /// A peer that says nothing for this long is not worth a descriptor.
    static let silenceLimit = TimeAmount.seconds(30)
    /// Lines and headers of an HTTP/1.1 request end within this.
    private static let enoughBytes = 3

    private enum State {
        case listening
        /// It is being found out if the client may be where it is. Nothing more is read meanwhile.
        case locating
        /// What still comes is nobody's.
        case rejected
    }

    private let settings: ServerSettings
    private let loop: LoopExecutor
    private var received: ByteBuffer?
    private var state = State.listening
    private var timer: Scheduled<Void>?

    init(settings: ServerSettings, loop: LoopExecutor) {
        self.settings = settings
        self.loop = loop
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        self.timer = context.eventLoop.scheduleTask(in: Self.silenceLimit) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.timer?.cancel()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .rejected = self.state { return }
        var buffer = self.unwrapInboundIn(data)
        if var received = self.received {
            received.writeBuffer(&buffer)
            buffer = received
        }
        self.received = buffer
        guard case .listening = self.state, buffer.readableBytes >= Self.enoughBytes else { return }
        do {
            // The first bytes are here, so the handshake is over and the client's chain verified.
            try self.settings.tls?.examineClient(of: context.pipeline)
            if let located = try self.settings.tls?.locateClient(of: context.channel) {
                try self.wait(for: located, context)
            } else {
                self.begin(context)
            }
        } catch {
            self.reject(error, context)
        }
    }

    private func wait(for located: EventLoopFuture<Void>, _ context: ChannelHandlerContext) throws {
        self.state = .locating
        try context.channel.syncOptions?.setOption(.autoRead, value: false)
        let context = NIOLoopBound(context, eventLoop: context.eventLoop)
        located.hop(to: context.value.eventLoop).whenComplete { result in
            let context = context.value
            do {
                try result.get()
                // Who has gone meanwhile needs no answer.
                guard context.channel.isActive else { return }
                try context.channel.syncOptions?.setOption(.autoRead, value: true)
            } catch {
                return self.reject(error, context)
            }
            self.begin(context)
        }
    }

    /// Gives way to the handlers of what the first bytes show.
    private func begin(_ context: ChannelHandlerContext) {
        guard let buffer = self.received else { return }
        self.received = nil
        let start = buffer.readableBytesView.prefix(Self.enoughBytes)
        let isHTTP2 = start.elementsEqual(Self.preface.prefix(Self.enoughBytes))
        do {
            if isHTTP2 {
                try self.addHTTP2(context)
            } else {
                try self.addHTTP1(context)
            }
        } catch {
            self.reject(error, context)
            return
        }
        context.fireChannelRead(self.wrapInboundOut(buffer))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is ServerStopsEvent else { return context.fireUserInboundEventTriggered(event) }
        context.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A failed TLS handshake, or a reset: nothing to answer.
        self.reject(error, context)
    }

    private func reject(_ error: any Error, _ context: ChannelHandlerContext) {
        self.state = .rejected
        self.received = nil
        if let tls = self.settings.tls {
            TLSRejection.log(error, from: context.remoteAddress, at: tls.endpoint, self.settings.logger)
        }
        context.close(promise: nil)
    }

    private func addHTTP2(_ context: ChannelHandlerContext) throws {
        let session = HTTP2Session(role: .server, settings: self.settings.http2)
        let keepalive = Keepalive(self.settings.keepalive, pingsWithoutCalls: true)
        let wire = WireConnection(session: session, loop: self.loop, keepalive: keepalive)
        let certificate = try PeerCertificate(in: context.pipeline, namedBy: self.settings.tls?.namesClient)
        let connection = ServerConnection(
            wire: wire, settings: self.settings, peer: context.remoteAddress, peerCertificate: certificate)
        let isWelcome = self.settings.connections.add(connection)
        try context.pipeline.syncOperations.addHandler(wire)
        if !isWelcome { connection.announceDrain() }
    }

    private func addHTTP1(_ context: ChannelHandlerContext) throws {
        try context.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
        try context.pipeline.syncOperations.addHandler(
            HTTP1Connection(
                answer: self.settings.http1, maximumBodyBytes: self.settings.maximumHTTP1BodyBytes, loop: self.loop))
    }
}

/// Sent through the pipelines of a server that stops. HTTP/2 connections are told in its own way.
struct ServerStopsEvent {}
