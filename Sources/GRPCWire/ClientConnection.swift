// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session
import NIOCore

/// The client's side of one connection.
///
/// `@unchecked Sendable`: every stored property is touched only on the connection's event loop.
final class ClientConnection: WireConnectionOwner, @unchecked Sendable {
    let wire: WireConnection
    let loop: LoopExecutor
    let idleTimeout: TimeAmount?
    let maximumAge: TimeAmount?
    let onChange: @Sendable (ClientConnection, Change) -> Void
    var calls = StreamTable<ClientCall>()
    private var throttled: [ClientCall] = []
    /// Streams up to this one have been handed to the channel: the server may have seen them.
    private var lastFlushedStream: Int32 = 0
    private var lastStream: Int32 = 0
    private var isReady = false
    private(set) var isDraining = false
    var deadlines = DeadlineTimer()
    var idleTimer: Scheduled<Void>?
    var ageTimer: Scheduled<Void>?
    var lastUse = NIODeadline.now()

    enum Change: Sendable {
        /// The server's SETTINGS have arrived; this many streams may be open.
        case ready(maximumStreams: Int)
        /// No new calls: the server is going away, or stream ids are used up.
        case draining
        case callEnded
        /// No call was open for the idle time.
        case idle
        /// It has reached its age; it may be unused for a while already.
        case aged(isUnused: Bool)
        case closed(GRPCStatus)
    }

    init(
        wire: WireConnection, idleTimeout: TimeAmount?, maximumAge: TimeAmount?,
        onChange: @escaping @Sendable (ClientConnection, Change) -> Void
    ) {
        self.wire = wire
        self.loop = wire.loop
        self.idleTimeout = idleTimeout
        self.maximumAge = maximumAge
        self.onChange = onChange
        wire.owner = self
    }

    // MARK: Calls

    /// Starts a call. On the loop.
    func start(_ call: ClientCall) {
        guard !call.isCancelled else { return self.unstarted(call, .cancelled) }
        guard !self.isDraining else { return self.unstarted(call, Self.goingAway) }
        guard self.wire.isOpen else { return self.unstarted(call, Self.broken) }
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
        if let deadline = call.deadline { self.deadlines.add(deadline, on: self.loop, self.deadlinePassed) }
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

    /// Nobody said that it would close: the node is gone as far as anyone here can tell.
    private static let broken: GRPCStatus = {
        var status = GRPCStatus(.unavailable, "the connection is closed")
        status.isConnectFailure = true
        return status
    }()

    /// Returns whether there is room for more.
    ///
    /// - Parameter mayWait: whether the call is to be told of room once there is some, and isn't to be already.
    func write(_ call: ClientCall, _ message: [UInt8], mayWait: Bool) throws(GRPCStatus) -> Bool {
        guard let body = call.body, !call.isComplete else { throw .cancelled }
        try call.append(message, to: body)
        self.wire.session.resume(body)
        self.wire.markDirty()
        guard body.queuedBytes > ServerCall.outboundHighWater else { return true }
        if mayWait { self.throttled.append(call) }
        return false
    }

    /// As `write`, for a call that is told of room by an event.
    func writeEvent(_ call: ClientCall, _ message: [UInt8]) throws(GRPCStatus) -> Bool {
        let isThrottled = call.isThrottled
        let hasRoom = try self.write(call, message, mayWait: !isThrottled)
        call.isThrottled = isThrottled || !hasRoom
        return hasRoom
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
    func end(_ call: ClientCall, _ status: GRPCStatus) {
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
        if let maximumAge = self.maximumAge { self.scheduleAge(in: Self.jittered(maximumAge)) }
        self.onChange(self, .ready(maximumStreams: Int(self.wire.session.peerMaximumConcurrentStreams)))
    }

    private func startDraining() {
        guard !self.isDraining else { return }
        self.isDraining = true
        self.onChange(self, .draining)
        self.closeIfDrained()
    }

    /// Opens no more calls; closes after the last.
    func drain() {
        self.startDraining()
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
        self.deadlines.cancel()
        self.idleTimer?.cancel()
        self.ageTimer?.cancel()
        let calls = self.calls
        self.calls = StreamTable()
        self.throttled = []
        for call in calls.values {
            var status = GRPCStatus(.unavailable, self.goAwayReason ?? reason.message)
            status.wasNotProcessed = call.streamID > self.lastFlushedStream
            // Whoever drains says so first; a connection that breaks says as much about its node as one refused.
            status.isConnectFailure = status.wasNotProcessed && !self.isDraining
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
                call.isThrottled = false
                call.writers.finish(.success(()))
                if case .events(let relay) = call.sink { relay.events?.becameWritable() }
            }
        }
    }
}
