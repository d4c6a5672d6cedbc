// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletTestPrograms
import Testing

@Suite(.timeLimit(.minutes(30))) struct WithMicroServicesTests {
    private struct Boom: Error {}

    private static func service(_ name: String, _ registry: InMemoryRegistry) -> MicroService {
        var service = MicroService(name, registry: registry) {
            $0.address = "127.0.0.1:0"
            $0.drainDelay = .milliseconds(1)
        }
        service.handle("Echo.Say") { (text: String, _) in "\(name): \(text)" }
        return service
    }

    @Test func allTakeCallsAsLongAsTheBody() async throws {
        let registry = InMemoryRegistry()
        let services = ["a", "b"].map { Self.service($0, registry) }
        let answers = try await withMicroServices(services) {
            try await withMicroClient(registry: registry, configure: patiently) { client in
                var answers: [String] = []
                for name in ["a", "b"] {
                    let answer: String = try await client.call(name, "Echo.Say", "hello")
                    answers.append(answer)
                }
                return answers
            }
        }
        #expect(answers == ["a: hello", "b: hello"])
        let left = try await registry.services()
        #expect(left.isEmpty)
    }

    @Test func theyStartBehindTheirOwnHooksAndEndWithAnError() async throws {
        let registry = InMemoryRegistry()
        let notes = Recorder<String>()
        var service = Self.service("a", registry)
        service.afterStart { _ in await notes.add("started") }
        service.afterStop { await notes.add("stopped") }
        await #expect(throws: Boom.self) {
            try await withMicroServices([service]) {
                await notes.add("body")
                throw Boom()
            }
        }
        #expect(await notes.values == ["started", "body", "stopped"])
    }

    @Test func oneThatDoesNotStartEndsTheOthers() async throws {
        let registry = InMemoryRegistry()
        var bad = Self.service("bad", registry)
        bad.beforeStart { throw Boom() }
        await #expect(throws: Boom.self) {
            try await withMicroServices([Self.service("good", registry), bad]) { Issue.record("the body ran") }
        }
        let left = try await registry.services()
        #expect(left.isEmpty)
    }

    @Test func cancellationEndsThem() async throws {
        let registry = InMemoryRegistry()
        let service = Self.service("a", registry)
        let task = Task {
            try await withMicroServices([service]) { try await Task.sleep(for: .seconds(600)) }
        }
        let isThere = try await eventually { try await registry.services().count == 1 }
        #expect(isThere)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let left = try await registry.services()
        #expect(left.isEmpty)
    }
}
