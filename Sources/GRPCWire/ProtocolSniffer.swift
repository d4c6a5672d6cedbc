// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session
import NIOCore
import NIOHTTP1
import NIOSSL

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

    private let settings: ServerSettings
    private let loop: LoopExecutor
    private var received: ByteBuffer?
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
        var buffer = self.unwrapInboundIn(data)
        if var received = self.received {
            received.writeBuffer(&buffer)
            buffer = received
        }
        self.received = buffer
        let length = min(buffer.readableBytes, Self.enoughBytes)
        guard length == Self.enoughBytes else { return }
        let isHTTP2 = buffer.readableBytesView.prefix(length).elementsEqual(Self.preface.prefix(length))
        self.received = nil
        do {
            try self.examineClient(context)
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
        if self.settings.tls != nil { TLSRejection.log(error, from: context.remoteAddress, self.settings.logger) }
        context.close(promise: nil)
    }

    /// The first bytes are here, so the handshake is over and the client's chain verified.
    private func examineClient(_ context: ChannelHandlerContext) throws {
        guard let tls = self.settings.tls, tls.requiresClientCertificate, let examine = tls.examinesClient else {
            return
        }
        // Also of a resumed session, which remembers it.
        guard let certificate = try Self.peerCertificate(context) else { throw WireTLSFailure.noClientCertificate }
        try examine(certificate.derBytes)
    }

    private func addHTTP2(_ context: ChannelHandlerContext) throws {
        let session = HTTP2Session(role: .server, settings: self.settings.http2)
        let keepalive = Keepalive(self.settings.keepalive, pingsWithoutCalls: true)
        let wire = WireConnection(session: session, loop: self.loop, keepalive: keepalive)
        var certificate = try Self.peerCertificate(context)
        if let name = self.settings.tls?.namesClient, let bytes = certificate?.derBytes {
            certificate?.name = name(bytes)
        }
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

    private static func peerCertificate(_ context: ChannelHandlerContext) throws -> PeerCertificate? {
        guard
            let handler = try? context.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self),
            let certificate = handler.peerCertificate
        else { return nil }
        return PeerCertificate(derBytes: try certificate.toDERBytes())
    }
}

/// Sent through the pipelines of a server that stops. HTTP/2 connections are told in its own way.
struct ServerStopsEvent {}
