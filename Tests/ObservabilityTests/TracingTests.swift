// SPDX-License-Identifier: Apache-2.0

import Foundation
import InMemoryTracing
import Martlet
import MartletObservability
import Synchronization
import Testing
import Tracing

/// Spans of calls and messages, and how they find their parents.
@Suite(.timeLimit(.minutes(30))) struct TracingTests {
    typealias Number = ObservabilityTests.Number

    static func service(
        _ registry: InMemoryRegistry, _ broker: InMemoryBroker, _ tracer: any Tracer,
        handled: @escaping @Sendable (MessageContext) -> Void = { _ in }
    ) -> MicroService {
        var service = MicroService("test.trace", registry: registry, broker: broker)
        service.trace(with: tracer)
        service.handle("Plain.Outer") { (request: Number, context) -> Number in
            #expect(InstrumentationContext.current != nil)
            let inner: Number = try await context.client.call("test.trace", "Plain.Inner", request)
            try await context.client.publish("numbers", inner)
            return inner
        }
        service.handle("Plain.Detached") { (request: Number, context) -> Number in
            // A task that knows of no span: the client still does.
            let client = context.client
            return try await Task.detached { try await client.call("test.trace", "Plain.Inner", request) }.value
        }
        service.handle("Plain.Inner") { (request: Number, context) in request }
        service.handle("Plain.Fail") { (request: Number, context) -> Number in
            throw MicroError(.conflict, "no")
        }
        service.serverStream("Plain.Count") { (request: Number, responses: MessageWriter<Number>, context) in
            for value in 0..<request.value { try await responses.write(Number(value: value)) }
        }
        service.subscribe("numbers", queue: "q") { (number: Number, context) in handled(context) }
        return service
    }

    static func span(
        _ tracer: InMemoryTracer, _ name: String, _ kind: SpanKind
    ) async throws -> FinishedInMemorySpan {
        // A span ends behind the answer that its caller has already got.
        for _ in 0..<2000 where !tracer.finishedSpans.contains(where: { $0.operationName == name && $0.kind == kind }) {
            try await Task.sleep(for: .milliseconds(5))
        }
        return try #require(tracer.finishedSpans.first { $0.operationName == name && $0.kind == kind })
    }

    @Test(arguments: [false, true]) func callsAndMessagesAreSpansOfOneTrace(_ inProcess: Bool) async throws {
        let registry = InMemoryRegistry()
        let broker = InMemoryBroker()
        let tracer = InMemoryTracer()
        let (done, finish) = AsyncStream.makeStream(of: Void.self)
        let service = Self.service(registry, broker, tracer) { _ in finish.yield() }
        try await ObservabilityTests.run(
            service, registry, inProcess: inProcess, client: { $0.trace(with: tracer) }
        ) { (client) async throws in
            let _: Number = try await client.call("test.trace", "Plain.Outer", Number(value: 1))
            for await _ in done { break }
            try? await { let _: Number = try await client.call("test.trace", "Plain.Fail", Number(value: 1)) }()
        }
        let call = try await Self.span(tracer, "test.trace.Plain.Outer", .client)
        let outer = try await Self.span(tracer, "test.trace.Plain.Outer", .server)
        let innerCall = try await Self.span(tracer, "test.trace.Plain.Inner", .client)
        let inner = try await Self.span(tracer, "test.trace.Plain.Inner", .server)
        let publication = try await Self.span(tracer, "numbers publish", .producer)
        let message = try await Self.span(tracer, "numbers process", .consumer)
        #expect(call.parentSpanID == nil)
        #expect(outer.parentSpanID == call.spanID)
        #expect(innerCall.parentSpanID == outer.spanID)
        #expect(inner.parentSpanID == innerCall.spanID)
        #expect(publication.parentSpanID == outer.spanID)
        #expect(message.parentSpanID == publication.spanID)
        #expect(Set([call, outer, innerCall, inner, publication, message].map(\.traceID)) == [call.traceID])
        #expect(call.attributes.get("rpc.service") == .string("test.trace.Plain"))
        #expect(call.attributes.get("rpc.method") == .string("Outer"))
        #expect(call.attributes.get("martlet.attempts") == .int64(1))
        #expect(publication.attributes.get("messaging.message.id") == message.attributes.get("messaging.message.id"))
        #expect(call.status == nil && outer.status == nil)

        let failedCall = try await Self.span(tracer, "test.trace.Plain.Fail", .client)
        let failed = try await Self.span(tracer, "test.trace.Plain.Fail", .server)
        #expect(failedCall.traceID != call.traceID)
        #expect(failed.parentSpanID == failedCall.spanID)
        for span in [failedCall, failed] {
            #expect(span.status?.code == .error)
            #expect(span.attributes.get("martlet.code") == .int64(409))
        }
        #expect(failedCall.events.map(\.name) == ["attempt failed"])
    }

    @Test func parentIsTheTasksSpanElseTheCallThatIsAnswered() async throws {
        let registry = InMemoryRegistry()
        let tracer = InMemoryTracer()
        let service = Self.service(registry, InMemoryBroker(), tracer)
        try await ObservabilityTests.run(
            service, registry, client: { $0.trace(with: tracer) }
        ) { (client) async throws in
            try await tracer.withSpan("work") { _ in
                let _: Number = try await client.call("test.trace", "Plain.Detached", Number(value: 1))
            }
            try await client.serverStream("test.trace", "Plain.Count", Number(value: 2), of: Number.self) {
                for try await _ in $0 {}
            }
        }
        let work = try await Self.span(tracer, "work", .internal)
        let call = try await Self.span(tracer, "test.trace.Plain.Detached", .client)
        let detached = try await Self.span(tracer, "test.trace.Plain.Detached", .server)
        let inner = try await Self.span(tracer, "test.trace.Plain.Inner", .client)
        #expect(call.parentSpanID == work.spanID)
        #expect(detached.parentSpanID == call.spanID)
        #expect(inner.parentSpanID == detached.spanID)
        let stream = try await Self.span(tracer, "test.trace.Plain.Count", .client)
        #expect(stream.parentSpanID == nil)
        #expect(try await Self.span(tracer, "test.trace.Plain.Count", .server).parentSpanID == stream.spanID)
    }

    @Test func attemptsThatFailAreEventsOfTheirCall() async throws {
        let registry = InMemoryRegistry()
        let tracer = InMemoryTracer()
        // Nobody listens there.
        let dead = NodeRecord(id: "dead", address: "127.0.0.1:1")
        try await registry.register(
            ServiceRecord(name: "test.trace", version: "1", nodes: [dead]), options: RegistrationOptions())
        let first = NodeSelector { nodes, _ in nodes.firstIndex { $0.id == "dead" } ?? 0 }
        try await ObservabilityTests.run(
            Self.service(registry, InMemoryBroker(), tracer), registry,
            client: {
                $0.trace(with: tracer)
                $0.selector = first
            }
        ) { (client) async throws in
            let _: Number = try await client.call("test.trace", "Plain.Inner", Number(value: 1))
        }
        let call = try await Self.span(tracer, "test.trace.Plain.Inner", .client)
        let event = try #require(call.events.first)
        #expect(call.events.count == 1)
        #expect(event.name == "attempt failed")
        #expect(event.attributes.get("martlet.node") == .string("dead"))
        #expect(event.attributes.get("martlet.attempt") == .int64(1))
        #expect(call.attributes.get("martlet.attempts") == .int64(2))
        #expect(call.status == nil)
    }

    /// The names of the headers are the standard's, in its spelling, on the wire and around messages.
    @Test func contextTravelsAsW3CSaysIt() async throws {
        let registry = InMemoryRegistry()
        let broker = InMemoryBroker()
        let tracer = W3CTracer()
        let seen = Mutex<[String: String]>([:])
        let (done, finish) = AsyncStream.makeStream(of: Void.self)
        var service = Self.service(registry, broker, tracer) { context in
            seen.withLock { $0["message"] = context.delivery.message.headers.dictionary["traceparent"] }
            finish.yield()
        }
        service.intercept { context, next in
            seen.withLock { $0[context.endpoint] = context.metadata["traceparent"] }
            try await next(context)
        }
        try await ObservabilityTests.run(
            service, registry, inProcess: false, client: { $0.trace(with: tracer) }
        ) { (client) async throws in
            let _: Number = try await client.call("test.trace", "Plain.Outer", Number(value: 1)) {
                $0.metadata["traceparent"] = "00-11111111111111111111111111111111-2222222222222222-01"
            }
            for await _ in done { break }
        }
        let call = try await Self.span(tracer.inner, "test.trace.Plain.Outer", .client)
        let inner = try await Self.span(tracer.inner, "test.trace.Plain.Inner", .client)
        let publication = try await Self.span(tracer.inner, "numbers publish", .producer)
        // What the caller wrote itself is the parent.
        #expect(call.traceID == "11111111111111111111111111111111")
        #expect(call.parentSpanID == "2222222222222222")
        for (name, span) in [("Plain.Outer", call), ("Plain.Inner", inner), ("message", publication)] {
            let header = try #require(seen.withLock { $0[name] })
            let parsed = try #require(TraceParent(header))
            #expect(parsed.spanID == span.spanID)
            #expect(parsed.traceID == call.traceID)
        }
    }

    /// go-micro's tools ask a service for its last spans.
    @Test func debugTraceShowsTheLastSpans() async throws {
        let registry = InMemoryRegistry()
        let tracer = W3CTracer()
        let service = Self.service(registry, InMemoryBroker(), tracer)
        try await ObservabilityTests.run(
            service, registry, client: { $0.trace(with: tracer) }
        ) { (client) async throws in
            func spans(_ trace: String) async throws -> [[String: String]] {
                let text = try await client.call("test.trace", "Debug.Trace", json: #"{"id":"\#(trace)"}"#)
                let response = try JSONDecoder().decode(TraceResponse.self, from: Data(text.utf8))
                return (response.spans ?? []).map { span in
                    #expect((UInt64(span.started) ?? 0) > 1_600_000_000_000_000_000)
                    return [
                        "name": span.name, "trace": span.trace, "id": span.id, "parent": span.parent ?? "",
                        "type": span.type ?? "INBOUND", "error": span.metadata?["error"] ?? "",
                    ]
                }
            }
            let _: Number = try await client.call("test.trace", "Plain.Detached", Number(value: 1))
            try? await { let _: Number = try await client.call("test.trace", "Plain.Fail", Number(value: 1)) }()
            let call = try await Self.span(tracer.inner, "test.trace.Plain.Detached", .client)
            let outer = try await Self.span(tracer.inner, "test.trace.Plain.Detached", .server)
            let innerCall = try await Self.span(tracer.inner, "test.trace.Plain.Inner", .client)
            let inner = try await Self.span(tracer.inner, "test.trace.Plain.Inner", .server)
            let failed = try await Self.span(tracer.inner, "test.trace.Plain.Fail", .server)
            // The client of the test belongs to no service: its own spans aren't shown.
            let expected = [
                ("test.trace.Plain.Inner", inner, innerCall.spanID, "INBOUND"),
                ("test.trace.Plain.Inner", innerCall, outer.spanID, "OUTBOUND"),
                ("test.trace.Plain.Detached", outer, call.spanID, "INBOUND"),
            ].map { name, span, parent, type in
                ["name": name, "trace": span.traceID, "id": span.spanID, "parent": parent, "type": type, "error": ""]
            }
            #expect(try await spans(call.traceID) == expected)
            let ofFailed = try await spans(failed.traceID)
            #expect(ofFailed.map { $0["id"] } == [failed.spanID])
            #expect(ofFailed.first?["error"]?.contains("no") == true)
            #expect(try await spans("").count >= 4)
            #expect(try await spans("00000000000000000000000000000fff").isEmpty)
        }
    }

    struct TraceResponse: Decodable {
        var spans: [Span]?

        struct Span: Decodable {
            var trace: String
            var id: String
            var parent: String?
            var name: String
            var started: String
            var metadata: [String: String]?
            var type: String?
        }
    }

    /// A tracer that keeps spans in memory and writes their context as W3C's standard has it.
    struct W3CTracer: Tracer {
        let inner: InMemoryTracer

        init() {
            let count = Mutex(UInt64(0))
            let next: @Sendable () -> UInt64 = {
                count.withLock {
                    $0 += 1
                    return $0
                }
            }
            self.inner = InMemoryTracer(
                idGenerator: .init(
                    nextTraceID: { Self.hex(next(), 32) }, nextSpanID: { Self.hex(next(), 16) }))
        }

        private static func hex(_ number: UInt64, _ digits: Int) -> String {
            let text = String(number, radix: 16)
            return String(repeating: "0", count: digits - text.count) + text
        }

        func startSpan<Instant: TracerInstant>(
            _ operationName: String, context: @autoclosure () -> InstrumentationContext, ofKind kind: SpanKind,
            at instant: @autoclosure () -> Instant, function: String, file fileID: String, line: UInt
        ) -> InMemorySpan {
            self.inner.startSpan(
                operationName, context: context(), ofKind: kind, at: instant(), function: function, file: fileID,
                line: line)
        }

        func forceFlush() {}

        func inject<Carrier, Inject: Injector>(
            _ context: InstrumentationContext, into carrier: inout Carrier, using injector: Inject
        ) where Inject.Carrier == Carrier {
            guard let span = context.inMemorySpanContext else { return }
            injector.inject("00-\(span.traceID)-\(span.spanID)-01", forKey: "traceparent", into: &carrier)
        }

        func extract<Carrier, Extract: Extractor>(
            _ carrier: Carrier, into context: inout InstrumentationContext, using extractor: Extract
        ) where Extract.Carrier == Carrier {
            guard let parent = extractor.extract(key: "traceparent", from: carrier).flatMap(TraceParent.init) else {
                return
            }
            context.inMemorySpanContext = InMemorySpanContext(
                traceID: parent.traceID, spanID: parent.spanID, parentSpanID: nil)
        }
    }
}
