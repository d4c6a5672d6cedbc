// SPDX-License-Identifier: Apache-2.0

public import Logging

/// Code around every message that a client publishes; the first one that was added is the outermost.
///
/// Call `next` with the context that was handed in, or a changed copy, to go on; throw instead to fail. When `next`
/// returns the message is the broker's. Returning without `next` publishes nothing.
public typealias PublishInterceptor =
    @Sendable (_ context: PublishContext, _ next: (PublishContext) async throws -> Void) async throws -> Void

/// What a ``PublishInterceptor`` may know of a message, and change.
public struct PublishContext: Sendable {
    public let topic: String

    /// How the message is published: its metadata, its codec and so on.
    public var options: PublishOptions

    /// The client's logger, or the one that an interceptor put in its place.
    public var logger: Logger

    /// The trace of the call or message that this one is published for, as headers; empty where there is none.
    package let inheritedTrace: [(String, String)]

    init(_ topic: String, _ options: PublishOptions, _ logger: Logger, inheritedTrace: [(String, String)]) {
        self.topic = topic
        self.options = options
        self.logger = logger
        self.inheritedTrace = inheritedTrace
    }

    /// Names the message among all.
    public var messageID: String { self.options.messageID ?? "" }
}

extension ClientCore {
    /// Runs `body` inside all interceptors of messages.
    func intercepted(_ context: PublishContext, _ body: (PublishContext) async throws -> Void) async throws {
        try await self.intercepted(context, from: 0, body)
    }

    private func intercepted(
        _ context: PublishContext, from position: Int, _ body: (PublishContext) async throws -> Void
    ) async throws {
        guard position < self.configuration.publishInterceptors.count else { return try await body(context) }
        try await self.configuration.publishInterceptors[position](context) { context in
            try await self.intercepted(context, from: position + 1, body)
        }
    }
}
