// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session
import NIOCore

/// The client's side of one connection.
///
/// `@unchecked Sendable`: every stored property is touched only on the connection's event loop.
final class ClientConnection: WireConnectionOwner, @unchecked Sendable {
    let wire: WireConnection
    let loop: LoopExecutor
    private let idleTimeout: TimeAmount?
    private let onChange: @Sendable (ClientConnection, Change) -> Void
    private var calls = StreamTable<ClientCall>()
    private var throttled: [ClientCall] = []
    /// Streams up to this one have been handed to the channel: the server may have seen them.
    private var lastFlushedStream: Int32 = 0
    private var lastStream: Int32 = 0
    private var isReady = false
    private var isDraining = false
    private var deadlineTimer: Scheduled<Void>?
    private var earliestDeadline = NIODeadline.distantFuture
    private var idleTimer: Scheduled<Void>?
    private var lastUse = NIODeadline.now()

    enum Change: Sendable {
        /// The server's SETTINGS have arrived; this many streams may be open.
        case ready(maximumStreams: Int)
        /// No new calls: the server is going away, or stream ids are used up.
        case draining
        case callEnded
        /// No call was open for the idle time.
        case idle
        case closed(GRPCStatus)
    }

    init(
        wire: WireConnection, idleTimeout: TimeAmount?,
        onChange: @escaping @Sendable (ClientConnection, Change) -> Void
    ) {
        self.wire = wire
        self.loop = wire.loop
        self.idleTimeout = idleTimeout
        self.onChange = onChange
        wire.owner = self
    }

    // MARK: Calls

    /// Starts a call. On the loop.
    func start(_ call: ClientCall) {
        guard !call.isCancelled else { return self.unstarted(call, .cancelled) }
        guard self.wire.isOpen, !self.isDraining else { return self.unstarted(call, Self.goingAway) }
        var body: OutboundBody?
        let stream = self.wire.session.request(call.request) { stream in
            body = OutboundBody(streamID: stream, counter: self.wire.counter)
            return body
        }
        guard let stream, let body else {
            self.startDraining()
            return self.unstarted(call, Self.goingAway)
        }
        call.connection = self
        call.streamID = stream
        call.body = body
        self.lastStream = stream
        self.calls.insert(call, for: stream)
        self.wire.keepalive.hasOpenStreams = true
        if let deadline = call.deadline { self.add(deadline) }
        if case .unary(let message, _) = call.sink {
            do {
                try call.append(message, to: body)
                body.end(trailers: nil)
            } catch {
                body.end(trailers: nil)
                self.end(call, error)
            }
        }
        self.wire.markDirty()
    }

    /// The stream was never opened.
    private func unstarted(_ call: ClientCall, _ status: GRPCStatus) {
        var status = status
        status.wasNotProcessed = true
        call.complete(status)
        self.onChange(self, .callEnded)
    }

    private static let goingAway = GRPCStatus(.unavailable, "the connection is draining")

    /// Returns whether there is room for more.
    func write(_ call: ClientCall, _ message: [UInt8]) throws(GRPCStatus) -> Bool {
        guard let body = call.body, !call.isComplete else { throw .cancelled }
        try call.append(message, to: body)
        self.wire.session.resume(body)
        self.wire.markDirty()
        guard body.queuedBytes > ServerCall.outboundHighWater else { return true }
        if call.writers.isEmpty { self.throttled.append(call) }
        return false
    }

    func endBody(_ call: ClientCall) {
        guard let body = call.body, !call.isComplete else { return }
        body.end(trailers: nil)
        self.wire.session.resume(body)
        self.wire.markDirty()
    }

    /// The caller gave up.
    func cancel(_ call: ClientCall) {
        guard !call.isComplete else { return }
        self.end(call, .cancelled)
    }

    /// Ends a call before the server did: completes it, and resets its stream.
    private func end(_ call: ClientCall, _ status: GRPCStatus) {
        call.complete(status)
        call.body?.discard()
        guard self.calls[call.streamID] != nil else { return }
        self.wire.session.reset(call.streamID, .cancel)
        self.wire.markDirty()
    }

    // MARK: Events

