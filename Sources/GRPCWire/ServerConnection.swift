// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session
import NIOCore

/// The server's side of one connection: which calls it has, and what happens to them.
///
/// `@unchecked Sendable`: every stored property is touched only on the connection's event loop.
final class ServerConnection: WireConnectionOwner, @unchecked Sendable {
    /// Unread body bytes on all streams of a connection above which its own window is withheld.
    static let maximumUnreadBytes = 16 << 20
    /// Bytes of unfinished messages on all streams of a connection. They count as read, for they could not be finished
    /// otherwise; more than this much is no honest client's.
    static let maximumAssemblingBytes = 64 << 20
    /// Paths whose routes one connection remembers.
    static let rememberedPaths = 64

    let wire: WireConnection
    let loop: LoopExecutor
    let settings: ServerSettings
    let peer: SocketAddress?
    let peerCertificate: PeerCertificate?
    private let meter: CallMeter?
    var calls = StreamTable<ServerCall>()
    /// Requests that are no calls.
    var plain = StreamTable<PlainExchange>()
    /// Those of them that hold back a writer.
    var throttledPlain: [PlainExchange] = []
    /// Calls that hold back a writer or told their events to wait.
    var throttled: [ServerCall] = []
    private var endpoints: [Endpoint] = []
    /// Clients as the last call told of them; a connection has one, as a rule.
    private var client: ClientMeter?
    private var unknownClient: ClientMeter?
    private var responseHeads: [(subtype: String, block: HeaderBlock)] = []
    /// Body bytes received and not yet read, on all streams.
    var unreadBytes = 0
    /// Bytes of messages that have begun and not ended, on all streams.
    var assemblingBytes = 0
    /// Bytes that were not returned to the connection's window because of ``maximumUnreadBytes``.
    var withheldBytes = 0
    var deadlines = DeadlineTimer()
    var drain = Drain.none

    enum Drain {
        case none
        /// The shutdown notice is on its way; a ping follows when it was written, for nghttp2 sends pings first.
        case announcing
        /// The shutdown notice went out; its round trip is awaited.
        case announced
        /// GOAWAY went out: the connection closes after its last call.
        case draining
    }

    init(
        wire: WireConnection, settings: ServerSettings, peer: SocketAddress?, peerCertificate: PeerCertificate?
    ) {
        self.wire = wire
        self.loop = wire.loop
        self.settings = settings
        self.peer = peer
        self.peerCertificate = peerCertificate
        self.meter = settings.meters?.meter(of: wire.loop.eventLoop)
        self.unknownClient = self.meter?.client(CallMeter.unknownClient)
        wire.owner = self
    }

    // MARK: Events

    func handle(_ event: HTTP2Event, input: UnsafeRawBufferPointer) {
        switch event {
        case .headers(let stream, let block, .request, let isEnd, let isOversize):
            self.wire.keepalive.didWork()
            self.begin(stream, block, isOversize: isOversize)
            if isEnd { self.inputEnded(stream) }
        case .headers(let stream, _, _, let isEnd, _):
            // Trailers of a request mean nothing to gRPC but the end of it.
            if isEnd { self.inputEnded(stream) }
        case .data(let stream, let offset, let length):
            self.wire.keepalive.didWork()
            self.received(stream, UnsafeRawBufferPointer(rebasing: input[offset..<(offset + length)]))
        case .endOfStream(let stream):
            self.inputEnded(stream)
        case .closed(let stream, let code):
            self.closed(stream, code)
        case .finishedEarly(let stream):
            // The status is out; what the client still sends is not wanted. Source: RFC 9113 §8.1.
            self.wire.session.reset(stream, .noError)
            self.wire.markDirty()
        case .pingReceived:
            if !self.wire.keepalive.allowsPing() { self.wire.terminate(.enhanceYourCalm) }
        case .pingAcknowledged(let payload):
            self.pingAcknowledged(payload)
        case .goAwaySent:
            self.pingAfterNotice()
        case .resetFlood:
            self.wire.terminate(.enhanceYourCalm)
        case .notSent(let stream):
            // Headers that HTTP/2 cannot carry, as a rule too long ones: the client must not wait for them.
            guard self.wire.session.isOpen(stream) else { return }
            self.wire.session.reset(stream, .internalError)
            self.wire.markDirty()
        case .goAway, .settingsReceived:
            // A client's GOAWAY refuses pushes, which we never make; nghttp2 applies SETTINGS.
            break
        }
    }

