// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletTestPrograms
import Synchronization
import Testing

@Suite struct StaticRegistryTests {
    @Test func listedServicesAreFound() async throws {
        try await withService(ClientTests.named("a", InMemoryRegistry())) { node in
            try await withMicroClient(
                registry: .static(["test.nodes": [node.address]]), configure: patiently
            ) { (client) async throws in
                #expect(try await ClientTests.ask(client) == "a")
                await #expect(throws: MicroError.self) {
                    let _: Answer = try await client.call("test.other", "Who.Am", Question(name: ""))
                }
            }
            #expect(try await StaticRegistry([], everywhere: ["h:1"]).services().isEmpty)
        }
    }

    @Test func addressesForEveryServiceServeAnyName() async throws {
        try await withService(ClientTests.named("a", InMemoryRegistry())) { node in
            try await withMicroClient(registry: .static(node.address), configure: patiently) { (client) async throws in
                #expect(try await ClientTests.ask(client) == "a")
                #expect(try await ClientTests.ask(client) == "a")
                let other: Answer = try await client.call("any.name", "Who.Am", Question(name: ""))
                #expect(other.greeting == "a")
            }
        }
    }

    /// Names may come from whoever calls; a name that was forgotten is found again.
    @Test func namesThatAreAskedForAreNotKeptWithoutBound() async throws {
        let registry = StaticRegistry([], everywhere: ["h:1", "h:2"])
        let known = Mutex<Set<String>>([])
        let watch = Task {
            try await registry.watch { change in
                known.withLock { known in
                    switch change {
                    case .snapshot(let records): known = Set(records.map(\.name))
                    case .put(let record): known.insert(record.name)
                    case .remove(let service, _): known.remove(service)
                    }
                }
            }
        }
        func ask(_ name: String) async throws {
            #expect(try await registry.services(named: name).flatMap(\.nodes).map(\.address) == ["h:1", "h:2"])
        }
        for number in 0..<StaticRegistry.maximumNames + 100 { try await ask("n\(number)") }
        let latest = "n\(StaticRegistry.maximumNames + 99)"
        let isBounded = try await eventually {
            known.withLock { $0.count == StaticRegistry.maximumNames && $0.contains(latest) && !$0.contains("n0") }
        }
        #expect(isBounded)
        try await ask("n0")
        #expect(try await eventually { known.withLock { $0.contains("n0") && !$0.contains("n100") } })
        watch.cancel()
        _ = await watch.result
    }
}

@Suite struct RegistrationCheckTests {
    @Test func aNodeIsRegisteredWhileItsCheckPasses() async throws {
        let registry = InMemoryRegistry()
        let isWell = Atomic(false)
        var service = MicroService("test.nodes", version: "1", registry: registry)
        service.configuration.registration = RegistrationOptions(interval: .milliseconds(20)) {
            isWell.load(ordering: .relaxed)
        }
        func count() async throws -> Int { try await registry.services(named: "test.nodes").count }
        try await withService(service) { (_) async throws in
            #expect(try await count() == 0)
            isWell.store(true, ordering: .relaxed)
            #expect(try await eventually { try await count() == 1 })
            isWell.store(false, ordering: .relaxed)
            #expect(try await eventually { try await count() == 0 })
            isWell.store(true, ordering: .relaxed)
            #expect(try await eventually { try await count() == 1 })
        }
        #expect(try await count() == 0)
    }

    @Test func aCheckThatThrowsOrHangsFails() async throws {
        for hangs in [true, false] {
            let registry = InMemoryRegistry()
            let isBroken = Atomic(false)
            var service = MicroService("test.nodes", version: "1", registry: registry)
            service.configuration.registration = RegistrationOptions(interval: .milliseconds(500)) {
                guard isBroken.load(ordering: .relaxed) else { return true }
                if hangs { try await Task.sleep(for: .seconds(600)) }
                throw MicroError(.unavailable, "no disk")
            }
            try await withService(service) { (_) async throws in
                #expect(try await eventually { try await registry.services(named: "test.nodes").count == 1 })
                isBroken.store(true, ordering: .relaxed)
                #expect(try await eventually { try await registry.services(named: "test.nodes").isEmpty })
            }
        }
    }
}

@Suite struct ManyNodesTests {
    /// Ten thousand nodes come one by one to a client that calls them, and go again.
    @Test func aClientFollowsTenThousandNodes() async throws {
        let registry = InMemoryRegistry()
        try await withService(ClientTests.named("a", registry)) { node in
            try await withMicroClient(registry: registry, configure: patiently) { (client) async throws in
                #expect(try await ClientTests.ask(client) == "a")
                func record(_ number: Int) -> ServiceRecord {
                    ServiceRecord(
                        name: "test.nodes", version: "1",
                        nodes: [NodeRecord(id: "test.nodes-\(number)", address: node.address)])
                }
                for number in 0..<10_000 { try await registry.register(record(number), options: RegistrationOptions()) }
                // The last one is there once it is called: by a filter that wants no other.
                #expect(
                    try await eventually {
                        (try? await ClientTests.ask(client) { $0.filter = { node, _ in node.id.hasSuffix("-9999") } })
                            == "a"
                    })
                for selector in NodeSelectorTests.all {
                    for _ in 0..<5 {
                        let name = try await ClientTests.ask(client) { options in
                            options.selector = selector
                            options.key = "k"
                            options.timeout = .seconds(300)
                        }
                        #expect(name == "a")
                    }
                }
                for number in 0..<10_000 { try await registry.deregister(record(number)) }
                #expect(
                    try await eventually {
                        (try? await ClientTests.ask(client) { $0.filter = { $0.id != node.id && $1 == "1" } }) == nil
                    })
                #expect(try await ClientTests.ask(client) == "a")
            }
        }
    }
}
