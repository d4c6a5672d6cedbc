// SPDX-License-Identifier: Apache-2.0

package import MartletHTTP2Session
package import NIOCore
import Synchronization

/// One call that a server answers.
///
/// The part a handler may use from any thread is marked so; the rest belongs to the connection's event loop.
///
/// `@unchecked Sendable`: what is set at creation never changes; what changes and may be used anywhere is behind
/// `shared`; everything under "Confined to the loop" is touched only there, by the connection.
package final class ServerCall: @unchecked Sendable {
    /// Outbound bytes of one stream above which a writer waits.
    package static let outboundHighWater = 256 << 10
    /// Outbound bytes of one stream at which a waiting writer goes on.
    package static let outboundLowWater = 64 << 10

    // MARK: From any thread

    package let path: String
    /// All request headers, those of HTTP/2 and gRPC included.
    package let metadata: HeaderBlock
    /// What follows `application/grpc+` in the request's content type; empty when nothing does.
    package let contentSubtype: String
    package let deadline: NIODeadline?
    package let peer: SocketAddress?
    /// The client's certificate on a mutual TLS connection.
    package let peerCertificate: PeerCertificate?

    struct Shared {
        var responseMetadata = HeaderBlock()
        var trailers = HeaderBlock()
        var responseSubtype: String?
        var compressesResponse = false
        /// What is answered in place of success.
        var refusal: GRPCStatus?
        /// Of a route that does not cancel its handler's task.
        var onCancel: (@Sendable () -> Void)?
        var isCancelled = false
    }

    /// `nil` until a handler sets something: most never do.
    private let shared = Mutex<Shared?>(nil)

    private func change<Result: Sendable>(_ body: (inout Shared) -> Result) -> Result {
        self.shared.withLock { shared in
            var changed = shared ?? Shared()
            defer { shared = changed }
            return body(&changed)
        }
    }

    /// The connection's.
    package var eventLoop: any EventLoop { self.loop.eventLoop }

    package var authority: String { self.metadata.first(":authority") ?? "" }

    /// Initial metadata of the response. What is set after the first message has gone is ignored.
    package var responseMetadata: HeaderBlock {
        get { self.shared.withLock { $0?.responseMetadata } ?? HeaderBlock() }
        set { self.change { $0.responseMetadata = newValue } }
    }

    /// Metadata that follows the last message.
    package var trailers: HeaderBlock {
        get { self.shared.withLock { $0?.trailers } ?? HeaderBlock() }
        set { self.change { $0.trailers = newValue } }
    }

    /// The content subtype of the answer, where it is not the request's.
    package var responseSubtype: String? {
        get { self.shared.withLock { $0?.responseSubtype } }
        set { self.change { $0.responseSubtype = newValue } }
    }

    /// Sends messages by gzip, if the client reads it; of itself that is done where the client compresses its own. What
    /// is set after the response's headers have gone is ignored.
    package var compressesResponse: Bool {
        get { self.shared.withLock { $0?.compressesResponse } ?? false }
        set { self.change { $0.compressesResponse = newValue } }
    }

    /// Answers with `status`, once the handler answers, where it would have answered well. Of several the first counts.
    package func refuse(_ status: GRPCStatus) {
        self.change { $0.refusal = $0.refusal ?? status }
    }

    /// On an `uncancelledStream` route: `action` is called once when the call ends before its handler does, at once
    /// when it already has; on any thread. `nil` takes it back, as a handler does when it is done.
    package func setCancellationHandler(_ action: (@Sendable () -> Void)?) {
        let isCancelled = self.change { shared in
            shared.onCancel = shared.isCancelled ? nil : action
            return shared.isCancelled
        }
        if isCancelled { action?() }
    }

    /// The call is over: tells its handler, and lets go of its task. On the loop.
    func cancelHandler() {
        let task = self.task
        self.task = nil
        guard !self.endpoint.route.cancelsTask else {
            task?.cancel()
            return
        }
        let action = self.change { shared in
            shared.isCancelled = true
            defer { shared.onCancel = nil }
            return shared.onCancel
        }
        action?()
    }

    /// What the handler set beside its messages, or `nil` when it set nothing: the usual case, and one lock.
    func takeShared() -> Shared? {
        self.shared.withLock { $0 }
    }

    // MARK: Confined to the loop

    let streamID: Int32
    let endpoint: Endpoint
    let encoding: String?
    let acceptsGzip: Bool
    var compresses: Bool
    /// Strong: a handler may outlive its connection. The connection lets go of its calls when it closes.
    let connection: ServerConnection
    let loop: LoopExecutor
    var assembler: MessageAssembler
    var inbound = Inbound.none
    var outbound = Outbound.idle
    var task: Task<Void, Never>?
    /// Body bytes that were received and not yet returned to the stream's window.
    var withheldBytes = 0
    /// Writers that wait for room.
    var writers = WaitingWriters()
    var isAboveHighWater = false
    /// The client has half-closed.
    var isInputEnded = false
    /// When the call began, where time is taken.
    var startTime: NIODeadline?

    enum Inbound {
        /// Nothing is read: the call was refused.
        case none
        /// The first message starts the handler.
        case unary
        /// The handler has its message.
        case unaryStarted
        case queue(InboundMessages)
        case events(any ServerCallEvents)
    }

    enum Outbound {
        /// No headers were sent.
        case idle
        case streaming(OutboundBody)
        /// The status was submitted.
        case finished
    }

    init(
        connection: ServerConnection, streamID: Int32, endpoint: Endpoint, head: RequestHead, metadata: HeaderBlock,
        maximumMessageBytes: Int
    ) {
        self.connection = connection
        self.loop = connection.loop
        self.streamID = streamID
        self.endpoint = endpoint
        self.path = endpoint.path
        self.metadata = metadata
        self.contentSubtype = head.subtype ?? ""
        let timeout = endpoint.route.timeout.map { min($0, head.timeout ?? $0) } ?? head.timeout
        self.deadline = timeout.map(NIODeadline.after)
        self.peer = connection.peer
        self.peerCertificate = connection.peerCertificate
        self.encoding = head.encoding
        self.acceptsGzip = head.acceptsGzip
        self.compresses = head.encoding == "gzip" && head.acceptsGzip
        self.assembler = MessageAssembler(maximumBytes: maximumMessageBytes)
    }

    var isFinished: Bool {
        if case .finished = self.outbound { true } else { false }
    }
}

