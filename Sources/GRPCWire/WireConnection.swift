// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session
import NIOCore

/// What a `WireConnection` tells the side that owns it. All calls come on the connection's loop.
protocol WireConnectionOwner: AnyObject {
    /// Something the peer did. `input` holds the bytes that a `data` event points into.
    func handle(_ event: HTTP2Event, input: UnsafeRawBufferPointer)
    /// Output is about to be handed to the channel: from here the peer may have seen it.
    func willFlush()
    /// Output was handed to the channel: writers that wait for room may go on.
    func didFlush()
    /// The connection is gone; exactly once, last.
    func didClose(_ reason: GRPCStatus)
}

/// One HTTP/2 connection in a NIO channel: reads, events, and one write a turn.
///
/// Order of work in a turn: nghttp2 reads what arrived; then the events are handled (which may start and resume
/// handlers); when the loop's jobs have run, nghttp2 writes what there is to say, while the channel is writable; one
/// flush. nghttp2's reading and writing never nest.
///
/// `@unchecked Sendable`: every stored property is touched only on `loop.eventLoop`; NIO calls a handler there, and
/// the other entry points are called by code that already runs there.
final class WireConnection: ChannelDuplexHandler, FlushTarget, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// Bytes gathered before they are written to the channel; its own high-water mark is the same.
    static let writeBytes = 256 << 10
    /// What a connection writes in one turn before its loop serves the others.
    static let turnBytes = 4 << 20
    /// Output that may wait on all streams. Above it no new calls are taken, and nothing is read from a peer whose
    /// socket takes nothing; one that only holds back its windows is still read, for its reads open them.
    static let maximumQueuedBytes = 64 << 20

    let session: HTTP2Session
    let loop: LoopExecutor
    /// Set once, and let go of when the connection closes.
    var owner: (any WireConnectionOwner)?
    private(set) var context: ChannelHandlerContext?
    private var isDirty = false
    private var isClosed = false
    private var isHandling = false
    private var closesWhenFlushed = false
    /// GOAWAY ends the session: nothing more is read.
    private var isBroken = false
    private var hasPendingRead = false
    /// Between a read and the end of its turn.
    private var isReading = false
    var keepalive: Keepalive
    /// Body bytes queued on all streams of this connection.
    let counter = QueuedByteCounter()

    init(session: HTTP2Session, loop: LoopExecutor, keepalive: Keepalive) {
        self.session = session
        self.loop = loop
        self.keepalive = keepalive
    }

    var channel: (any Channel)? { self.context?.channel }
    var isOpen: Bool { !self.isClosed && self.context != nil }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { self.start() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.closed(GRPCStatus(.unavailable, "transport is closing"))
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        self.start()
        context.fireChannelActive()
    }

    private func start() {
        self.keepalive.start(self)
        self.markDirty()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Begins no turn: of a connection that is over nobody would end it when the channel breaks within this read.
        guard !self.isClosed else { return }
        let buffer = self.unwrapInboundIn(data)
        self.keepalive.didRead()
        self.isReading = true
        self.loop.beginTurn()
        buffer.withUnsafeReadableBytes { self.receive($0) }
        self.markDirty()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if self.isReading {
            self.isReading = false
            self.loop.endTurn()
        }
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.closed(GRPCStatus(.unavailable, "transport is closing"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.close(GRPCStatus(.unavailable, "\(error)"))
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.markDirty() }
        context.fireChannelWritabilityChanged()
    }

    func read(context: ChannelHandlerContext) {
        if self.counter.bytes > Self.maximumQueuedBytes, !context.channel.isWritable {
            self.hasPendingRead = true
        } else {
            context.read()
        }
    }

    // MARK: A turn

    private func receive(_ bytes: UnsafeRawBufferPointer) {
        guard !self.isClosed, !self.isBroken else { return }
        do throws(HTTP2Failure) {
            try self.session.receive(bytes)
            self.handleEvents(input: bytes)
        } catch {
            self.handleEvents(input: bytes)
            self.terminate(error.isFlood ? .enhanceYourCalm : .protocolError)
        }
    }

    private func handleEvents(input: UnsafeRawBufferPointer) {
        guard !self.isHandling else { return }
        self.isHandling = true
        while self.session.hasEvents {
            let events = self.session.takeEvents()
            for event in events { self.owner?.handle(event, input: input) }
            self.session.recycle(events)
        }
        self.isHandling = false
    }

    /// To be called after anything was submitted to the session; what it made is written at the end of the turn.
    func markDirty() {
        guard !self.isDirty else { return }
        self.isDirty = true
        self.loop.markDirty(self)
    }

    func flushTurn() {
        self.isDirty = false
        guard !self.isClosed, let context = self.context, context.channel.isActive else { return }
        do throws(HTTP2Failure) {
            try self.writeOutbound(context)
        } catch {
            self.close(GRPCStatus(.internalError, "HTTP/2: \(error)"))
            return
        }
        self.handleEvents(input: UnsafeRawBufferPointer(start: nil, count: 0))
        self.owner?.didFlush()
        if self.session.wantsToSend, context.channel.isWritable { self.markDirty() }
        if self.closesWhenFlushed && !self.session.wantsToSend || self.session.isFinished {
            self.closeWhenWritten(GRPCStatus(.unavailable, "transport is closing"), context)
            return
        }
        if self.hasPendingRead, context.channel.isWritable || self.counter.bytes <= Self.maximumQueuedBytes / 2 {
            self.hasPendingRead = false
            context.read()
        }
    }

    private func writeOutbound(_ context: ChannelHandlerContext) throws(HTTP2Failure) {
        var total = 0
        var hasWritten = false
        while !self.isClosed, context.channel.isWritable, total < Self.turnBytes {
            guard let buffer = try self.nextBuffer(context) else { break }
            total += buffer.readableBytes
            hasWritten = true
            context.write(self.wrapOutboundOut(buffer), promise: nil)
        }
        guard hasWritten else { return }
        self.owner?.willFlush()
        context.flush()
    }

    /// Up to about ``writeBytes`` of what nghttp2 has to send, or `nil` when there is nothing.
    private func nextBuffer(_ context: ChannelHandlerContext) throws(HTTP2Failure) -> ByteBuffer? {
        guard let first = try self.session.nextOutbound() else { return nil }
        var buffer = context.channel.allocator.buffer(capacity: max(first.count, 1 << 10))
        buffer.writeBytes(first)
        while buffer.readableBytes < Self.writeBytes, let next = try self.session.nextOutbound() {
            buffer.writeBytes(next)
        }
        return buffer
    }

    // MARK: The end

    /// Closes the channel at once.
    func close(_ reason: GRPCStatus) {
        let context = self.context
        self.closed(reason)
        context?.close(promise: nil)
    }

    /// The longest wait for a socket to take the last bytes of a connection that closes, and how often it is looked at.
    private static let lingerTime = TimeAmount.seconds(5)
    private static let lingerStep = TimeAmount.milliseconds(5)

    /// Closes when the socket has taken what was written: closing a channel drops what it still holds.
    private func closeWhenWritten(_ reason: GRPCStatus, _ context: ChannelHandlerContext) {
        self.closed(reason)
        self.linger(context.channel, until: .now() + Self.lingerTime)
    }

    private func linger(_ channel: any Channel, until end: NIODeadline) {
        let waiting = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        guard waiting > 0, channel.isActive, NIODeadline.now() < end else { return self.halfClose(channel) }
        channel.eventLoop.assumeIsolated().scheduleTask(in: Self.lingerStep) { self.linger(channel, until: end) }
    }

    /// How long a peer gets to read what was written and close its side.
    private static let goodbyeTime = TimeAmount.milliseconds(200)

    /// Ends our side first: closing at once resets the connection when the peer has just sent something, and the reset
    /// takes from it what it had not yet read.
    private func halfClose(_ channel: any Channel) {
        guard channel.isActive else { return }
        channel.close(mode: .output, promise: nil)
        channel.eventLoop.scheduleTask(in: Self.goodbyeTime) { channel.close(promise: nil) }
    }

    /// Closes when all that is submitted has been written.
    func closeWhenFlushed() {
        guard !self.closesWhenFlushed else { return }
        self.closesWhenFlushed = true
        self.markDirty()
        // A peer that does not read must not keep what it has broken.
        self.loop.eventLoop.assumeIsolated().scheduleTask(in: Self.lingerTime) {
            self.close(GRPCStatus(.unavailable, "transport is closing"))
        }
    }

    /// Sends GOAWAY with `code`, then closes.
    func terminate(_ code: HTTP2ErrorCode) {
        self.isBroken = true
        self.session.terminate(code)
        self.closeWhenFlushed()
    }

    private func closed(_ reason: GRPCStatus) {
        guard !self.isClosed else { return }
        self.isClosed = true
        if self.isReading {
            self.isReading = false
            self.loop.abandonTurn()
        }
        self.keepalive.stop()
        let owner = self.owner
        self.owner = nil
        owner?.didClose(reason)
    }
}
