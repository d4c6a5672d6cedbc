// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletTestPrograms
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// What callers see when nodes fail.
@Suite(.serialized) struct ResilienceTests {
    /// Calls `test.nodes` again and again from several tasks until told to stop. Returns the nodes that answered and
    /// what failed.
    static func load(
        _ client: MicroClient, tasks: Int, while isRunning: @escaping @Sendable () -> Bool
    ) async -> (calls: Int, failures: [String]) {
        await withTaskGroup(of: (Int, [String]).self) { group in
            for _ in 0..<tasks {
                group.addTask {
                    var (calls, failures) = (0, [String]())
                    while isRunning() {
                        calls += 1
                        do {
                            _ = try await ClientTests.ask(client) {
                                $0.isIdempotent = true
                                $0.timeout = .seconds(300)
                            }
                        } catch {
                            failures.append("\(error)")
                        }
                    }
                    return (calls, failures)
                }
            }
            return await group.reduce(into: (0, [])) { sum, part in
                sum.0 += part.0
                sum.1 += part.1
            }
        }
    }

    @Test func killingAThirdOfThirtyNodesCostsNoCall() async throws {
        let (hidden, registry) = (InMemoryRegistry(), InMemoryRegistry())
        let names = (0..<30).map { "n\($0)" }
        try await withServices(names.map { ClientTests.named($0, hidden) }) { nodes in
            var proxies: [SlammingProxy] = []
            for (name, node) in zip(names, nodes) {
                let proxy = SlammingProxy()
                let address = try await proxy.start(for: node.address)
                proxies.append(proxy)
                try await registry.register(
                    ServiceRecord(name: "test.nodes", version: name, nodes: [NodeRecord(id: name, address: address)]),
                    options: RegistrationOptions())
            }
            try await withMicroClient(registry: registry, configure: patiently) { client in
                let isOver = Atomic(false)
                let turns = Atomic(0)
                let load = Task {
                    await Self.load(client, tasks: 20) {
                        turns.add(1, ordering: .relaxed)
                        return !isOver.load(ordering: .relaxed)
                    }
                }
                // Every node is being called when a third of them vanishes.
                let areAllCalled = try await eventually { proxies.allSatisfy { $0.accepted > 0 } }
                for proxy in proxies.prefix(10) { await proxy.slam() }
                // Each that was there is called several times behind that.
                let before = turns.load(ordering: .relaxed)
                let isBusy = try await eventually { turns.load(ordering: .relaxed) > before + 300 }
                isOver.store(true, ordering: .relaxed)
                let (calls, failures) = await load.value
                #expect(areAllCalled && isBusy)
                #expect(failures.isEmpty, "\(failures.count) of \(calls): \(failures.first ?? "")")
            }
            for proxy in proxies { await proxy.slam() }
        }
    }

    @Test func aKilledNodeGetsNoCallAfterTheFirstFailure() async throws {
        let (hidden, registry) = (InMemoryRegistry(), InMemoryRegistry())
        try await withServices([ClientTests.named("a", hidden), ClientTests.named("b", hidden)]) { nodes in
            let proxy = SlammingProxy()
            let address = try await proxy.start(for: nodes[0].address)
            for (id, address) in [("a", address), ("b", nodes[1].address)] {
                try await registry.register(
                    ServiceRecord(name: "test.nodes", version: "1", nodes: [NodeRecord(id: id, address: address)]),
                    options: RegistrationOptions())
            }
            try await withMicroClient(
                registry: registry,
                configure: {
                    patiently(&$0)
                    $0.breaker.firstPause = .seconds(600)
                }
            ) { client in
                func ask() async throws -> MicroResponse<Answer> {
                    try await client.call("test.nodes", "Who.Am", Question(name: "")) { $0.isIdempotent = true }
                }
                #expect(Set([try await ask().message.greeting, try await ask().message.greeting]) == ["a", "b"])
                await proxy.slam()
                let attempts = try await (0..<20).asyncMap { _ in try await ask().attempts }
                // One call found out; all others went straight to the node that is left.
                #expect(attempts.reduce(0, +) <= 21, "\(attempts)")
            }
        }
    }