    func didClose(_ reason: GRPCStatus) {
        self.deadlines.cancel()
        let calls = self.calls
        self.calls = StreamTable()
        self.throttled = []
        for call in calls.values { self.end(call, reason) }
        let plain = self.plain
        self.plain = StreamTable()
        self.throttledPlain = []
        for exchange in plain.values { self.endPlain(exchange) }
        self.settings.connections.remove(self)
    }

    func willFlush() {}

    func didFlush() {
        self.wakePlain()
        guard !self.throttled.isEmpty else { return }
        let waiting = self.throttled
        self.throttled = []
        for call in waiting {
            if call.queuedBytes > ServerCall.outboundLowWater, !call.isFinished {
                self.throttled.append(call)
            } else {
                self.wake(call)
            }
        }
    }

    private func wake(_ call: ServerCall) {
        call.isAboveHighWater = false
        call.writers.finish(.success(()))
        if case .events(let events) = call.inbound, !call.isFinished { events.becameWritable() }
    }

    // MARK: Calls

    private func begin(_ stream: Int32, _ block: HeaderBlock, isOversize: Bool) {
        guard self.wire.counter.bytes <= WireConnection.maximumQueuedBytes else {
            // The client does not read its answers; it may ask again when it has.
            self.wire.session.reset(stream, .refusedStream)
            return self.wire.markDirty()
        }
        var found: Result<Endpoint, GRPCStatus> = .failure(GRPCStatus(.unimplemented, "malformed method name: \"\""))
        var client = self.unknownClient
        let head = RequestHead(block, onVersion: { client = self.client($0) }, onPath: { found = self.endpoint($0) })
        guard !isOversize else {
            return self.refuse(
                stream, head,
                GRPCStatus(
                    .resourceExhausted,
                    "grpc: received header list larger than max (\(self.settings.http2.maximumHeaderListBytes))"))
        }
        if head.subtype == nil, self.beginPlain(stream, block) { return }
        guard head.isPost else { return self.refuse(stream, head, GRPCStatus(.internalError), httpStatus: "405") }
        guard let subtype = head.subtype else {
            let type = block.first("content-type") ?? ""
            return self.refuse(
                stream, head, GRPCStatus(.invalidArgument, "invalid gRPC request content-type \"\(type)\""),
                httpStatus: "415")
        }
        switch found {
        case .failure(let status):
            self.refuse(stream, head, status)
        case .success(let endpoint):
            guard endpoint.route.subtypes.contains(subtype) else {
                return self.refuse(
                    stream, head,
                    GRPCStatus(.unimplemented, "grpc: no codec is registered for content-subtype \"\(subtype)\""))
            }
            if let encoding = head.encoding, encoding != "gzip" {
                return self.refuse(
                    stream, head,
                    GRPCStatus(
                        .unimplemented, "grpc: Decompressor is not installed for grpc-encoding \"\(encoding)\"",
                        trailers: ["grpc-accept-encoding": "gzip"]))
            }
            let call = ServerCall(
                connection: self, streamID: stream, endpoint: endpoint, head: head, metadata: block,
                maximumMessageBytes: self.settings.maximumMessageBytes)
            if let meter = endpoint.meter {
                call.startTime = meter.start()
                client?.count(isUnary: !meter.isStream)
            }
            self.calls.insert(call, for: stream)
            self.wire.keepalive.hasOpenStreams = true
            self.start(call)
        }
    }

