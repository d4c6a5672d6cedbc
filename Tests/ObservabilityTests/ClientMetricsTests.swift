// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletObservability
import MetricsTestKit
import Testing

@Suite(.timeLimit(.minutes(30))) struct ClientMetricsTests {
    typealias Number = ObservabilityTests.Number

    @Test func callsOfAClientAreCountedWithTheirAttempts() async throws {
        let registry = InMemoryRegistry()
        let metrics = TestMetrics()
        var service = MicroService("test.metrics", registry: registry)
        service.handle("Plain.Echo") { (request: Number, context) -> Number in
            guard request.value > 0 else { throw MicroError(.notFound, "none") }
            return request
        }
        // Nobody listens there.
        let dead = NodeRecord(id: "dead", address: "127.0.0.1:1")
        try await registry.register(
            ServiceRecord(name: "test.metrics", version: "1", nodes: [dead]), options: RegistrationOptions())
        try await ObservabilityTests.run(
            service, registry,
            client: {
                $0.measure(with: metrics)
                $0.selector = NodeSelector { nodes, _ in nodes.firstIndex { $0.id == "dead" } ?? 0 }
                $0.broker = InMemoryBroker()
            }
        ) { (client) async throws in
            for value in [1, 0] {
                try? await {
                    let _: Number = try await client.call("test.metrics", "Plain.Echo", Number(value: value))
                }()
            }
            try await client.publish("numbers", Number(value: 1))
        }
        let dimensions = [("service", "test.metrics"), ("endpoint", "Plain.Echo")]
        let passed = try metrics.expectCounter("martlet_client_calls", dimensions + [("code", "200")])
        #expect(passed.values.count == 1)
        let failed = try metrics.expectCounter("martlet_client_calls", dimensions + [("code", "404")])
        #expect(failed.values.count == 1)
        #expect(try metrics.expectTimer("martlet_client_call_duration", dimensions).values.count == 2)
        // The dead node once, before it was left alone, and the answer that was an error.
        #expect(try metrics.expectCounter("martlet_client_failed_attempts", dimensions).values.count == 2)
        let published = [("topic", "numbers"), ("outcome", "taken")]
        #expect(try metrics.expectCounter("martlet_published_messages", published).values.count == 1)
    }
}
