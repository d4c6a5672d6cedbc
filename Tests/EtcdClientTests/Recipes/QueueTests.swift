// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms
import Synchronization
import Testing

/// What several tasks have seen.
final class Seen: Sendable {
    private let texts = Mutex<[String]>([])

    var all: [String] { self.texts.withLock { $0 } }

    func add(_ text: String) { self.texts.withLock { $0.append(text) } }
}

@Suite(.serialized, .timeLimit(.minutes(30))) struct QueueTests {
    @Test(arguments: EtcdProcess.Kind.available)
    func firstInFirstOut(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            let queue = client.queue("q")
            #expect(try await queue.takeIfAny() == nil)
            for number in 0..<20 { try await queue.add("\(number)") }
            #expect(try await queue.count == 20)
            var taken: [String] = []
            for _ in 0..<20 { taken.append(String(decoding: try await queue.take(), as: UTF8.self)) }
            #expect(taken == (0..<20).map { "\($0)" })
            #expect(try await queue.takeIfAny() == nil)
            // Who takes from an empty queue waits.
            let waiting = Task { try await queue.take() }
            try await Task.sleep(for: .milliseconds(100))
            try await queue.add("late")
            #expect(try await waiting.value == Array("late".utf8))
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func eachValueIsTakenOnce(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, server in
            let other = try EtcdClient.patient(server.endpoint)
            let taken = Seen()
            try await withThrowingTaskGroup { group in
                for number in 0..<4 {
                    group.addTask {
                        let queue = (number % 2 == 0 ? client : other).queue("q")
                        for _ in 0..<15 {
                            taken.add(String(decoding: try await queue.take(), as: UTF8.self))
                        }
                    }
                }
                for writer in 0..<3 {
                    group.addTask {
                        for number in 0..<20 { try await client.queue("q").add("\(writer).\(number)") }
                    }
                }
                try await group.waitForAll()
            }
            let expected = (0..<3).flatMap { writer in (0..<20).map { "\(writer).\($0)" } }
            #expect(taken.all.sorted() == expected.sorted())
            #expect(try await client.queue("q").count == 0)
            await other.close()
        }
    }
}

@Suite(.serialized, .timeLimit(.minutes(30))) struct BarrierTests {
    @Test(arguments: EtcdProcess.Kind.available)
    func holdsUpUntilItIsReleased(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            let barrier = client.barrier("gate")
            // Where none stands nobody waits.
            try await barrier.wait()
            #expect(try await barrier.hold())
            #expect(try await !barrier.hold())
            let passed = Seen()
            let waiters = (0..<3).map { _ in
                Task {
                    try await barrier.wait()
                    passed.add("one")
                }
            }
            try await Task.sleep(for: .milliseconds(200))
            #expect(passed.all.isEmpty)
            try await barrier.release()
            for waiter in waiters { try await waiter.value }
            #expect(passed.all.count == 3)
            // One that lives by a lease goes with it.
            let lease = try await client.grantLease(ttlSeconds: 900).id
            try await barrier.hold(lease: lease)
            let waiter = Task { try await barrier.wait() }
            try await client.revokeLease(lease)
            try await waiter.value
        }
    }
}
