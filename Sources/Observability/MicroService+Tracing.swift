// SPDX-License-Identifier: Apache-2.0

public import Martlet
public import Tracing

extension MicroService {
    /// Makes a span of every call and of every message that a subscriber handles, children of the caller's or the
    /// publisher's as W3C's `traceparent` says; the service's own calls and messages carry the new span on.
    ///
    /// It costs nothing to speak of, and binds no task-local value, until a tracer is bootstrapped.
    ///
    /// - Parameter tracer: The tracer; `nil` asks `InstrumentationSystem` at each call.
    public mutating func trace(with tracer: (any Tracer)? = nil) {
        self.intercept { context, next in
            let tracer = tracer ?? InstrumentationSystem.tracer
            guard !(tracer is NoOpTracer) else { return try await next(context) }
            try await Self.span(context, tracer, next)
        }
        self.interceptSubscribers { context, next in
            let tracer = tracer ?? InstrumentationSystem.tracer
            guard !(tracer is NoOpTracer) else { return try await next(context) }
            try await Self.span(context, tracer, next)
        }
    }

    private static func span(
        _ context: HandlerContext, _ tracer: some Tracer, _ next: (HandlerContext) async throws -> Void
    ) async throws {
        var parent = InstrumentationContext.topLevel
        tracer.extract(context.metadata, into: &parent, using: MetadataExtractor())
        let parts = context.endpoint.split(separator: ".", maxSplits: 1)
        // Source: OpenTelemetry, semantic conventions for RPC.
        try await tracer.withSpan("\(context.service).\(context.endpoint)", context: parent, ofKind: .server) { span in
            span.attributes["rpc.system"] = "grpc"
            span.attributes["rpc.service"] = "\(context.service).\(parts.first ?? "")"
            span.attributes["rpc.method"] = parts.count > 1 ? String(parts[1]) : context.endpoint
            if let caller = context.caller { span.attributes["martlet.caller"] = caller }
            var context = context
            context.traceHeaders = Self.headers(span.context, tracer)
            do {
                try await next(context)
            } catch {
                if let error = error as? MicroError { span.attributes["martlet.code"] = Int(error.code.rawValue) }
                span.setStatus(SpanStatus(code: .error, message: "\(error)"))
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
            context.traceHeaders = Self.headers(span.context, tracer)
            do {
                try await next(context)
            } catch {
                span.setStatus(SpanStatus(code: .error, message: "\(error)"))
                throw error
            }
        }
    }

    /// What tells others that they belong to the span.
    private static func headers(_ context: InstrumentationContext, _ tracer: some Tracer) -> [(String, String)] {
        var metadata = CallMetadata()
        tracer.inject(context, into: &metadata, using: MetadataInjector())
        return metadata.map { ($0.key, $0.value) }
    }
}

/// Reads a span's context from what travels beside a call or a message.
struct MetadataExtractor: Extractor {
    func extract(key: String, from carrier: CallMetadata) -> String? { carrier[key] }
}

/// Writes a span's context into what travels beside a call or a message.
struct MetadataInjector: Injector {
    func inject(_ value: String, forKey key: String, into carrier: inout CallMetadata) { carrier[key] = value }
}
