// SPDX-License-Identifier: Apache-2.0

internal import MartletDNSCodec
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// One question to a name server, by datagram, and by TCP where the answer doesn't fit.
enum DNSExchange {
    /// The largest answer over TCP: its length has sixteen bits.
    private static let maximumBytes = 65_535

    /// - Throws: ``MicroError`` when no answer comes in time, or one that can't be read.
    static func ask(_ server: SocketAddress, _ question: DNSQuestion, timeout: Duration) async throws -> DNSMessage {
        var query = DNSMessage()
        query.id = .random(in: 0...UInt16.max)
        query.flags.wantsRecursion = true
        query.questions = [question]
        query.additionals = [DNSRecord(DNSName(""), ttlSeconds: 0, .other(.opt, []))]
        guard let bytes = query.encoded() else {
            throw MicroError(.badRequest, "\"\(question.name.text)\" is no name of the DNS", id: MicroError.clientID)
        }
        let exchange = Exchange(query, server: server)
        let answer = try await self.run(exchange, timeout) { loop in
            DatagramBootstrap(group: loop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(DatagramHandler(exchange, server, bytes))
                    }
                }
                .bind(host: server.protocol == .inet6 ? "::" : "0.0.0.0", port: 0)
        }
        guard answer.flags.isTruncated else { return answer }
        let second = Exchange(query, server: server)
        return try await self.run(second, timeout) { loop in
            ClientBootstrap(group: loop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(StreamHandler(second, bytes))
                    }
                }
                .connect(to: server)
        }
    }

    /// Opens a channel, waits for the answer and closes it again.
    private static func run(
        _ exchange: Exchange, _ timeout: Duration, _ open: (any EventLoop) -> EventLoopFuture<any Channel>
    ) async throws -> DNSMessage {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let timer = loop.scheduleTask(in: TimeAmount(timeout)) { exchange.finish(.failure(exchange.unanswered)) }
        let opening = open(loop)
        opening.whenFailure { exchange.finish(.failure($0)) }
        defer {
            timer.cancel()
            opening.whenSuccess { $0.close(promise: nil) }
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { exchange.wait($0) }
        } onCancel: {
            exchange.finish(.failure(CancellationError()))
        }
    }

    /// The one answer, whichever comes first: it, an error or the end of the time.
    private final class Exchange: Sendable {
        typealias Waiter = CheckedContinuation<DNSMessage, any Error>

        private struct State {
            var waiter: Waiter?
            var result: Result<DNSMessage, any Error>?
        }

        private let state = Mutex(State())
        private let query: DNSMessage
        let unanswered: MicroError

        init(_ query: DNSMessage, server: SocketAddress) {
            self.query = query
            let name = query.questions.first?.name.text ?? ""
            self.unanswered = MicroError(
                .timeout, "the name server \(server) did not answer for \"\(name)\"", id: MicroError.clientID)
        }

        func wait(_ waiter: Waiter) {
            let result = self.state.withLock { state in
                if state.result == nil { state.waiter = waiter }
                return state.result
            }
            if let result { waiter.resume(with: result) }
        }

        func finish(_ result: Result<DNSMessage, any Error>) {
            let waiter = self.state.withLock { state -> Waiter? in
                guard state.result == nil else { return nil }
                state.result = result
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(with: result)
        }

        /// Takes an answer if it is one to the query; anything else may come to an open port.
        func take(_ bytes: [UInt8]) {
            guard let message = try? DNSMessage(bytes), message.flags.isResponse, message.id == self.query.id,
                message.questions == self.query.questions
            else { return }
            self.finish(.success(message))
        }
    }

    private final class DatagramHandler: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>
        typealias OutboundOut = AddressedEnvelope<ByteBuffer>

        private let exchange: Exchange
        private let server: SocketAddress
        private let query: [UInt8]

        init(_ exchange: Exchange, _ server: SocketAddress, _ query: [UInt8]) {
            self.exchange = exchange
            self.server = server
            self.query = query
        }

        func channelActive(context: ChannelHandlerContext) {
            let envelope = AddressedEnvelope(remoteAddress: self.server, data: ByteBuffer(bytes: self.query))
            context.writeAndFlush(self.wrapOutboundOut(envelope), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let envelope = self.unwrapInboundIn(data)
            // Others may send to this port as well: only the server's word counts.
            guard envelope.remoteAddress == self.server else { return }
            self.exchange.take([UInt8](envelope.data.readableBytesView))
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.exchange.finish(.failure(error))
        }
    }

    private final class StreamHandler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let exchange: Exchange
        private let query: [UInt8]
        private var received: [UInt8] = []

        init(_ exchange: Exchange, _ query: [UInt8]) {
            self.exchange = exchange
            self.query = query
        }

        func channelActive(context: ChannelHandlerContext) {
            var buffer = ByteBuffer()
            buffer.writeInteger(UInt16(self.query.count))
            buffer.writeBytes(self.query)
            context.writeAndFlush(self.wrapOutboundOut(buffer), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.received.append(contentsOf: self.unwrapInboundIn(data).readableBytesView)
            guard self.received.count >= 2 else { return }
            let length = Int(self.received[0]) << 8 | Int(self.received[1])
            if self.received.count >= length + 2 {
                self.exchange.take(Array(self.received[2..<(length + 2)]))
            }
            if self.received.count > DNSExchange.maximumBytes + 2 { context.close(promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.exchange.finish(.failure(self.exchange.unanswered))
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.exchange.finish(.failure(error))
        }
    }
}
