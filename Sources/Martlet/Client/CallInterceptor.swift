// SPDX-License-Identifier: Apache-2.0

public import Logging
internal import MartletGRPCWire
internal import MartletHTTP2Session
internal import Synchronization

/// Code around every call of a client, whatever its kind; the first one that was added is the outermost.
///
/// Call `next` with the context that was handed in, or a changed copy, to go on; throw instead to fail the call. What
/// `next` throws is what the caller would get: catch it to look at it, and throw it again. All attempts of a call, on
/// whichever nodes, happen inside one `next`; calling it again makes the call again. For a stream `next` returns when
/// the caller is done with it.
public typealias CallInterceptor =
    @Sendable (_ context: CallContext, _ next: (CallContext) async throws -> Void) async throws -> Void

/// What a ``CallInterceptor`` may know of a call, and change.
public struct CallContext: Sendable {
    /// The service's name in the registry.
    public let service: String
    /// `Handler.Method`, or a gRPC path that starts with a slash.
    public let endpoint: String
    /// How many messages the call has in either direction.
    public let kind: CallKind

    /// How the call is made: its metadata, its time limit, the node's address and so on.
    public var options: RequestOptions

    /// The client's logger, or the one that an interceptor put in its place.
    public var logger: Logger

    let outcome = CallOutcomeBox()
    /// The trace of the call that this one is made for, as headers; empty where it is made for none.
    package var inheritedTrace: [(String, String)] = []
    /// Where the service that the client belongs to keeps its last spans.
    package var debugSpans: DebugSpans?

    init(_ service: String, _ endpoint: String, _ kind: CallKind, _ options: RequestOptions, _ logger: Logger) {
        self.service = service
        self.endpoint = endpoint
        self.kind = kind
        self.options = options
        self.logger = logger
    }

    /// The node that took the call; `nil` until `next` has returned, and when no node did.
    public var node: NodeRecord? { self.outcome.value.withLock { $0.node } }

    /// How many attempts the call took, those to open a stream; 0 until one has succeeded.
    public var attempts: Int { self.outcome.value.withLock { $0.attempts } }

    /// Has `body` hear of each attempt that fails, at once, whether or not another one follows.
    ///
    /// It runs in between the attempts of the call and must not take long.
    public func onFailedAttempt(_ body: @escaping @Sendable (FailedAttempt) -> Void) {
        self.outcome.value.withLock { $0.observers.append(body) }
    }

    /// The metadata that came before the first message; empty until the call has been answered.
    public var responseMetadata: CallMetadata {
        CallMetadata(headers: self.outcome.value.withLock { $0.metadata })
    }

    /// The metadata that came after the last message; empty until the call has been answered.
    public var trailingMetadata: CallMetadata {
        CallMetadata(headers: self.outcome.value.withLock { $0.trailers })
    }
}

/// An attempt of a call that failed; see ``CallContext/onFailedAttempt(_:)``.
public struct FailedAttempt: Sendable {
    /// Which attempt it was, from 1.
    public let number: Int
    /// The node that it was made on.
    public let node: NodeRecord
    /// What the caller is told if no other attempt follows: a ``MicroError``, or `CancellationError`.
    public let error: any Error
}

/// What became of a call, for those around it.
final class CallOutcomeBox: Sendable {
    struct Value: Sendable {
        var node: NodeRecord?
        var attempts = 0
        var metadata = HeaderBlock()
        var trailers = HeaderBlock()
        var observers: [@Sendable (FailedAttempt) -> Void] = []
    }

    let value = Mutex(Value())

    func take(_ reply: CallReply) {
        self.value.withLock { value in
            value.node = reply.node
            value.attempts = reply.attempts
            value.metadata = reply.reply.metadata
            value.trailers = reply.reply.trailers
        }
    }

    func attemptFailed(_ attempt: FailedAttempt) {
        for observer in self.value.withLock({ $0.observers }) { observer(attempt) }
    }

    /// A stream has ended.
    func take(_ stream: OpenedStream) {
        self.value.withLock { value in
            value.node = stream.node
            value.attempts = stream.attempts
            value.metadata = stream.stream.receivedMetadata
            value.trailers = stream.stream.trailers
        }
    }
}

/// A response with what came beside it.
///
///     let reply: MicroResponse<HelloResponse> = try await client.call("go.micro.server", "Greeter.Hello", request)
///     print(reply.message.greeting, reply.metadata["x-cache"] ?? "-", reply.node.address)
public struct MicroResponse<Message: Sendable>: Sendable {
    public let message: Message
    /// The metadata that came before the message.
    public let metadata: CallMetadata
    /// The metadata that came after the message.
    public let trailingMetadata: CallMetadata
    /// The node that answered.
    public let node: NodeRecord
    /// How many attempts the call took.
    public let attempts: Int
}

extension ClientCore {
    /// Runs `body` inside all interceptors.
    func intercepted(_ context: CallContext, _ body: (CallContext) async throws -> Void) async throws {
        try await self.intercepted(context, from: 0, body)
    }

    private func intercepted(
        _ context: CallContext, from position: Int, _ body: (CallContext) async throws -> Void
    ) async throws {
        guard position < self.configuration.interceptors.count else { return try await body(context) }
        try await self.configuration.interceptors[position](context) { context in
            try await self.intercepted(context, from: position + 1, body)
        }
    }

    /// An interceptor that neither goes on nor throws leaves the caller without an answer.
    static var nothingAnswered: MicroError {
        MicroError(.internalServerError, "an interceptor swallowed the call", id: MicroError.clientID)
    }
}
