// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Martlet
import Testing

/// Calls that wait for the registry, and what callers may do while a node is chosen.
@Suite struct WaitingCallTests {
    /// A registry that doesn't answer before it is told to.
    private final class LateRegistry: ServiceRegistry {
        let registry = InMemoryRegistry()
        let gate: AsyncStream<Void>
        let open: AsyncStream<Void>.Continuation

        init() { (self.gate, self.open) = AsyncStream.makeStream(of: Void.self) }

        var name: String { "late" }

        func register(_ record: ServiceRecord, options: RegistrationOptions) async throws {
            try await self.registry.register(record, options: options)
        }
        func deregister(_ record: ServiceRecord) async throws { try await self.registry.deregister(record) }
        func services(named name: String) async throws -> [ServiceRecord] {
            try await self.registry.services(named: name)
        }
        func services() async throws -> [ServiceRecord] { try await self.registry.services() }
        func watch(_ deliver: @Sendable @escaping (RegistryChange) -> Void) async throws {
            for await _ in self.gate { break }
            try await self.registry.watch(deliver)
        }
    }

    @Test func theFirstSnapshotServesAllThatWait() async throws {
        let registry = LateRegistry()
        try await withService(ClientTests.named("a", registry.registry)) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                let names = try await withThrowingTaskGroup(of: String.self) { group in
                    for _ in 0..<100 { group.addTask { try await ClientTests.ask(client) } }
                    group.addTask {
                        try await Task.sleep(for: .milliseconds(50))
                        registry.open.finish()
                        return "a"
                    }
                    return try await group.reduce(into: Set()) { $0.insert($1) }
                }
                #expect(names == ["a"])
            }
        }
    }

    @Test func closingTheClientEndsCallsThatWait() async throws {
        let client = MicroClient(registry: LateRegistry(), configure: patiently)
        let call = Task { try await ClientTests.ask(client) { $0.timeout = .seconds(60) } }
        try await Task.sleep(for: .milliseconds(100))
        await client.close()
        await #expect(throws: MicroError(.unavailable, "the client is closed", id: "go.micro.client")) {
            _ = try await call.value
        }
    }

    @Test func cancellingTheTaskEndsACallThatWaits() async throws {
        try await withMicroClient(registry: LateRegistry(), configure: patiently) { client in
            let call = Task { try await ClientTests.ask(client) { $0.timeout = .seconds(60) } }
            try await Task.sleep(for: .milliseconds(50))
            call.cancel()
            await #expect(throws: CancellationError.self) { _ = try await call.value }
        }
    }

    @Test func theDeadlineEndsACallThatWaits() async throws {
        try await withMicroClient(registry: LateRegistry(), configure: patiently) { client in
            let late = MicroError(
                .timeout, "context deadline exceeded; the registry \"late\" has not answered", id: "go.micro.client")
            await #expect(throws: late) {
                _ = try await ClientTests.ask(client) { $0.timeout = .milliseconds(50) }
            }
        }
    }

    /// Runs jobs on a thread that is not of Swift's pool, so that a test may block it.
    private final class OwnThread: TaskExecutor {
        private let queue = DispatchQueue(label: "test")

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            self.queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
    }

    /// A filter is the user's code: while one takes its time, other calls go on.
    @Test(.timeLimit(.minutes(30)), arguments: [true, false]) func aSlowChoiceHoldsUpNobodyElse(
        _ isFilter: Bool
    ) async throws {
        let registry = InMemoryRegistry()
        try await withService(ClientTests.named("a", registry)) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                _ = try await ClientTests.ask(client)
                let (isChoosing, choosing) = (DispatchSemaphore(value: 0), AsyncStream.makeStream(of: Void.self))
                let wait: @Sendable () -> Bool = {
                    choosing.continuation.finish()
                    return isChoosing.wait(timeout: .now() + .seconds(300)) == .success
                }
                let slow = Task(executorPreference: OwnThread()) {
                    try await ClientTests.ask(client) { options in
                        options.timeout = .seconds(300)
                        if isFilter {
                            options.filter = { _, _ in wait() }
                        } else {
                            options.selector = NodeSelector { nodes, _ in wait() ? 0 : 1 }
                        }
                    }
                }
                for await _ in choosing.stream {}
                let other = try await ClientTests.ask(client)
                #expect(other == "a")
                isChoosing.signal()
                // A second question to the filter or selector would find the signal gone.
                #expect(try await slow.value == "a")
            }
        }
    }
}
