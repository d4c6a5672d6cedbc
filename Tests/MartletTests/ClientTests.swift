// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletGRPCWire
import MartletTestPrograms
import NIOCore
import NIOPosix
import Testing

@Suite struct ClientTests {
    static func named(_ name: String, _ registry: InMemoryRegistry) -> MicroService {
        var service = MicroService("test.nodes", version: name, registry: registry)
        service.handle("Who.Am") { (request: Question, context) in
            if let milliseconds = Int(request.name) { try await Task.sleep(for: .milliseconds(milliseconds)) }
            return Answer(greeting: name)
        }
        service.handle("Who.Relay") { (request: Question, context) in
            try await context.client.call("test.nodes", "Who.Am", request) { $0.timeout = .seconds(1_200) } as Answer
        }
        service.handle("Who.Remaining") { (request: Question, context) in
            Number(value: context.deadline.map { Int(ContinuousClock.now.duration(to: $0) / .milliseconds(1)) } ?? -1)
        }
        return service
    }

    static func ask(
        _ client: MicroClient, _ name: String = "", endpoint: String = "Who.Am",
        configure: (inout RequestOptions) -> Void = { _ in }
    ) async throws -> String {
        let answer: Answer = try await client.call(
            "test.nodes", endpoint, Question(name: name), configure: configure)
        return answer.greeting
    }

