// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms
import Synchronization
import Testing

@Suite(.serialized, .timeLimit(.minutes(30))) struct LockTests {
    /// Counts who is inside, and remembers what happened.
    final class Room: Sendable {
        private let state = Mutex((inside: 0, most: 0, tokens: [Int64]()))

        var most: Int { self.state.withLock { $0.most } }
        var tokens: [Int64] { self.state.withLock { $0.tokens } }

        func enter(_ token: Int64) {
            self.state.withLock { state in
                state.inside += 1
                state.most = max(state.most, state.inside)
                state.tokens.append(token)
            }
        }

        func leave() { self.state.withLock { $0.inside -= 1 } }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func oneAtATimeInTheOrderOfTokens(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, server in
            let room = Room()
            let other = try EtcdClient.patient(server.endpoint)
            try await withThrowingTaskGroup { group in
                for number in 0..<8 {
                    group.addTask {
                        try await (number % 2 == 0 ? client : other).withLock("job") { lock in
                            room.enter(lock.fencingToken)
                            try await Task.sleep(for: .milliseconds(10))
                            #expect(lock.session.isAlive)
                            room.leave()
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(room.most == 1)
            #expect(room.tokens.count == 8)
            #expect(room.tokens == room.tokens.sorted())
            #expect(try await client.get(.prefix("job/")).count == 0)
            #expect(try await client.leases().isEmpty)
            await other.close()
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func tasksOfOneSessionWaitForOneAnother(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            let room = Room()
            try await client.withSession { session in
                try await withThrowingTaskGroup { group in
                    for _ in 0..<5 {
                        group.addTask {
                            try await session.withLock("job") { lock in
                                room.enter(lock.fencingToken)
                                try await Task.sleep(for: .milliseconds(10))
                                room.leave()
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(try await client.get(.prefix("job/")).count == 0)
            }
            #expect(room.most == 1)
            #expect(Set(room.tokens).count == 5)
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func aLockThatIsHeldIsNotFree(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            try await client.withSession { session in
                let inner = try await session.withLock("job") { lock in
                    #expect(String(decoding: lock.key, as: UTF8.self) == "job/\(session.leaseID)")
                    let refused = try await session.withLockIfFree("job") { _ in 1 }
                    #expect(refused == nil)
                    return try await session.withLockIfFree("other") { _ in 2 }
                }
                #expect(inner == 2)
                #expect(try await session.withLockIfFree("job") { _ in 3 } == 3)
            }
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func whoeverGivesUpWaitingHoldsUpNobody(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            try await client.withSession { session in
                let waiter = try await session.withLock("job") { _ in
                    let waiter = Task { try await session.withLock("job") { _ in Issue.record("got it") } }
                    let isInLine = try await eventually { try await client.get(.prefix("job/")).count == 2 }
                    #expect(isInLine)
                    waiter.cancel()
                    await #expect(throws: CancellationError.self) { try await waiter.value }
                    let count = try await client.get(.prefix("job/")).count
                    #expect(count == 1)
                    return 1
                }
                #expect(waiter == 1)
                #expect(try await session.withLock("job") { _ in 2 } == 2)
            }
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func aHolderNoticesThatItsKeyWasDeleted(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            try await client.withSession { session in
                await EtcdClientTests.expect(.lockLost) {
                    try await session.withLock("job") { lock in
                        let guarded = try await client.transaction(when: [lock.condition], then: [.put("guarded", "1")])
                        #expect(guarded.succeeded)
                        try await client.delete(.key(lock.key))
                        // In a task of its own: this one may be cancelled by now.
                        let late = try await Task {
                            try await client.transaction(when: [lock.condition], then: [.put("guarded", "2")])
                        }.value
                        #expect(!late.succeeded)
                        try await SessionTests.sleepUntilCancelled()
                    }
                }
                try session.checkAlive()
            }
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func aHolderNoticesThatItsLeaseWasRevoked(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            await EtcdClientTests.expect(.sessionLost) {
                try await client.withLock("job", ttlSeconds: 900) { lock in
                    // The next renewal is far: it is the key that tells.
                    try await client.revokeLease(lock.session.leaseID)
                    try await SessionTests.sleepUntilCancelled()
                }
            }
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func aHolderThatDiesIsFollowedWhenItsLeaseEnds(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            var start = ContinuousClock.now
            // On a busy machine the lease may end before the key is there.
            let isHeld = try await eventually {
                start = .now
                let lease = try await client.grantLease(ttlSeconds: 3).id
                return (try? await client.put("job/\(lease)", "", lease: lease)) != nil
            }
            #expect(isHeld)
            try await client.withLock("job") { lock in #expect(lock.fencingToken > 0) }
            #expect(start.duration(to: .now) > .seconds(2))
        }
    }

    /// Somebody in another language holds the lock.
    @Test(.enabled(if: EtcdProcess.control != nil, "no etcdctl on this machine"))
    func standsInOneLineWithEtcdctl() async throws {
        let control = try #require(EtcdProcess.control)
        try await EtcdClientTests.run { client, server in
            let (started, sink) = AsyncStream.makeStream(of: Void.self)
            let holder = Task {
                try await client.withLock("job") { _ in
                    sink.yield()
                    #expect(try await eventually { try await client.get(.prefix("job/")).count == 2 })
                    return try await client.get(.prefix("held")).count
                }
            }
            for await _ in started { break }
            let text = try await output(
                of: "/usr/bin/env",
                [
                    "ETCDCTL_API=3", "ETCDCTL_ENDPOINTS=\(server.endpoint)", control, "lock", "job", control, "put",
                    "held", "1",
                ])
            #expect(text.contains("OK"), "\(text)")
            // It came after.
            #expect(try await holder.value == 0)
            #expect(try await client.get("held").count == 1)
        }
    }
}
