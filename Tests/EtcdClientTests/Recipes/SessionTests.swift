// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms
import Synchronization
import Testing

@Suite(.serialized, .timeLimit(.minutes(30))) struct SessionTests {
    struct Told: Error, Equatable {}

    /// Sleeps until the task is cancelled.
    static func sleepUntilCancelled() async throws {
        try await Task.sleep(for: .seconds(1_200))
        Issue.record("nobody cancelled the work")
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func keysLiveAsLongAsTheWork(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            var result = 0
            // A lease that gets no renewal because a machine has no turn for one ends rightly: the next one is longer.
            for ttlSeconds in [9, 40, 160] as [Int64] where result == 0 {
                do {
                    result = try await Self.outliveALease(client, ttlSeconds)
                } catch let error as EtcdError {
                    #expect([.sessionLost, .leaseNotFound].contains(error.code), "\(error)")
                }
            }
            #expect(result == 7)
            #expect(try await client.get("s").count == 0)
            #expect(try await client.leases().isEmpty)
        }
    }

    private static func outliveALease(_ client: EtcdClient, _ ttlSeconds: Int64) async throws -> Int {
        try await client.withSession(ttlSeconds: ttlSeconds) { session in
            #expect(session.lease.ttlSeconds == ttlSeconds)
            try await client.put("s", "1", lease: session.leaseID)
            // Longer than the lease: somebody renews it.
            try await Task.sleep(for: .seconds(ttlSeconds + 2))
            let count = try await client.get("s").count
            try session.checkAlive()
            #expect(count == 1)
            return 7
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func whatTheWorkThrowsComesThroughAndEndsTheLease(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            await #expect(throws: Told.self) {
                try await client.withSession { _ in throw Told() }
            }
            let left = try await client.leases()
            #expect(left.isEmpty)
            // A cancelled task leaves nothing behind either.
            let started = AsyncStream.makeStream(of: Void.self)
            let task = Task {
                try await client.withSession { _ in
                    started.continuation.yield()
                    try await Task.sleep(for: .seconds(1_200))
                }
            }
            for await _ in started.stream { break }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(try await client.leases().isEmpty)
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func aRevokedLeaseIsNoticed(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            let alive = Mutex<Bool?>(nil)
            await EtcdClientTests.expect(.sessionLost) {
                try await client.withSession(ttlSeconds: 3) { session in
                    // On a busy machine it may have ended by itself.
                    _ = try? await client.revokeLease(session.leaseID)
                    defer { alive.withLock { $0 = session.isAlive } }
                    try await Self.sleepUntilCancelled()
                }
            }
            #expect(alive.withLock { $0 } == false)
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func aServerThatIsGoneForTooLongIsNoticedByTheOwnClock(kind: EtcdProcess.Kind) async throws {
        try await EtcdProcess.with(kind) { server in
            var configuration = EtcdClient.Configuration(endpoints: [server.endpoint])
            configuration.timeout = patience * 2
            let client = try EtcdClient(configuration)
            let start = ContinuousClock.now
            await EtcdClientTests.expect(.sessionLost) {
                try await client.withSession(ttlSeconds: 2) { session in
                    server.freeze()
                    try await Self.sleepUntilCancelled()
                }
            }
            // Not before its time, and well before a request's time limit.
            #expect(start.duration(to: .now) >= .seconds(2))
            #expect(start.duration(to: .now) < patience)
            server.thaw()
            await client.close()
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func aSessionOutlivesARestart(kind: EtcdProcess.Kind) async throws {
        try await EtcdProcess.with(kind) { server in
            let client = try EtcdClient.patient(server.endpoint)
            try await client.withSession(ttlSeconds: 120) { session in
                try await client.put("s", "1", lease: session.leaseID)
                try await server.restart()
                #expect(try await eventually { (try? await client.get("s").count) == 1 })
                #expect(try await eventually { (try? await client.keepAliveOnce(session.leaseID)) == 120 })
                try session.checkAlive()
            }
            #expect(try await client.get("s").count == 0)
            await client.close()
        }
    }
}