    @Test func aNodeThatAnswersBadlyIsLeftAlone() async throws {
        let registry = InMemoryRegistry()
        let asked = Atomic(0)
        var sick = MicroService("test.nodes", version: "sick", registry: registry)
        sick.handle("Who.Am") { (request: Question, context) -> Answer in
            asked.add(1, ordering: .relaxed)
            throw MicroError(.internalServerError, "sick")
        }
        try await withServices([sick, ClientTests.named("well", registry)]) { _ in
            try await withMicroClient(
                registry: registry,
                configure: {
                    patiently(&$0)
                    $0.breaker.failures = 3
                    $0.breaker.firstPause = .seconds(600)
                    $0.breaker.maximumPause = .seconds(600)
                    $0.ejection = nil
                }
            ) { client in
                var failures = 0
                for _ in 0..<40 {
                    do { _ = try await ClientTests.ask(client) } catch { failures += 1 }
                }
                #expect(failures == 3)
                #expect(asked.load(ordering: .relaxed) == 3)
            }
        }
    }

    @Test func aNodeThatIsMuchSlowerThanTheOthersIsPutOut() async throws {
        let registry = InMemoryRegistry()
        let asked = Atomic(0)
        var slow = MicroService("test.nodes", version: "slow", registry: registry)
        slow.handle("Who.Am") { (request: Question, context) -> Answer in
            asked.add(1, ordering: .relaxed)
            // Far slower than the others are on a machine that has much else to do.
            try await Task.sleep(for: .seconds(1))
            return Answer(greeting: "slow")
        }
        try await withServices([slow, ClientTests.named("a", registry), ClientTests.named("b", registry)]) { _ in
            try await withMicroClient(
                registry: registry,
                configure: {
                    patiently(&$0)
                    var ejection = EjectionPolicy()
                    // Within one of these each node is called several times.
                    ejection.interval = .seconds(4)
                    ejection.minimumCalls = 2
                    ejection.slowness = 4
                    ejection.time = .seconds(600)
                    $0.ejection = ejection
                }
            ) { client in
                // It gets its share until it was compared with the others, and then nothing.
                let isOut = try await eventually {
                    let before = asked.load(ordering: .relaxed)
                    for _ in 0..<6 { _ = try await ClientTests.ask(client) }
                    return asked.load(ordering: .relaxed) == before
                }
                #expect(isOut)
            }
        }
    }

