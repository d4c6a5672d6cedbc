// SPDX-License-Identifier: Apache-2.0

public import Martlet
public import Tracing

extension MicroService {
    /// Makes a span of every call and of every message that a subscriber handles, children of the caller's or the
    /// publisher's as W3C's `traceparent` says, and spans of what the service's own client calls and publishes on their
    /// behalf; see ``Martlet/MicroClient/Configuration/trace(with:)``.
    ///
    /// It costs nothing to speak of, and binds no task-local value, until a tracer is bootstrapped.
    ///
    /// - Parameter tracer: The tracer; `nil` asks `InstrumentationSystem` at each call.
    public mutating func trace(with tracer: (any Tracer)? = nil) {
        self.configuration.client.trace(with: tracer)
        self.intercept { context, next in
            guard let tracer = tracer.inUse else { return try await next(context) }
            try await Self.span(context, tracer, next)
        }
        self.interceptSubscribers { context, next in
            guard let tracer = tracer.inUse else { return try await next(context) }
            try await Self.span(context, tracer, next)
        }
    }

    private static func span(
        _ context: HandlerContext, _ tracer: some Tracer, _ next: (HandlerContext) async throws -> Void
    ) async throws {
        var parent = InstrumentationContext.topLevel
        tracer.extract(context.metadata, into: &parent, using: MetadataExtractor())
        let record = SpanRecord(context.debugSpans, "\(context.service).\(context.endpoint)")
        try await tracer.withSpan("\(context.service).\(context.endpoint)", context: parent, ofKind: .server) { span in
            span.describeCall(context.service, context.endpoint)
            if let caller = context.caller { span.attributes["martlet.caller"] = caller }
            var context = context
            context.traceHeaders = tracer.headers(span.context)
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
        _ context: MessageContext, _ tracer: some Tracer, _ next: (MessageContext) async throws -> Void
    ) async throws {
        var parent = InstrumentationContext.topLevel
        tracer.extract(context.metadata, into: &parent, using: MetadataExtractor())
        // Source: OpenTelemetry, semantic conventions for messaging.
        try await tracer.withSpan("\(context.topic) process", context: parent, ofKind: .consumer) { span in
            span.attributes["messaging.operation.type"] = "process"
            span.attributes["messaging.destination.name"] = context.topic
            span.attributes["messaging.message.id"] = context.messageID
            if let queue = context.queue { span.attributes["messaging.consumer.group.name"] = queue }
            var context = context
            context.traceHeaders = tracer.headers(span.context)
            do {
                try await next(context)
            } catch {
                span.failed(error)
                throw error
            }
        }
    }
}