    func handle(_ event: HTTP2Event, input: UnsafeRawBufferPointer) {
        switch event {
        case .headers(let stream, let block, let kind, let isEnd, let isOversize):
            self.headers(stream, block, kind, isEnd: isEnd, isOversize: isOversize)
        case .data(let stream, let offset, let length):
            self.received(stream, UnsafeRawBufferPointer(rebasing: input[offset..<(offset + length)]))
        case .endOfStream(let stream):
            // Ended by DATA: a response without trailers.
            guard let call = self.calls[stream] else { return }
            self.end(
                call,
                call.failure ?? GRPCStatus(.internalError, "server closed the stream without sending trailers"))
        case .closed(let stream, let code):
            self.closed(stream, code)
        case .settingsReceived:
            self.settingsReceived()
        case .goAway(_, let code, let message):
            // nghttp2 closes the streams above the last one with REFUSED_STREAM.
            if code == .enhanceYourCalm { self.goAwayReason = "too many pings: \(message)" }
            self.startDraining()
        case .notSent(let stream):
            self.calls[stream]?.complete(Self.notSent)
        case .finishedEarly, .pingReceived, .pingAcknowledged, .goAwaySent, .resetFlood:
            break
        }
    }

    private var goAwayReason: String?

    private static let notSent: GRPCStatus = {
        var status = GRPCStatus(.unavailable, "the stream could not be opened")
        status.wasNotProcessed = true
        return status
    }()

    private func settingsReceived() {
        guard !self.isReady else { return }
        self.isReady = true
        self.scheduleIdleCheck()
        self.onChange(self, .ready(maximumStreams: Int(self.wire.session.peerMaximumConcurrentStreams)))
    }

    private func startDraining() {
        guard !self.isDraining else { return }
        self.isDraining = true
        self.onChange(self, .draining)
        self.closeIfDrained()
    }

    private func closeIfDrained() {
        if self.isDraining, self.calls.isEmpty { self.wire.terminate(.noError) }
    }

    private func closed(_ stream: Int32, _ code: HTTP2ErrorCode) {
        self.wire.session.forget(stream)
        guard let call = self.calls.remove(stream) else { return }
        if !call.isComplete {
            var status = GRPCStatus(reset: code)
            if code == .noError {
                status = GRPCStatus(.internalError, "server closed the stream without sending trailers")
            }
            call.complete(status)
        }
        self.release(call)
        self.lastUse = .now()
        self.wire.keepalive.hasOpenStreams = !self.calls.isEmpty
        self.onChange(self, .callEnded)
        self.closeIfDrained()
    }

    func didClose(_ reason: GRPCStatus) {
        self.deadlineTimer?.cancel()
        self.idleTimer?.cancel()
        let calls = self.calls
        self.calls = StreamTable()
        self.throttled = []
        for call in calls.values {
            var status = GRPCStatus(.unavailable, self.goAwayReason ?? reason.message)
            status.wasNotProcessed = call.streamID > self.lastFlushedStream
            call.complete(status)
            call.connection = nil
        }
        self.onChange(self, .closed(reason))
    }

    func willFlush() {
        // Part of them may still wait in nghttp2; to say of a call that it never left, all must be certain.
        self.lastFlushedStream = self.lastStream
    }

    func didFlush() {
        guard !self.throttled.isEmpty else { return }
        let waiting = self.throttled
        self.throttled = []
        for call in waiting {
            if let body = call.body, body.queuedBytes > ServerCall.outboundLowWater, !call.isComplete {
                self.throttled.append(call)
            } else {
                call.writers.finish(.success(()))
            }
        }
    }

    // MARK: Responses

    private func headers(
        _ stream: Int32, _ block: HeaderBlock, _ kind: HTTP2Event.HeaderKind, isEnd: Bool, isOversize: Bool
    ) {
        guard let call = self.calls[stream], !call.isComplete else { return }
        if isOversize {
            return self.end(call, GRPCStatus(.internalError, "grpc: received header list larger than max"))
        }
        if kind == .response, !call.isResponseSeen {
            let httpStatus = block.first(":status") ?? ""
            // 1xx: another response follows.
            if httpStatus.hasPrefix("1"), !isEnd { return }
            call.isResponseSeen = true
            call.responseMetadata = block
            if httpStatus != "200" {
                call.failure = GRPCStatus(trailers: block) ?? GRPCStatus(httpStatus: httpStatus)
            } else {
                self.checkContentType(call, block)
            }
            call.encoding = block.first("grpc-encoding").flatMap { $0 == "identity" ? nil : $0 }
            if case .stream(let inbox) = call.sink, !isEnd { inbox.received(metadata: block) }
        }
        guard isEnd else { return }
        var status = GRPCStatus(trailers: block) ?? GRPCStatus(.unknown, "the server sent no grpc-status")
        if status.code == .ok, call.assembler.isInMessage {
            status = GRPCStatus(.internalError, "the response ended inside a message")
        }
        call.complete(call.failure ?? status)
        // The server has said all; what is left to send would only keep the stream open.
        guard let body = call.body, !body.isFullySent, self.wire.session.isOpen(stream) else { return }
        body.discard()
        self.wire.session.reset(stream, .cancel)
        self.wire.markDirty()
    }