    @Test(arguments: [true, false]) func aNodeThatHangsCostsItsCallersLittle(_ isHedged: Bool) async throws {
        let registry = InMemoryRegistry()
        let cancelled = Atomic(0)
        var hung = MicroService("test.nodes", version: "hung", registry: registry)
        hung.handle("Who.Am") { (request: Question, context) -> Answer in
            do {
                try await Task.sleep(for: .seconds(600))
            } catch {
                cancelled.add(1, ordering: .relaxed)
            }
            return Answer(greeting: "hung")
        }
        try await withServices([hung, ClientTests.named("well", registry)]) { _ in
            try await withMicroClient(
                registry: registry,
                configure: {
                    patiently(&$0)
                    $0.retries.rounds = 1_000
                    $0.retries.maximumAttempts = 1_000
                }
            ) { client in
                // Calls begin at either node by turns. The attempt that nobody waits for any more ends on its node as
                // well, if it got there.
                let hasEnded = try await eventually {
                    let answer = try await ClientTests.ask(client) {
                        $0.timeout = .seconds(300)
                        $0.isIdempotent = true
                        if isHedged {
                            $0.hedging = CallHedgingPolicy(delay: .milliseconds(20))
                        } else {
                            $0.attemptTimeout = .seconds(1)
                        }
                    }
                    #expect(answer == "well")
                    return cancelled.load(ordering: .relaxed) > 0
                }
                #expect(hasEnded)
                // A call that isn't idempotent goes to one node and waits for it.
                await #expect(throws: MicroError.deadlineExceeded) {
                    for _ in 0..<2 {
                        _ = try await ClientTests.ask(client) {
                            $0.timeout = .milliseconds(500)
                            $0.hedging = CallHedgingPolicy(delay: .milliseconds(20))
                            $0.filter = { _, version in version == "hung" }
                        }
                    }
                }
            }
        }
    }

    @Test func aCallWaitsForANodeThatIsAboutToStart() async throws {
        let registry = InMemoryRegistry()
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        let address = "127.0.0.1:\(listener.localAddress?.port ?? 0)"
        try await listener.close()
        try await registry.register(
            ServiceRecord(name: "test.nodes", version: "1", nodes: [NodeRecord(id: "late", address: address)]),
            options: RegistrationOptions())
        try await withMicroClient(
            registry: registry,
            configure: {
                patiently(&$0)
                $0.retries.rounds = 1000
                $0.retries.firstPause = .milliseconds(50)
                $0.retries.maximumPause = .milliseconds(100)
            }
        ) { client in
            let call = Task {
                try await ClientTests.ask(client) {
                    $0.timeout = .seconds(300)
                    $0.maximumAttempts = 1000
                }
            }
            try await Task.sleep(for: .milliseconds(300))
            let relay = SlammingProxy()
            try await withService(ClientTests.named("late", InMemoryRegistry())) { node in
                // The service itself chooses its port; what listens where the client looks passes on to it.
                _ = try await relay.start(for: node.address, at: address)
                #expect(try await call.value == "late")
            }
            await relay.slam()
        }
    }

    /// A registry that loses everything, fails and comes back, over and over.
    private struct FlappingRegistry: ServiceRegistry {
        let registry: InMemoryRegistry
        let watches = Counter()

        final class Counter: Sendable {
            let count = Atomic(0)
            let isCalled = Atomic(false)
        }

        var name: String { "flapping" }
        func register(_ record: ServiceRecord, options: RegistrationOptions) async throws {}
        func deregister(_ record: ServiceRecord) async throws {}
        func services(named name: String) async throws -> [ServiceRecord] { throw IsDown() }
        func services() async throws -> [ServiceRecord] { throw IsDown() }

        func watch(_ deliver: @Sendable @escaping (RegistryChange) -> Void) async throws {
            self.watches.count.add(1, ordering: .relaxed)
            deliver(.snapshot(try await self.registry.services()))
            // Nothing is lost of a node that was never called.
            repeat {
                try await Task.sleep(for: .milliseconds(20))
            } while !self.watches.isCalled.load(ordering: .relaxed)
            deliver(.snapshot([]))
            throw IsDown()
        }

        struct IsDown: Error {}
    }

    @Test func aFlappingRegistryCostsNoCall() async throws {
        let registry = InMemoryRegistry()
        try await withService(ClientTests.named("a", registry)) { _ in
            let flapping = FlappingRegistry(registry: registry)
            try await withMicroClient(registry: flapping, configure: patiently) { client in
                var calls = 0
                while flapping.watches.count.load(ordering: .relaxed) < 4 || calls <= 10 {
                    let name = try await ClientTests.ask(client)
                    #expect(name == "a")
                    flapping.watches.isCalled.store(true, ordering: .relaxed)
                    calls += 1
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
        }
    }

    @Test func errorsNameTheNodesThatWereTried() async throws {
        let registry = InMemoryRegistry()
        for id in ["first", "second"] {
            try await registry.register(
                ServiceRecord(name: "test.nodes", version: "1", nodes: [NodeRecord(id: id, address: "127.0.0.1:1")]),
                options: RegistrationOptions())
        }
        try await withMicroClient(
            registry: registry,
            configure: {
                patiently(&$0)
                $0.retries.rounds = 1
            }
        ) { client in
            let error = await #expect(throws: MicroError.self) { _ = try await ClientTests.ask(client) }
            #expect(error?.code == .unavailable && error?.id == "go.micro.client")
            let detail = error?.detail ?? ""
            #expect(detail.contains("; 2 attempts to call \"test.nodes\", found in registry \"memory\": "), "\(detail)")
            for id in ["first", "second"] { #expect(detail.contains("\(id) at 127.0.0.1:1 ("), "\(detail)") }
        }
    }
}

extension Sequence {
    func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
