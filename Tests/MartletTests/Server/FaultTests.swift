// SPDX-License-Identifier: Apache-2.0

import Martlet
import Testing

/// What goes wrong in one call stays there: each test calls the service again, on the same connection.
@Suite(.timeLimit(.minutes(30))) struct FaultTests {
    struct Broken: Error {}

    static func service(_ registry: InMemoryRegistry) -> MicroService {
        var service = MicroService("test.faults", registry: registry)
        service.handle("Plain.Echo") { (request: Number, context) in request }
        service.handle("Plain.Throw") { (request: Number, context) -> Number in throw Broken() }
        service.serverStream("Plain.ThrowLate") { (request: Number, responses: MessageWriter<Number>, context) in
            try await responses.write(request)
            throw Broken()
        }
        service.handle("Plain.Endless") { (request: Number, context) -> Number in
            // Deaf to cancellation: it sleeps again and again until the test's process ends it by a long way round.
            for _ in 0..<200 { try? await Task.sleep(for: .milliseconds(10)) }
            return request
        }
        service.handle("Plain.Huge") { (request: [UInt8], context) in [UInt8](repeating: 7, count: 100 << 20) }
        service.serverStream("Plain.HugeStream") { (request: Number, responses: MessageWriter<String>, context) in
            try await responses.write("small")
            try await responses.write(String(repeating: "x", count: 100 << 20))
        }
        return service
    }

    static func run(_ body: (MicroClient) async throws -> Void) async throws {
        let registry = InMemoryRegistry()
        try await withService(self.service(registry)) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                try await body(client)
                let answer: Number = try await client.call("test.faults", "Plain.Echo", Number(value: 5))
                #expect(answer.value == 5)
            }
        }
    }

    @Test func handlerThatThrowsAnswersAnError() async throws {
        try await Self.run { client in
            let error = await EndpointLimitsTests.failure {
                let _: Number = try await client.call("test.faults", "Plain.Throw", Number(value: 1))
            }
            #expect(error == MicroError(.internalServerError, "Broken()", id: "test.faults"))
            var values: [Int] = []
            let late = await EndpointLimitsTests.failure {
                try await client.serverStream("test.faults", "Plain.ThrowLate", Number(value: 3), of: Number.self) {
                    for try await number in $0 { values.append(number.value) }
                }
            }
            #expect(values == [3])
            #expect(late?.detail == "Broken()")
        }
    }

    @Test func handlerThatIsDeafToCancellationHoldsUpNobody() async throws {
        try await Self.run { client in
            let error = await EndpointLimitsTests.failure {
                let _: Number = try await client.call("test.faults", "Plain.Endless", Number(value: 1)) {
                    $0.timeout = .milliseconds(30)
                }
            }
            #expect(error?.code == .timeout && error?.detail.hasPrefix("context deadline exceeded") == true)
        }
    }

    @Test func replyOf100MegabytesEndsItsCallOnly() async throws {
        try await Self.run { client in
            let error = await EndpointLimitsTests.failure {
                _ = try await client.call("test.faults", "Plain.Huge", bytes: [], codec: .bytes)
            }
            #expect(error?.grpcStatusCode == 8)
            #expect(error?.detail == "trying to send message larger than max (104857600 vs. 4194304)")
            var texts: [String] = []
            let streamed = await EndpointLimitsTests.failure {
                try await client.serverStream("test.faults", "Plain.HugeStream", Number(value: 3), of: String.self) {
                    for try await text in $0 { texts.append(text) }
                }
            }
            #expect(texts == ["small"])
            #expect(streamed?.grpcStatusCode == 8)
        }
    }

    @Test func callersWhoLeaveCancelTheirHandler() async throws {
        let registry = InMemoryRegistry()
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (cancelled, cancel) = AsyncStream.makeStream(of: Void.self)
        var service = Self.service(registry)
        service.handle("Plain.Wait") { (request: Number, context) -> Number in
            start.yield()
            do {
                try await Task.sleep(for: .seconds(1_200))
            } catch {
                cancel.yield()
                throw error
            }
            return request
        }
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                let call = Task {
                    let _: Number = try await client.call("test.faults", "Plain.Wait", Number(value: 1)) {
                        $0.timeout = .seconds(1_200)
                    }
                }
                for await _ in started { break }
                call.cancel()
                for await _ in cancelled { break }
                await #expect(throws: CancellationError.self) { try await call.value }
            }
        }
    }
}
