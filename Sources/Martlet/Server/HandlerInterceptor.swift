// SPDX-License-Identifier: Apache-2.0

/// Code around every call of a service, whatever its kind; the first one that was added is the outermost.
///
/// Call `next` with the context that was handed in, or a changed copy, to go on; throw instead to answer with an error.
/// What `next` throws is the handler's error: catch it to look at it, and throw it again.
public typealias HandlerInterceptor =
    @Sendable (_ context: HandlerContext, _ next: (HandlerContext) async throws -> Void) async throws -> Void

/// Code that sees every message of a service's streams: those that come, decoded, and those that go, not yet encoded.
///
/// The first one that was added is nearest to the caller: it sees what comes first, and what goes last. Throw to end
/// the call with an error.
public typealias StreamInterceptor = @Sendable (_ event: StreamEvent, _ context: HandlerContext) async throws -> Void

/// A message on a stream, on its way past a ``StreamInterceptor``.
public struct StreamEvent: Sendable {
    /// Where a message goes.
    public enum Direction: Sendable, Hashable {
        /// From the caller to the handler.
        case received
        /// From the handler to the caller.
        case sent
    }

    public let direction: Direction

    /// The message, of the type that the endpoint declares.
    public let message: any Sendable
}

/// What a stream of one call runs its messages through.
struct StreamTap: Sendable {
    let interceptors: [StreamInterceptor]
    let context: HandlerContext

    func received(_ message: any Sendable) async throws {
        for interceptor in self.interceptors {
            try await interceptor(StreamEvent(direction: .received, message: message), self.context)
        }
    }

    func sent(_ message: any Sendable) async throws {
        for interceptor in self.interceptors.reversed() {
            try await interceptor(StreamEvent(direction: .sent, message: message), self.context)
        }
    }
}