/// A route as one connection remembers it.
///
/// `@unchecked Sendable`: nothing changes but the meter's counts, which only the connection touches, on its loop.
final class Endpoint: @unchecked Sendable {
    let path: String
    let pathBytes: [UInt8]
    let route: GRPCRoute
    let executor: EndpointExecutor
    /// Where the calls are counted, if they are.
    let meter: MethodMeter?

    func hasPath(_ path: UnsafeRawBufferPointer) -> Bool {
        self.pathBytes.count == path.count && self.pathBytes.withUnsafeBytes { $0.elementsEqual(path) }
    }

    init(path: String, pathBytes: [UInt8], route: GRPCRoute, loop: LoopExecutor, meter: MethodMeter?) {
        self.path = path
        self.pathBytes = pathBytes
        self.route = route
        self.executor = EndpointExecutor(name: path, loop: loop)
        self.meter = meter
    }
}

// MARK: - For event handlers

extension ServerCall {
    /// Answers a unary call with `message` and status 0. On the loop; ignored when the call is over.
    package func respond(_ message: [UInt8]) {
        self.loop.eventLoop.preconditionInEventLoop()
        self.connection.respond(self, message)
    }

    /// Begins the answer of a unary call: one message of `byteCount` bytes that ``sendPart(_:)`` gives, piece by piece,
    /// and ``finish(_:)`` behind them. It goes uncompressed. On the loop; ignored when the call is over.
    ///
    /// - Parameter events: told of room for more, and of the call's end.
    package func beginResponse(byteCount: Int, events: any ServerCallEvents) {
        self.loop.eventLoop.preconditionInEventLoop()
        self.connection.beginResponse(self, byteCount: byteCount, events: events)
    }

    /// The next bytes of the message that was begun. On the loop; ignored when the call is over.
    package func sendPart(_ part: [UInt8]) {
        self.loop.eventLoop.preconditionInEventLoop()
        self.connection.sendPart(self, part)
    }

    /// Sends one message of a stream. On the loop; ignored when the call is over.
    package func send(_ message: [UInt8]) {
        self.loop.eventLoop.preconditionInEventLoop()
        self.connection.send(self, message)
    }

    /// Sends messages of a stream. On the loop; ignored when the call is over.
    package func send(_ batch: MessageBatch) {
        self.loop.eventLoop.preconditionInEventLoop()
        self.connection.send(self, batch)
    }

    /// Ends the call. On the loop; ignored when it is over.
    package func finish(_ status: GRPCStatus = .ok) {
        self.loop.eventLoop.preconditionInEventLoop()
        self.connection.finish(self, status)
    }

    /// Bytes of this call's messages that the socket has not taken yet. On the loop.
    package var queuedBytes: Int {
        if case .streaming(let body) = self.outbound { body.queuedBytes } else { 0 }
    }
}
