// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import MartletGRPC
import MartletGreeterFixture
import MartletGreeterGRPCFixture
import Testing

@Suite struct LifecycleTests {
    private static func serverTransport(
        _ address: MartletGRPCAddress = .hostPort("127.0.0.1", 0), drainLimit: Duration = .seconds(300)
    ) -> MartletServerTransport {
        var configuration = MartletServerTransport.Configuration()
        configuration.drainLimit = drainLimit
        return MartletServerTransport(
            address: address, configuration: configuration, logger: GreeterFixture.logger)
    }

    @Test func aGracefulShutdownLetsCallsEnd() async throws {
        let greeting = try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let call = Task { try await fixture.stub.hello(HelloRequest(name: "sleep:400")).greeting }
            let other = Task {
                try await fixture.stub.count(CountRequest(upto: 20, pauseMs: 20)) { try await $0.values }
            }
            #expect(try await fixture.events.wait(for: "started sleep:400"))
            #expect(try await fixture.events.wait(for: "started count"))
            fixture.server.beginGracefulShutdown()
            #expect(try await other.value == Array(0..<20))
            return try await call.value
        }
        #expect(greeting == "Hello sleep:400")
    }

    @Test func aDrainingServerTakesNoNewCalls() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let held = Task {
                try await fixture.stub.chat(metadata: ["x-hold": "yes"]) { writer in
                    try await writer.write(ChatMessage("held"))
                } onResponse: { response in
                    try await response.messages.reduce(into: []) { $0.append($1.text) }
                }
            }
            #expect(try await fixture.events.wait(for: "holding"))
            fixture.server.beginGracefulShutdown()
            // Calls that were made before the client has heard of it are still served.
            var refusal: RPCError?
            let clock = ContinuousClock()
            let end = clock.now.advanced(by: .seconds(300))
            while refusal == nil, clock.now < end {
                do {
                    _ = try await fixture.stub.hello(HelloRequest(name: "late"))
                } catch let error as RPCError {
                    refusal = error
                }
            }
            #expect(refusal?.code == .unavailable)
            fixture.greeter.release()
            #expect(try await held.value == ["held"])
        }
    }

    @Test func theDrainLimitCancelsWhatIsLeft() async throws {
        var configuration = MartletServerTransport.Configuration()
        configuration.drainLimit = .milliseconds(200)
        try await GreeterFixture.run(server: configuration) { (fixture: GreeterFixture) async throws in
            let call = Task { try await fixture.stub.hello(HelloRequest(name: "wait:drain")) }
            #expect(try await fixture.events.wait(for: "started drain"))
            fixture.server.beginGracefulShutdown()
            let result = await call.result
            let error = #expect(throws: RPCError.self) { try result.get() }
            #expect(error?.code == .unavailable)
            #expect(try await fixture.events.wait(for: "cancelled drain, task false"))
        }
    }

    @Test func aServerTransportListensOnce() async throws {
        let transport = Self.serverTransport()
        let listening = Task { try await transport.listen { _, _ in } }
        let address = try await transport.listeningAddress
        #expect(try #require(address.port) > 0)
        let twice = await #expect(throws: RPCError.self) { try await transport.listen { _, _ in } }
        #expect(twice?.code == .failedPrecondition)
        transport.beginGracefulShutdown()
        try await listening.value
        let after = await #expect(throws: RPCError.self) { try await transport.listeningAddress }
        #expect(after?.code == .unavailable)
    }

    @Test func aTakenPortIsAnErrorForAll() async throws {
        let first = Self.serverTransport()
        let listening = Task { try await first.listen { _, _ in } }
        let second = Self.serverTransport(try await first.listeningAddress)
        let waiting = Task { try await second.listeningAddress }
        await #expect(throws: (any Error).self) { try await second.listen { _, _ in } }
        let result = await waiting.result
        #expect(throws: RPCError.self) { try result.get() }
        first.beginGracefulShutdown()
        try await listening.value
    }

    @Test func aClientThatIsClosingOpensNothing() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let transport = try MartletClientTransport(target: fixture.address, logger: GreeterFixture.logger)
            let connection = Task { try await transport.connect() }
            let open: Void = try await transport.withStream(
                descriptor: Greeter.Method.Hello.descriptor, options: .defaults
            ) { stream, _ in
                transport.beginGracefulShutdown()
                let error = await #expect(throws: RPCError.self) {
                    try await transport.withStream(
                        descriptor: Greeter.Method.Hello.descriptor, options: .defaults
                    ) { _, _ in }
                }
                #expect(error?.code == .failedPrecondition)
                // The one that is open goes on.
                try await stream.outbound.write(.metadata([:]))
                try await stream.outbound.write(.message([]))
                await stream.outbound.finish()
                var parts = 0
                for try await _ in stream.inbound { parts += 1 }
                #expect(parts == 3)
            }
            _ = open
            try await connection.value
            let again = await #expect(throws: RPCError.self) { try await transport.connect() }
            #expect(again?.code == .failedPrecondition)
        }
    }

    @Test func cancellingTheConnectionsCancelsTheCalls() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let client = GRPCClient(
                transport: try MartletClientTransport(target: fixture.address, logger: GreeterFixture.logger))
            let connections = Task { try await client.runConnections() }
            let call = Task { try await Greeter.Client(wrapping: client).hello(HelloRequest(name: "wait:client")) }
            #expect(try await fixture.events.wait(for: "started client"))
            connections.cancel()
            let result = await call.result
            let error = #expect(throws: RPCError.self) { try result.get() }
            #expect(error?.code == .cancelled)
            #expect(try await fixture.events.wait(for: "cancelled client, task false"))
            _ = await connections.result
        }
    }

    // MARK: A server that is not there

    /// An address where nothing listens for now, and which no other test can be given.
    private static func withFreeAddress(_ body: (MartletGRPCAddress) async throws -> Void) async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try await body(.unixDomainSocket(file.path))
    }

    private static func call(
        _ address: MartletGRPCAddress, _ serviceConfig: ServiceConfig = ServiceConfig(),
        _ options: CallOptions = .defaults, serveAfter delay: Duration?
    ) async throws -> String {
        let transport = Self.serverTransport(address)
        let serving = delay.map { delay in
            Task {
                try await Task.sleep(for: delay)
                try await GRPCServer(transport: transport, services: [TestGreeter()]).serve()
            }
        }
        defer { serving?.cancel() }
        let client = try MartletClientTransport(
            target: address, serviceConfig: serviceConfig, logger: GreeterFixture.logger)
        return try await withGRPCClient(transport: client) { client in
            try await Greeter.Client(wrapping: client).hello(HelloRequest(name: "John"), options: options).greeting
        }
    }

    @Test func failsACallAtOnce() async throws {
        try await Self.withFreeAddress { address in
            let error = await #expect(throws: RPCError.self) { try await Self.call(address, serveAfter: nil) }
            #expect(error?.code == .unavailable)
        }
    }

    @Test func isRetriedByPolicy() async throws {
        var config = ServiceConfig()
        config.methodConfig = [
            MethodConfig(
                names: [.init(service: "Greeter")],
                executionPolicy: .retry(
                    RetryPolicy(
                        maxAttempts: 5, initialBackoff: .seconds(3), maxBackoff: .seconds(60),
                        backoffMultiplier: 4, retryableStatusCodes: [.unavailable])))
        ]
        try await Self.withFreeAddress { address in
            let greeting = try await Self.call(address, config, serveAfter: .milliseconds(100))
            #expect(greeting == "Hello John")
        }
    }

    @Test func isWaitedForIfAsked() async throws {
        try await Self.withFreeAddress { address in
            let greeting = try await Self.call(
                address, ServiceConfig(), .with { $0.waitForReady = true }, serveAfter: .milliseconds(300))
            #expect(greeting == "Hello John")
        }
    }

    @Test func isWaitedForOnlyUntilTheDeadline() async throws {
        try await Self.withFreeAddress { address in
            let error = await #expect(throws: RPCError.self) {
                try await Self.call(
                    address, ServiceConfig(),
                    .with {
                        $0.waitForReady = true
                        $0.timeout = .milliseconds(300)
                    }, serveAfter: nil)
            }
            #expect(error?.code == .deadlineExceeded)
        }
    }

    @Test func configsAreFoundByMethodThenServiceThenAll() throws {
        var config = ServiceConfig()
        config.methodConfig = [
            MethodConfig(names: [.init(service: "")], timeout: .seconds(1)),
            MethodConfig(names: [.init(service: "Greeter")], timeout: .seconds(2)),
            MethodConfig(names: [.init(service: "Greeter", method: "Hello")], timeout: .seconds(3)),
        ]
        let transport = try MartletClientTransport(
            target: .hostPort("127.0.0.1", 1), serviceConfig: config, logger: GreeterFixture.logger)
        #expect(transport.config(forMethod: Greeter.Method.Hello.descriptor)?.timeout == .seconds(3))
        #expect(transport.config(forMethod: Greeter.Method.Count.descriptor)?.timeout == .seconds(2))
        let other = MethodDescriptor(fullyQualifiedService: "Other", method: "Hello")
        #expect(transport.config(forMethod: other)?.timeout == .seconds(1))
    }
}