    private func checkContentType(_ call: ClientCall, _ block: HeaderBlock) {
        let type = block.first("content-type") ?? ""
        var text = type
        let isGRPC = text.withUTF8 { ContentType.subtype(UnsafeRawBufferPointer($0)) != nil }
        if !isGRPC {
            call.failure = GRPCStatus(.unknown, "received unexpected content-type \"\(type)\"")
        }
    }

    private func received(_ stream: Int32, _ bytes: UnsafeRawBufferPointer) {
        self.wire.session.consumeConnection(bytes: bytes.count)
        guard let call = self.calls[stream], !call.isComplete, call.failure == nil else {
            self.wire.session.consume(stream: stream, bytes: bytes.count)
            return
        }
        call.withheldBytes += bytes.count
        var rest = bytes
        do {
            while let message = try call.assembler.next(&rest) {
                try self.deliver(call, message)
            }
        } catch {
            self.end(call, error)
        }
        if case .stream(let inbox) = call.sink, !inbox.messages.isEmpty { return }
        self.took(call, bytes: call.withheldBytes)
    }

    private func deliver(_ call: ClientCall, _ message: MessageAssembler.Message) throws(GRPCStatus) {
        var bytes = message.bytes
        if message.isCompressed {
            guard call.encoding == "gzip" else {
                throw GRPCStatus(
                    .unimplemented,
                    "grpc: Decompressor is not installed for grpc-encoding \"\(call.encoding ?? "")\"")
            }
            bytes = try Gzip.decompress(bytes, maximumBytes: call.maximumMessageBytes)
        }
        switch call.sink {
        case .stream(let inbox):
            _ = inbox.messages.push(bytes)
            guard inbox.messages.byteCount <= InboundMessages.maximumBytes else {
                throw GRPCStatus(.resourceExhausted, "grpc: too many bytes wait to be read")
            }
        case .unary:
            guard call.reply == nil else {
                throw GRPCStatus(.internalError, "the server sent two messages on a unary call")
            }
            call.reply = bytes
        }
    }

    func took(_ call: ClientCall, bytes: Int) {
        let bytes = min(bytes, call.withheldBytes)
        guard bytes > 0 else { return }
        call.withheldBytes -= bytes
        self.wire.session.consume(stream: call.streamID, bytes: bytes)
        self.wire.markDirty()
    }

    /// The reader of a stream took a message of `bytes` out of its queue.
    func readerTook(_ call: ClientCall, bytes: Int) {
        guard case .stream(let inbox) = call.sink else { return }
        // Of an empty queue everything returns: what is left is the beginning of a message that needs the window.
        self.took(call, bytes: inbox.messages.isEmpty ? call.withheldBytes : bytes + MessageFraming.headerBytes)
    }

    private func release(_ call: ClientCall) {
        call.withheldBytes = 0
        call.body = nil
    }

    // MARK: Time

    private func add(_ deadline: NIODeadline) {
        guard deadline < self.earliestDeadline else { return }
        self.deadlineTimer?.cancel()
        self.earliestDeadline = deadline
        self.deadlineTimer = self.loop.eventLoop.assumeIsolated().scheduleTask(
            deadline: max(deadline, .now() + DeadlineTimer.resolution)
        ) {
            // Strong: a weak reference would make every retain slow. `didClose` cancels the timer.
            self.deadlinePassed()
        }
    }

    private func deadlinePassed() {
        self.earliestDeadline = .distantFuture
        let now = NIODeadline.now()
        var next = NIODeadline.distantFuture
        for call in self.calls.values {
            guard let deadline = call.deadline, !call.isComplete else { continue }
            if deadline <= now {
                self.end(call, .deadlineExceeded)
            } else {
                next = min(next, deadline)
            }
        }
        if next != .distantFuture { self.add(next) }
    }

    private func scheduleIdleCheck() {
        guard let idleTimeout = self.idleTimeout else { return }
        self.lastUse = .now()
        self.scheduleIdleCheck(in: idleTimeout, idleTimeout)
    }

    private func scheduleIdleCheck(in delay: TimeAmount, _ idleTimeout: TimeAmount) {
        self.idleTimer = self.loop.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            guard self.wire.isOpen else { return }
            let idle = NIODeadline.now() - self.lastUse
            if self.calls.isEmpty, idle >= idleTimeout { self.onChange(self, .idle) }
            guard !self.isDraining else { return }
            let rest = self.calls.isEmpty && idle < idleTimeout ? idleTimeout - idle : idleTimeout
            self.scheduleIdleCheck(in: rest, idleTimeout)
        }
    }

    /// Opens no more calls; closes after the last.
    func drain() {
        self.startDraining()
    }
}
