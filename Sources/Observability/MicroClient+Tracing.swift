// SPDX-License-Identifier: Apache-2.0

public import Martlet
public import Tracing

extension MicroClient.Configuration {
    /// Makes a span of every call and of every message that is published, and sends it along: as W3C's `traceparent` in
    /// the call's metadata, and in the message's headers.
    ///
    /// A span's parent is the span that the task is in, else the call or the message that the client answers. Attempts
    /// that fail are events of their call's span. It costs nothing to speak of, and binds no task-local value, until a
    /// tracer is bootstrapped.
    ///
    ///     let client = MicroClient(registry: registry) { $0.trace() }
    ///
    /// - Parameter tracer: The tracer; `nil` asks `InstrumentationSystem` at each call.
    public mutating func trace(with tracer: (any Tracer)? = nil) {
        self.intercept { context, next in
            guard let tracer = tracer.inUse else { return try await next(context) }
            try await Self.span(context, tracer, next)
        }
        self.interceptPublishing { context, next in
            guard let tracer = tracer.inUse else { return try await next(context) }
            try await Self.span(context, tracer, next)
        }
    }

    private static func span(
        _ context: CallContext, _ tracer: some Tracer, _ next: (CallContext) async throws -> Void
    ) async throws {
        let parent = tracer.parent(context.options.metadata, inherited: context.inheritedTrace)
        let record = SpanRecord(context.debugSpans, "\(context.service).\(context.endpoint)", isOutbound: true)
        try await tracer.withSpan("\(context.service).\(context.endpoint)", context: parent, ofKind: .client) { span in
            span.describeCall(context.service, context.endpoint)
            var context = context
            tracer.inject(span.context, into: &context.options.metadata, using: MetadataInjector())
            context.onFailedAttempt { attempt in
                var attributes = SpanAttributes()
                attributes["martlet.attempt"] = attempt.number
                attributes["martlet.node"] = attempt.node.id
                attributes["server.address"] = attempt.node.address
                attributes["martlet.error"] = "\(attempt.error)"
                span.addEvent(SpanEvent(name: "attempt failed", attributes: attributes))
            }
            defer {
                if let node = context.node {
                    span.attributes["martlet.node"] = node.id
                    span.attributes["server.address"] = node.address
                    span.attributes["martlet.attempts"] = context.attempts
                }
            }
            do {
                try await next(context)
                record.ended(tracer, span.context, parent)
            } catch {
                span.failed(error)
                record.ended(tracer, span.context, parent, error)
                throw error
            }
        }
    }

    private static func span(
        _ context: PublishContext, _ tracer: some Tracer, _ next: (PublishContext) async throws -> Void
    ) async throws {
        let parent = tracer.parent(context.options.metadata, inherited: context.inheritedTrace)
        // Source: OpenTelemetry, semantic conventions for messaging.
        try await tracer.withSpan("\(context.topic) publish", context: parent, ofKind: .producer) { span in
            span.attributes["messaging.operation.type"] = "send"
            span.attributes["messaging.destination.name"] = context.topic
            span.attributes["messaging.message.id"] = context.messageID
            var context = context
            tracer.inject(span.context, into: &context.options.metadata, using: MetadataInjector())
            do {
                try await next(context)
            } catch {
                span.failed(error)
                throw error
            }
        }
    }
}
