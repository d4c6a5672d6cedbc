// SPDX-License-Identifier: Apache-2.0

internal import Martlet
internal import Tracing

/// A span on its way into what go-micro's tools are shown of a service; see ``Martlet/DebugSpans``.
struct SpanRecord: Sendable {
    private let spans: DebugSpans?
    private let name: String
    private let isOutbound: Bool
    private let started: UInt64
    private let start = ContinuousClock.now

    /// - Parameter spans: `nil` for a client that belongs to no service: nobody would ask it.
    init(_ spans: DebugSpans?, _ name: String, isOutbound: Bool = false) {
        self.spans = spans
        self.name = name
        self.isOutbound = isOutbound
        self.started = DefaultTracerClock.now.nanosecondsSinceEpoch
    }

    /// Keeps the span, if its context is one that W3C's headers can say.
    func ended(
        _ tracer: some Tracer, _ own: InstrumentationContext, _ parent: InstrumentationContext,
        _ error: (any Error)? = nil
    ) {
        guard let spans = self.spans, let own = Self.traceParent(tracer, own) else { return }
        spans.add(
            DebugSpans.Span(
                self.name, own: own, parent: Self.traceParent(tracer, parent), isOutbound: self.isOutbound,
                startedNanosecondsSince1970: self.started,
                durationNanoseconds: UInt64(max(0, (ContinuousClock.now - self.start).clampedNanoseconds)),
                error: error.map { "\($0)" }))
    }

    private static func traceParent(_ tracer: some Tracer, _ context: InstrumentationContext) -> TraceParent? {
        tracer.headers(context).first { $0.0 == "traceparent" }.flatMap { TraceParent($0.1) }
    }
}