    @Test func callsGoRoundAllNodesAndFollowTheRegistry() async throws {
        let registry = InMemoryRegistry()
        try await withService(Self.named("a", registry)) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                #expect(try await Self.ask(client) == "a")
                try await withService(Self.named("b", registry)) { _ in
                    #expect(try await eventually { try await Self.ask(client) == "b" })
                    var counts: [String: Int] = [:]
                    for _ in 0..<100 { counts[try await Self.ask(client), default: 0] += 1 }
                    #expect(counts == ["a": 50, "b": 50])
                    let only = try await Self.ask(client) { $0.filter = { _, version in version == "b" } }
                    #expect(only == "b")
                    await #expect(throws: MicroError.self) {
                        _ = try await Self.ask(client) { $0.filter = { _, _ in false } }
                    }
                }
                for _ in 0..<10 {
                    let name = try await Self.ask(client)
                    #expect(name == "a")
                }
            }
        }
    }

    @Test func unknownServicesAreSaidSo() async throws {
        try await withMicroClient(registry: InMemoryRegistry(), configure: patiently) { client in
            await #expect(
                throws: MicroError(
                    .internalServerError,
                    "service test.nodes: not found; registry \"memory\" has no node of it", id: "go.micro.client")
            ) { _ = try await Self.ask(client) }
        }
    }

    @Test func aNodeThatIsNotThereCostsNoCall() async throws {
        let registry = InMemoryRegistry()
        // Port 1 refuses: nothing listens there.
        let dead = ServiceRecord(
            name: "test.nodes", version: "dead", nodes: [NodeRecord(id: "a-dead", address: "127.0.0.1:1")])
        try await registry.register(dead, options: RegistrationOptions())
        try await withService(Self.named("alive", registry)) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                for _ in 0..<20 {
                    let name = try await Self.ask(client)
                    #expect(name == "alive")
                }
            }
        }
    }

    /// A node that accepts connections and never speaks, as one whose process is stopped.
    @Test func aNodeThatSaysNothingIsLeftInTime() async throws {
        let registry = InMemoryRegistry()
        let silent = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        let record = ServiceRecord(
            name: "test.nodes", version: "silent",
            nodes: [NodeRecord(id: "a-silent", address: "127.0.0.1:\(silent.localAddress?.port ?? 0)")])
        try await registry.register(record, options: RegistrationOptions())
        try await withService(Self.named("alive", registry)) { _ in
            try await withMicroClient(
                registry: registry,
                configure: {
                    patiently(&$0)
                    $0.connectTimeout = .seconds(1)
                    // A second may be too short for the other one, too.
                    $0.retries.rounds = 1_000
                    $0.retries.maximumAttempts = 1_000
                }
            ) { client in
                for _ in 0..<4 {
                    let name = try await Self.ask(client)
                    #expect(name == "alive")
                }
            }
        }
        try await silent.close()
    }

    @Test func aCallThatMayHaveRunIsRepeatedOnlyIfIdempotent() async throws {
        let registry = InMemoryRegistry()
        // A node whose wire takes the call and then drops the connection.
        let dropping = try DroppingServer()
        let address = try await dropping.start()
        let record = ServiceRecord(
            name: "test.nodes", version: "drop", nodes: [NodeRecord(id: "a-drop", address: address)])
        try await registry.register(record, options: RegistrationOptions())
        try await withService(Self.named("alive", registry)) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                var failures = 0
                for _ in 0..<6 {
                    do {
                        let name = try await Self.ask(client)
                        #expect(name == "alive")
                    } catch let error as MicroError {
                        #expect(error.code == .unavailable)
                        failures += 1
                    }
                }
                // One in two goes to that node. A call that finds the connection gone already has not run, and goes on.
                #expect(1...3 ~= failures)
                for _ in 0..<6 {
                    let name = try await Self.ask(client) { $0.isIdempotent = true }
                    #expect(name == "alive")
                }
            }
        }
        await dropping.stop()
    }

    @Test func deadlinesEndCallsWithGoMicrosText() async throws {
        let registry = InMemoryRegistry()
        try await withService(Self.named("a", registry)) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                // A deadline that passes before there is a connection says more.
                _ = try await Self.ask(client)
                let start = ContinuousClock.now
                await #expect(
                    throws: MicroError(.timeout, "context deadline exceeded", id: "go.micro.client")
                ) { _ = try await Self.ask(client, "1200000") { $0.timeout = .milliseconds(150) } }
                #expect(start.duration(to: .now) < .seconds(600))
                // A call on behalf of another call has no more time than that one, whatever it asks for.
                await #expect(throws: MicroError.self) {
                    _ = try await Self.ask(client, "1200000", endpoint: "Who.Relay") {
                        $0.timeout = .milliseconds(150)
                    }
                }
                #expect(start.duration(to: .now) < .seconds(600))
                let left: Number = try await client.call("test.nodes", "Who.Remaining", Question(name: "")) {
                    $0.timeout = .seconds(3_000)
                }
                #expect((1_500_000...3_000_000).contains(left.value))
            }
        }
    }

    @Test func cancellingTheTaskEndsTheCall() async throws {
        let registry = InMemoryRegistry()
        try await withService(Self.named("a", registry)) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                _ = try await Self.ask(client)
                let task = Task { try await Self.ask(client, "1200000") { $0.timeout = .seconds(1_200) } }
                try await Task.sleep(for: .milliseconds(50))
                let start = ContinuousClock.now
                task.cancel()
                await #expect(throws: CancellationError.self) { _ = try await task.value }
                #expect(start.duration(to: .now) < .seconds(600))
            }
        }
    }

    @Test func addressesBypassTheRegistry() async throws {
        try await withService(Self.named("a", InMemoryRegistry())) { node in
            try await withMicroClient(registry: InMemoryRegistry(), configure: patiently) { client in
                let name = try await Self.ask(client) { $0.address = node.address }
                #expect(name == "a")
                await #expect(throws: MicroError.self) { _ = try await Self.ask(client) { $0.address = "nowhere" } }
            }
        }
    }

    @Test func callsUnderWayFinishWhenTheServiceEnds() async throws {
        let registry = InMemoryRegistry()
        try await withMicroClient(registry: registry, configure: patiently) { client in
            let (started, start) = AsyncStream.makeStream(of: Void.self)
            var service = Self.named("a", registry)
            service.handle("Who.Slow") { (request: Question, context) in
                start.yield()
                try await Task.sleep(for: .milliseconds(300))
                return Answer(greeting: "a")
            }
            let answer = try await withService(service, drainLimit: .seconds(300)) { _ in
                let task = Task { try await Self.ask(client, endpoint: "Who.Slow") }
                for await _ in started { break }
                return task
            }
            #expect(try await answer.value == "a")
            await #expect(throws: MicroError.self) { _ = try await Self.ask(client) }
        }
    }

    @Test func theLastNodeIsCalledOnWhenTheRegistryLosesIt() async throws {
        let registry = InMemoryRegistry()
        try await withMicroClient(registry: registry, configure: patiently) { client in
            try await withService(Self.named("a", registry)) { node in
                let before = try await Self.ask(client)
                #expect(before == "a")
                try await registry.deregister(ServiceRecord(name: "test.nodes", version: "a", nodes: [node]))
                // The change has long arrived when the last of these is made.
                for _ in 0..<20 {
                    let name = try await Self.ask(client)
                    #expect(name == "a")
                    try await Task.sleep(for: .milliseconds(5))
                }
                // Who never called it before doesn't find it.
                try await withMicroClient(registry: registry, configure: patiently) { other in
                    await #expect(throws: MicroError.self) { _ = try await Self.ask(other) }
                }
            }
            await #expect(throws: MicroError.self) { _ = try await Self.ask(client) }
        }
    }

    @Test func closedClientsRefuse() async throws {
        let client = MicroClient(registry: InMemoryRegistry())
        await client.close()
        await #expect(throws: MicroError.self) { _ = try await Self.ask(client) }
    }
}
