// SPDX-License-Identifier: Apache-2.0

import InMemoryTracing
import Martlet
import MartletObservability
import MetricsTestKit
import Testing
import Tracing

@Suite(.timeLimit(.minutes(30))) struct ObservabilityTests {
    struct Number: Codable, Sendable { var value: Int }

    static func run(
        _ service: MicroService, _ registry: InMemoryRegistry, inProcess: Bool = true,
        client configure: (inout MicroClient.Configuration) -> Void = { _ in },
        _ body: (MicroClient) async throws -> Void
    ) async throws {
        var service = service
        service.configuration.address = "127.0.0.1:0"
        service.configuration.drainDelay = .milliseconds(1)
        service.configuration.answersInProcess = inProcess
        let (nodes, node) = AsyncStream.makeStream(of: NodeRecord.self)
        service.afterStart { node.yield($0) }
        let running = service
        let task = Task { try await running.run() }
        for await _ in nodes { break }
        try await withMicroClient(
            registry: registry,
            configure: {
                // The usual five seconds end calls that would be answered where both cores are taken.
                $0.timeout = .seconds(300)
                $0.connectTimeout = .seconds(120)
                $0.registryPatience = .seconds(300)
                configure(&$0)
            }, body)
        task.cancel()
        try await task.value
    }

    @Test func withoutATracerNothingIsBound() async throws {
        let registry = InMemoryRegistry()
        var service = MicroService("test.trace", registry: registry)
        service.trace()
        service.handle("Plain.Echo") { (request: Number, context) -> Number in
            #expect(InstrumentationContext.current == nil)
            return request
        }
        try await Self.run(service, registry) { client in
            let _: Number = try await client.call("test.trace", "Plain.Echo", Number(value: 1))
        }
    }

    @Test func callsAreCountedAndTimed() async throws {
        let registry = InMemoryRegistry()
        let metrics = TestMetrics()
        var service = MicroService("test.metrics", registry: registry)
        service.measure(with: metrics)
        service.handle("Plain.Echo") { (request: Number, context) -> Number in
            guard request.value > 0 else { throw MicroError(.notFound, "none") }
            return request
        }
        try await Self.run(service, registry) { client in
            for value in [1, 2, 0] {
                try? await {
                    let _: Number = try await client.call("test.metrics", "Plain.Echo", Number(value: value))
                }()
            }
        }
        let dimensions = [("service", "test.metrics"), ("endpoint", "Plain.Echo")]
        let passed = try metrics.expectCounter("martlet_server_calls", dimensions + [("code", "200")])
        #expect(passed.values.count == 2)
        let failed = try metrics.expectCounter("martlet_server_calls", dimensions + [("code", "404")])
        #expect(failed.values.count == 1)
        #expect(try metrics.expectTimer("martlet_server_call_duration", dimensions).values.count == 3)
    }
}
