// SPDX-License-Identifier: Apache-2.0

/// Sees each call before anything of it is decoded, those of endpoints that nobody handles among them, and may answer
/// it: for proxies, recorders, and protocols of one's own.
///
/// Return `.proceed` to let the endpoint's handler answer, `.answered` when the hook has sent all there is to send, and
/// throw to answer with an error. The hook runs inside the endpoint's limits and around its interceptors. Methods that
/// a generated gRPC service serves are not seen.
public typealias RouterHook = @Sendable (RawCall) async throws -> RouterDecision

/// What becomes of a call after a ``RouterHook`` has seen it.
public enum RouterDecision: Sendable, Hashable {
    /// The endpoint answers.
    case proceed
    /// The hook has answered: the call ends with status 0.
    case answered
}

/// A call whose messages are bytes.
public struct RawCall: Sendable {
    /// What is known of the call. Its endpoint is what the path says, whether it is handled or not.
    public let context: HandlerContext

    let stream: PeekedStream

    init(context: HandlerContext, stream: PeekedStream) {
        self.context = context
        self.stream = stream
    }

    /// The path, as it came: `/go.micro.server.Greeter/Hello`.
    public var path: String { self.context.call.path }

    /// What stands behind `application/grpc+` in the content type; empty when nothing does.
    public var contentSubtype: String { self.context.call.contentSubtype }

    /// The first message, without taking it: the endpoint still gets it. `nil` when the caller sends none.
    ///
    /// Only before the first ``next()``.
    public func peek() async throws -> [UInt8]? { try await self.stream.peek() }

    /// Takes the next message; the endpoint won't see it. `nil` behind the last one.
    public func next() async throws -> [UInt8]? { try await self.stream.next() }

    /// Sends a message to the caller; waits while too much is already on its way.
    public func send(_ message: [UInt8]) async throws { try await self.stream.stream.write(message) }
}
