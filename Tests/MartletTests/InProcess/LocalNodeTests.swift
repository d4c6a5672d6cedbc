// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletTestPrograms
import Synchronization
import Testing

/// Which nodes are reached inside the process, and when they stop to be.
@Suite(.timeLimit(.minutes(30))) struct LocalNodeTests {
    static func peers(_ client: MicroClient, calls: Int) async -> [String] {
        var seen: [String] = []
        for _ in 0..<calls { seen.append(await InProcessCallTests.call(client, "Show.Peer")) }
        return seen
    }

    @Test func eitherSideTurnsItOff() async throws {
        for (service, client) in [(true, true), (false, true), (true, false)] {
            let registry = InMemoryRegistry()
            let running = InProcessFixture.service(registry, Recorder<String>())
            try await withService(running, inProcess: service) { _ in
                try await withMicroClient(
                    registry: registry,
                    configure: {
                        patiently(&$0)
                        $0.callsInProcess = client
                    }
                ) {
                    let seen = await Self.peers($0, calls: 2)
                    #expect(seen == Array(repeating: service && client ? "inside" : "socket", count: 2))
                }
            }
        }
    }

    @Test func itIsOnUnlessItIsTurnedOff() {
        #expect(MicroClient.Configuration().callsInProcess)
        #expect(MicroService("test.local").configuration.answersInProcess)
    }

    /// The second service stands for another process: it isn't in this one's table.
    @Test func nodesOfBothKindsTakeTheirShare() async throws {
        let registry = InMemoryRegistry()
        let here = InProcessFixture.service(registry, Recorder<String>())
        let elsewhere = InProcessFixture.service(registry, Recorder<String>())
        try await withService(here, inProcess: true) { (_) async throws in
            try await withService(elsewhere) { (_) async throws in
                try await withMicroClient(registry: registry, configure: patiently) { (client) async throws in
                    #expect(
                        try await eventually { Set(await Self.peers(client, calls: 4)) == ["inside", "socket"] })
                    let seen = await Self.peers(client, calls: 10)
                    #expect(seen.filter { $0 == "inside" }.count == 5, "\(seen)")
                    #expect(seen.filter { $0 == "socket" }.count == 5, "\(seen)")
                }
            }
        }
    }

    /// Same name and same address, but another id: it is a node that was here before, or one of another machine.
    @Test func nodeOfAnotherIDIsNotThisOne() async throws {
        let here = InMemoryRegistry()
        let there = InMemoryRegistry()
        try await withService(InProcessFixture.service(here, Recorder<String>()), inProcess: true) { node in
            var other = node
            other.id = "another"
            try await there.register(
                ServiceRecord(name: InProcessFixture.name, version: "v", nodes: [other]),
                options: RegistrationOptions())
            try await withMicroClient(registry: there, configure: patiently) {
                #expect(await Self.peers($0, calls: 1) == ["socket"])
            }
            try await withMicroClient(registry: here, configure: patiently) {
                #expect(await Self.peers($0, calls: 1) == ["inside"])
                let answer: Answer = try await $0.call(InProcessFixture.name, "Show.Peer", Question(name: "")) {
                    $0.address = node.address
                }
                #expect(answer.greeting == "socket")
            }
        }
    }

    @Test func serviceThatEndsLeavesTheTable() async throws {
        let registry = InMemoryRegistry()
        var service = InProcessFixture.service(registry, Recorder<String>())
        service.configuration.nodeID = "local-1"
        service.configuration.advertisedAddress = "127.0.0.1:1"
        let stays = service
        try await withMicroClient(
            registry: registry,
            configure: {
                patiently(&$0)
                $0.retries.rounds = 1
            }
        ) { (client) async throws in
            try await withService(stays, inProcess: true) { (_) async throws in
                #expect(await Self.peers(client, calls: 1) == ["inside"])
            }
            #expect(await Self.peers(client, calls: 1) != ["inside"])
            // One that comes after it under the same id and address is another one, streams included.
            try await withService(stays, inProcess: true) { (_) async throws in
                #expect(try await eventually { await Self.peers(client, calls: 1) == ["inside"] })
                let first = try await client.serverStream(
                    InProcessFixture.name, "Show.PeerOfStream", Question(name: ""), of: Answer.self
                ) { try await $0.next() }
                #expect(first?.greeting == "inside")
            }
        }
    }

    @Test func drainingWaitsForCallsRefusesNewOnesAndEndsTheRest() async throws {
        let registry = InMemoryRegistry()
        let notes = Recorder<String>()
        var service = InProcessFixture.service(registry, notes)
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        service.handle("Show.Short") { (request: Question, context) -> Answer in
            await notes.add("short begins")
            for await _ in ends { break }
            return Answer(greeting: "short")
        }
        // Nobody listens there: once the service has left the table there is no way to it.
        service.configuration.advertisedAddress = "127.0.0.1:1"
        service.beforeStop { await notes.add("stops") }
        let running = service
        try await withMicroClient(
            registry: registry,
            configure: {
                patiently(&$0)
                $0.retries.rounds = 1
            }
        ) { (client) async throws in
            let calls = try await withService(running, inProcess: true, drainLimit: .seconds(20)) { (_) async throws in
                let calls = ["Show.Short", "Show.Wait"].map { endpoint in
                    Task {
                        await InProcessFixture.outcome {
                            let answer: Answer = try await client.call(
                                InProcessFixture.name, endpoint, Question(name: "")
                            ) { $0.timeout = .seconds(300) }
                            return answer.greeting
                        }
                    }
                }
                #expect(
                    try await eventually {
                        let seen = await notes.values
                        return seen.contains("short begins") && seen.contains("waits")
                    })
                return calls + [
                    Task {
                        while await !notes.values.contains("stops") { try? await Task.sleep(for: .milliseconds(1)) }
                        // Some moment of the drain, which goes on for as long as this one's handler waits.
                        var refused = ""
                        repeat {
                            refused = await InProcessCallTests.call(client, "Show.Peer")
                        } while refused == "inside"
                        end.yield()
                        return refused
                    }
                ]
            }
            #expect(await calls[0].value == "short")
            let cut = await calls[1].value
            #expect(cut.hasPrefix("go.micro.client 503 server is shutting down"), "\(cut)")
            #expect(await !calls[2].value.contains("inside"))
            #expect(try await eventually { await notes.values.contains("cancelled") })
        }
    }
}
