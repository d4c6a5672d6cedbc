// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import MartletInProcess
internal import MartletRESPCodec
internal import NIOCore

/// The end of a connection's pipeline: writes commands, puts replies together and hands them out. Confined to its loop.
final class WireHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Bytes that one write holds about: larger ones gain nothing, and hold their memory longer.
    private static let writeBytes = 256 << 10
    /// Of an input buffer that is kept for what comes next.
    private static let keptBytes = 256 << 10

    /// Weak: the wire owns this.
    private weak var wire: RedisWire?
    var onPush: (@Sendable (RedisValue) -> Void)?
    private var onEnd: (@Sendable ([Exchange]) -> Void)?
    private var context: ChannelHandlerContext?
    /// The channel, where the server is in this process.
    private var pipe: PipeChannel?
    private var assembler: ReplyAssembler
    private var input = ByteBuffer()
    /// Sent, oldest first.
    private var awaiting: Deque<Exchange> = []
    /// Taken from the wire, but not sent yet: the channel is full.
    private var unsent: Deque<Exchange> = []
    private var timer: (scheduled: Scheduled<Void>, at: NIODeadline)?
    private var outcome: RedisError?
    /// Those that can go over another connection, which `onEnd` sees to.
    private var leftovers: [Exchange] = []

    init(limits: ReplyAssembler.Limits) {
        assembler = ReplyAssembler(limits: limits)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        pipe = context.channel as? PipeChannel
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        pipe = nil
    }

    // MARK: Commands

    /// The greeting is done. The connection may have ended with it.
    func attach(_ wire: RedisWire) {
        self.wire = wire
        if outcome != nil { _ = wire.finish() }
    }

    /// Sends what waits.
    func drain() {
        guard let wire else { return }
        unsent.append(contentsOf: wire.takeQueue())
        write()
    }

    /// Sends before there is a wire, while the connection begins.
    func send(_ exchange: Exchange) {
        if let outcome { return exchange.fail(outcome) }
        unsent.append(exchange)
        write()
    }

    private func write() {
        if outcome != nil { return endUnsent() }
        guard let context, let first = unsent.first else { return }
        // Nobody would read it: it goes over the next connection, as soon as the end of this one is read.
        if let pipe, !pipe.isPeerActive { return watch(first.deadline) }
        var dropped = 0
        while context.channel.isWritable, !unsent.isEmpty {
            var buffer = context.channel.allocator.buffer(capacity: 0)
            while buffer.readableBytes < Self.writeBytes, let exchange = unsent.popFirst() {
                guard exchange.send() else {
                    dropped += 1
                    continue
                }
                buffer.writeBytes(exchange.bytes)
                awaiting.append(exchange)
                watch(exchange.deadline)
            }
            if buffer.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(buffer), promise: nil) }
        }
        if let first = unsent.first { watch(first.deadline) }
        if dropped > 0 { wire?.discharge(dropped) }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { write() }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Replies

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        if outcome != nil { return }
        if input.readableBytes == 0 { input = buffer } else { input.writeBuffer(&buffer) }
        var replies: [RedisValue] = []
        let (offset, violation) = parse(input, into: &replies)
        input.moveReaderIndex(forwardBy: offset)
        if input.readableBytes == 0, input.capacity > Self.keptBytes {
            input = ByteBuffer()
        } else {
            input.discardReadBytes()
        }
        for reply in replies { deliver(reply) }
        if let violation { end(RedisError(.protocolViolation, "the server's bytes are no replies: \(violation)")) }
    }

    /// How many bytes were understood, and why no more.
    private func parse(_ received: ByteBuffer, into replies: inout [RedisValue]) -> (Int, ReplyParseError?) {
        let bytes = received.readableBytesSpan
        var offset = 0
        do throws(ReplyParseError) {
            while let reply = try assembler.next(in: bytes, at: &offset) { replies.append(reply) }
            return (offset, nil)
        } catch {
            return (offset, error)
        }
    }

    private func deliver(_ reply: RedisValue) {
        if outcome != nil { return }
        if let onPush { return onPush(reply) }
        // Asked for by nobody on a connection without subscriptions.
        if case .push = reply { return }
        guard let exchange = awaiting.first else {
            // Servers tell so why they close a connection that they didn't want in the first place.
            let text = reply.error?.message ?? "a reply to nothing"
            return end(RedisError(reply.error?.code ?? .protocolViolation, text, prefix: reply.error?.prefix))
        }
        if exchange.take(reply) {
            awaiting.removeFirst()
            wire?.discharge(1)
        }
    }

    // MARK: Time limits

    private func watch(_ deadline: NIODeadline) {
        guard deadline < .distantFuture, let context else { return }
        if let timer {
            if timer.at <= deadline { return }
            timer.scheduled.cancel()
        }
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        timer = (context.eventLoop.scheduleTask(deadline: deadline) { bound.value.checkDeadlines() }, deadline)
    }

    /// A connection that owes a reply is given up: all behind it are late as well.
    private func checkDeadlines() {
        timer = nil
        let now = NIODeadline.now()
        var next = NIODeadline.distantFuture
        for exchange in unsent where exchange.deadline <= now {
            exchange.fail(RedisError(.timeout, "the connection took nothing in time", wasNotExecuted: true))
        }
        for exchange in awaiting { next = min(next, exchange.deadline) }
        if next <= now {
            for exchange in awaiting where exchange.deadline <= now {
                exchange.fail(RedisError(.timeout, "no reply in time"))
            }
            return end(RedisError(.unavailable, "the server didn't answer another command in time"))
        }
        for exchange in unsent where exchange.deadline > now { next = min(next, exchange.deadline) }
        watch(next)
    }

    // MARK: The end

    func setOnEnd(_ body: @escaping @Sendable ([Exchange]) -> Void) {
        onEnd = body
        if outcome != nil { tellEnd() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(RedisError(.unavailable, "the server closed the connection"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        end(RedisError(.unavailable, "\(error)"))
    }

    /// Ends the connection, unless it has ended.
    func end(_ error: RedisError) {
        guard outcome == nil else { return }
        outcome = error
        timer?.scheduled.cancel()
        timer = nil
        unsent.append(contentsOf: wire?.finish() ?? [])
        let isFinal = error.code == .closed
        for exchange in awaiting { leave(exchange, error, isFinal) }
        awaiting = []
        endUnsent()
        onPush?(.error(error))
        onPush = nil
        tellEnd()
        context?.close(promise: nil)
    }

    private func endUnsent() {
        guard let outcome else { return }
        for exchange in unsent {
            let error = RedisError(outcome.code, outcome.message, prefix: outcome.prefix, wasNotExecuted: true)
            leave(exchange, error, outcome.code == .closed)
        }
        unsent = []
    }

    private func leave(_ exchange: Exchange, _ error: RedisError, _ isFinal: Bool) {
        if !isFinal, onEnd != nil, exchange.deadline > .now(), exchange.returnsToQueue() {
            leftovers.append(exchange)
        } else {
            exchange.fail(error)
        }
    }

    private func tellEnd() {
        guard let onEnd else { return }
        let exchanges = leftovers
        leftovers = []
        self.onEnd = nil
        onEnd(exchanges)
    }
}
