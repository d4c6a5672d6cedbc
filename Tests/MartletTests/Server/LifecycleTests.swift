// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletTestPrograms
import ServiceLifecycle
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(30))) struct LifecycleTests {
    /// A registry whose services never get away.
    final class StickyRegistry: ServiceRegistry {
        let inner = InMemoryRegistry()
        var name: String { "sticky" }
        func register(_ record: ServiceRecord, options: RegistrationOptions) async throws {
            try await self.inner.register(record, options: options)
        }
        func deregister(_ record: ServiceRecord) async throws { try await Task.sleep(for: .seconds(600)) }
        func services(named name: String) async throws -> [ServiceRecord] {
            try await self.inner.services(named: name)
        }
        func services() async throws -> [ServiceRecord] { try await self.inner.services() }
        func watch(_ deliver: @Sendable @escaping (RegistryChange) -> Void) async throws {
            try await self.inner.watch(deliver)
        }
    }

    @Test func hooksRunInOrderAroundTheService() async throws {
        let registry = InMemoryRegistry()
        let notes = Recorder<String>()
        @Sendable func isRegistered() async throws -> Bool { try await !registry.services(named: "test.life").isEmpty }
        var service = MicroService("test.life", registry: registry)
        service.beforeStart { await notes.add("before start \((try? await isRegistered()) ?? true)") }
        service.beforeStart { await notes.add("before start, second") }
        service.afterStart { _ in await notes.add("after start \((try? await isRegistered()) ?? false)") }
        service.beforeStop { await notes.add("before stop \((try? await isRegistered()) ?? false)") }
        service.afterStop { await notes.add("after stop \((try? await isRegistered()) ?? true)") }
        try await withService(service) { _ in
            // Whoever finds it in the registry may be here before its hook.
            while await !notes.values.contains("after start true") { try await Task.sleep(for: .milliseconds(5)) }
            await notes.add("runs")
        }
        #expect(
            await notes.values == [
                "before start false", "before start, second", "after start true", "runs", "before stop true",
                "after stop false",
            ])
    }

    @Test func hookThatThrowsKeepsTheServiceFromStarting() async throws {
        let registry = InMemoryRegistry()
        var service = MicroService("test.life", registry: registry)
        service.beforeStart { throw MicroError(.preconditionFailed, "not yet") }
        await #expect(throws: MicroError.self) { try await withService(service) { _ in } }
        #expect(try await registry.services(named: "test.life").isEmpty)
    }

    @Test func registryAndHooksThatHangHoldUpNoEnd() async throws {
        var service = MicroService("test.life", registry: StickyRegistry())
        service.configuration.deregisterLimit = .milliseconds(20)
        service.configuration.hookLimit = .milliseconds(20)
        service.beforeStop { try? await Task.sleep(for: .seconds(600)) }
        service.afterStop { try? await Task.sleep(for: .seconds(600)) }
        let start = ContinuousClock.now
        try await withService(service) { _ in }
        #expect(ContinuousClock.now - start < .seconds(500))
    }

    /// A registry that is there and never answers.
    final class SilentRegistry: ServiceRegistry {
        let asked = Recorder<String>()
        var name: String { "silent" }
        private func never() async throws { try await Task.sleep(for: .seconds(600)) }
        func register(_ record: ServiceRecord, options: RegistrationOptions) async throws {
            await self.asked.add("register")
            do {
                try await self.never()
            } catch {
                await self.asked.add("given up")
                throw error
            }
        }
        func deregister(_ record: ServiceRecord) async throws {
            await self.asked.add("deregister")
            try await self.never()
        }
        func services(named name: String) async throws -> [ServiceRecord] { [] }
        func services() async throws -> [ServiceRecord] { [] }
        func watch(_ deliver: @Sendable @escaping (RegistryChange) -> Void) async throws { try await self.never() }
    }

    /// Told to end while its first registration is under way, a service gives that up, and leaves with one short try.
    @Test(arguments: [true, false]) func aFirstRegistrationHoldsUpNoEnd(_ isGraceful: Bool) async throws {
        let registry = SilentRegistry()
        let notes = Recorder<String>()
        var service = MicroService("test.life", registry: registry) {
            $0.address = "127.0.0.1:0"
            $0.drainDelay = .milliseconds(1)
            // Longer than the test may last: only the short limit ends it in time.
            $0.deregisterLimit = .seconds(600)
        }
        service.afterStart { _ in await notes.add("started") }
        service.afterStop { await notes.add("stopped") }
        let group = ServiceGroup(services: [service], logger: service.configuration.logger)
        let running = Task { [service] in
            if isGraceful { try await group.run() } else { try await service.run() }
        }
        #expect(try await eventually { await registry.asked.values == ["register"] })
        if isGraceful { await group.triggerGracefulShutdown() } else { running.cancel() }
        _ = await running.result
        #expect(await notes.values == ["stopped"])
        #expect(try await eventually { await Set(registry.asked.values) == ["register", "given up", "deregister"] })
    }

    /// So is a subscription that a broker registers.
    @Test func aFirstSubscriptionHoldsUpNoEnd() async throws {
        let silent = SilentRegistry()
        let registry = InMemoryRegistry()
        let broker = HTTPBroker(registry: silent) { $0.address = "127.0.0.1:0" }
        let notes = Recorder<String>()
        var service = MicroService("test.life", registry: registry, broker: broker) {
            $0.address = "127.0.0.1:0"
            $0.drainDelay = .milliseconds(1)
        }
        service.subscribe("topic") { (bytes: [UInt8], context) in }
        service.afterStart { _ in await notes.add("started") }
        service.afterStop { await notes.add("stopped") }
        let group = ServiceGroup(services: [service], logger: service.configuration.logger)
        let running = Task { try await group.run() }
        #expect(try await eventually { await silent.asked.values == ["register"] })
        await group.triggerGracefulShutdown()
        try await running.value
        #expect(await notes.values == ["stopped"])
        #expect(try await eventually { await silent.asked.values == ["register", "given up", "deregister"] })
        #expect(try await registry.services().isEmpty)
    }

    @Test func anAddressThatIsTakenIsNamed() async throws {
        let registry = InMemoryRegistry()
        try await withService(MicroService("test.first", registry: registry)) { (node) async throws in
            let second = MicroService("test.second", registry: registry) { $0.address = node.address }
            let error = await EndpointLimitsTests.failure { try await second.run() }
            #expect(error?.id == "test.second")
            #expect(error?.detail.hasPrefix("test.second can't listen at \(node.address): ") == true)
            #expect(error?.detail.contains("in use") == true, "\(error?.detail ?? "")")
        }
    }

    @Test func callsUnderWayFinishAndThoseThatDoNotAreCancelled() async throws {
        let registry = InMemoryRegistry()
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let ended = Recorder<String>()
        var service = MicroService("test.life", registry: registry)
        service.handle("Plain.Short") { (request: Number, context) -> Number in
            start.yield()
            try await Task.sleep(for: .milliseconds(100))
            await ended.add("short")
            return request
        }
        service.handle("Plain.Long") { (request: Number, context) -> Number in
            start.yield()
            do {
                try await Task.sleep(for: .seconds(600))
            } catch {
                await ended.add("cancelled")
                throw error
            }
            return request
        }
        try await withMicroClient(registry: registry, configure: patiently) { client in
            let calls = try await withService(service, drainLimit: .seconds(20)) { _ in
                let calls = ["Plain.Short", "Plain.Long"].map { endpoint in
                    Task {
                        let _: Number = try await client.call("test.life", endpoint, Number(value: 1)) {
                            $0.timeout = .seconds(300)
                        }
                    }
                }
                var count = 0
                for await _ in started {
                    count += 1
                    if count == 2 { break }
                }
                return calls
            }
            try await calls[0].value
            let error = await EndpointLimitsTests.failure { try await calls[1].value }
            #expect(error?.code == .unavailable)
            #expect(try await eventually { await ended.values == ["short", "cancelled"] })
        }
    }

    @Test func gracefulShutdownOfAGroupEndsTheService() async throws {
        let registry = InMemoryRegistry()
        let (running, run) = AsyncStream.makeStream(of: Void.self)
        var service = MicroService("test.life", registry: registry) { $0.address = "127.0.0.1:0" }
        service.configuration.drainDelay = .milliseconds(1)
        service.afterStart { _ in run.yield() }
        let group = ServiceGroup(services: [service], logger: service.configuration.logger)
        async let done: Void = group.run()
        for await _ in running { break }
        await group.triggerGracefulShutdown()
        try await done
        #expect(try await registry.services(named: "test.life").isEmpty)
    }

    /// A node that leaves under load fails no call: clients hear of it before it refuses any.
    @Test func endUnderLoadFailsNoCall() async throws {
        let registry = InMemoryRegistry()
        func service() -> MicroService {
            var service = MicroService("test.load", registry: registry) { $0.address = "127.0.0.1:0" }
            service.handle("Plain.Echo") { (request: Number, context) -> Number in
                try await Task.sleep(for: .milliseconds(2))
                return request
            }
            return service
        }
        try await withService(service()) { _ in
            let (running, run) = AsyncStream.makeStream(of: Void.self)
            var leaving = service()
            leaving.configuration.drainDelay = .milliseconds(100)
            leaving.afterStart { _ in run.yield() }
            let second = leaving
            let task = Task { try await second.run() }
            for await _ in running { break }
            let (begun, over) = (Recorder<Bool>(), Recorder<Bool>())
            try await withMicroClient(registry: registry, configure: patiently) { client in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 0..<16 {
                        group.addTask {
                            var count = 0
                            while await over.values.isEmpty {
                                let _: Number = try await client.call("test.load", "Plain.Echo", Number(value: 1)) {
                                    $0.timeout = .seconds(300)
                                }
                                if count == 0 { await begun.add(true) }
                                count += 1
                            }
                            return count
                        }
                    }
                    let areBusy = try await eventually { await begun.values.count == 16 }
                    try await Task.sleep(for: .milliseconds(50))
                    task.cancel()
                    try await task.value
                    await over.add(true)
                    #expect(areBusy)
                    for try await count in group { #expect(count > 0) }
                }
            }
        }
    }

    @Test func timeLimitLeavesWhatIgnoresIt() async throws {
        let (release, go) = AsyncStream.makeStream(of: Void.self)
        await #expect(throws: TimeLimitPassed.self) {
            try await withTimeLimit(.milliseconds(5)) {
                await Task { for await _ in release { break } }.value
            }
        }
        go.yield()
        try await withTimeLimit(.seconds(60)) {}
        await #expect(throws: MicroError.self) {
            try await withTimeLimit(.seconds(60)) { throw MicroError(.conflict, "own") }
        }
    }
}