    private func start(_ call: ServerCall) {
        if let deadline = call.deadline { self.deadlines.add(deadline, on: self.loop, self.deadlinePassed) }
        switch call.endpoint.route.handler {
        case .unary, .unaryEvent:
            call.inbound = .unary
        case .stream(let handler, let pool):
            let messages = InboundMessages()
            messages.setOnTake { [weak call] bytes in
                guard let call else { return }
                call.loop.perform { call.connectionTook(bytes) }
            }
            call.inbound = .queue(messages)
            call.startStream(handler, pool: pool, messages: messages)
        case .streamEvent(let make):
            call.inbound = .events(make(call))
        }
    }

    /// Answers a stream that no handler sees. The rest of its body is dropped as it comes.
    private func refuse(_ stream: Int32, _ head: RequestHead, _ status: GRPCStatus, httpStatus: String = "200") {
        var block = HeaderBlock()
        block.append(":status", httpStatus)
        block.append("content-type", ContentType.value(subtype: head.subtype ?? ""))
        block.append(contentsOf: status.trailerBlock())
        self.wire.session.respond(stream, block, body: nil)
        self.wire.markDirty()
    }

    private func client(_ version: UnsafeRawBufferPointer) -> ClientMeter? {
        guard let meter = self.meter else { return nil }
        let isSame = self.client?.bytes.withUnsafeBytes { $0.elementsEqual(version) } ?? false
        if !isSame { self.client = meter.client(String(decoding: version, as: UTF8.self)) }
        return self.client
    }

    /// The route of a path: from the few that this connection used last, or from the router.
    private func endpoint(_ path: UnsafeRawBufferPointer) -> Result<Endpoint, GRPCStatus> {
        for endpoint in self.endpoints where endpoint.hasPath(path) { return .success(endpoint) }
        let text = String(decoding: path, as: UTF8.self)
        return self.settings.router.route(text).map { route in
            let endpoint = Endpoint(
                path: text, pathBytes: [UInt8](path), route: route, loop: self.loop,
                meter: self.meter?.method(text))
            if self.endpoints.count == Self.rememberedPaths { self.endpoints.removeLast() }
            self.endpoints.insert(endpoint, at: 0)
            return endpoint
        }
    }

    /// `:status` and `content-type` of a response.
    func responseHead(subtype: String, isCompressed: Bool) -> HeaderBlock {
        if !isCompressed, let known = self.responseHeads.first(where: { $0.subtype == subtype }) { return known.block }
        var block: HeaderBlock = [":status": "200", "content-type": ContentType.value(subtype: subtype)]
        if isCompressed {
            block.append("grpc-encoding", "gzip")
        } else if self.responseHeads.count < Self.rememberedPaths {
            self.responseHeads.append((subtype, block))
        }
        return block
    }

    private func closed(_ stream: Int32, _ code: HTTP2ErrorCode) {
        self.wire.session.forget(stream)
        if let call = self.calls.remove(stream) {
            self.release(call)
            self.end(call, .cancelled)
        } else if let exchange = self.plain.remove(stream) {
            self.endPlain(exchange)
        } else {
            return
        }
        self.wire.keepalive.hasOpenStreams = self.hasOpenStreams
        self.closeIfDrained()
    }

    var hasOpenStreams: Bool { !self.calls.isEmpty || !self.plain.isEmpty }

    /// The call is out of the table: tells its handler, wakes its writers.
    func end(_ call: ServerCall, _ reason: GRPCStatus) {
        let wasFinished = call.isFinished
        call.outbound = .finished
        if !wasFinished {
            call.endpoint.meter?.end(reason.code, since: call.startTime)
            call.cancelHandler()
        }
        switch call.inbound {
        case .queue(let messages): messages.finish(.failure(reason))
        case .events(let events): events.closed()
        case .none, .unary, .unaryStarted: break
        }
        call.inbound = .none
        call.writers.finish(.failure(reason))
    }
}
