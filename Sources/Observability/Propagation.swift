// SPDX-License-Identifier: Apache-2.0

internal import Martlet
internal import Tracing

/// Reads a span's context from what travels beside a call or a message.
struct MetadataExtractor: Extractor {
    func extract(key: String, from carrier: CallMetadata) -> String? { carrier[key] }
}

/// Writes a span's context into what travels beside a call or a message.
struct MetadataInjector: Injector {
    func inject(_ value: String, forKey key: String, into carrier: inout CallMetadata) { carrier[key] = value }
}

extension Optional where Wrapped == any Tracer {
    /// The tracer that was given, else the one that is bootstrapped; `nil` where that does nothing.
    var inUse: (any Tracer)? {
        let tracer = self ?? InstrumentationSystem.tracer
        return tracer is NoOpTracer ? nil : tracer
    }
}

extension Tracer {
    /// What tells others that they belong to a span.
    func headers(_ context: InstrumentationContext) -> [(String, String)] {
        var metadata = CallMetadata()
        self.inject(context, into: &metadata, using: MetadataInjector())
        return metadata.map { ($0.key, $0.value) }
    }

    /// What a span of this process's own making belongs to: the span that its task is in, else what the metadata says,
    /// else the call or the message that it is made for.
    func parent(_ metadata: CallMetadata, inherited: [(String, String)]) -> InstrumentationContext {
        if let current = InstrumentationContext.current { return current }
        var carrier = metadata
        for (name, value) in inherited where !carrier.contains(name) { carrier[name] = value }
        var parent = InstrumentationContext.topLevel
        self.extract(carrier, into: &parent, using: MetadataExtractor())
        return parent
    }
}

extension Span {
    /// Source: OpenTelemetry, semantic conventions for RPC.
    func describeCall(_ service: String, _ endpoint: String) {
        let parts = endpoint.split(separator: ".", maxSplits: 1)
        self.attributes["rpc.system"] = "grpc"
        self.attributes["rpc.service"] = "\(service).\(parts.first ?? "")"
        self.attributes["rpc.method"] = parts.count > 1 ? String(parts[1]) : endpoint
    }

    func failed(_ error: any Error) {
        if let error = error as? MicroError { self.attributes["martlet.code"] = Int(error.code.rawValue) }
        self.setStatus(SpanStatus(code: .error, message: "\(error)"))
    }
}
