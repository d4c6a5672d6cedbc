// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms
import Testing

/// The client against real servers.
@Suite(.enabled(if: EtcdProcess.binary != nil, "no etcd on this machine"), .serialized, .timeLimit(.minutes(30)))
struct EtcdClientTests {
    static func run(
        _ kind: EtcdProcess.Kind = .etcd34, arguments: [String] = [],
        _ body: (EtcdClient, EtcdProcess) async throws -> Void
    ) async throws {
        try await EtcdProcess.with(kind, arguments: arguments) { server in
            let client = try EtcdClient.patient(server.endpoint)
            do {
                try await body(client, server)
                await client.close()
            } catch {
                await client.close()
                throw error
            }
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func keysAndTransactions(kind: EtcdProcess.Kind) async throws {
        try await Self.run(kind) { client, _ in
            let first = try await client.put("a", "1")
            let second = try await client.put("a", "2", returningPrevious: true)
            #expect(second.revision == first.revision + 1)
            #expect(second.previous?.valueText == "1")
            try await client.put("b", "x")
            let all = try await client.get(.prefix("")) {
                $0.sortTarget = .key
                $0.sortOrder = .descending
                $0.limit = 1
            }
            #expect(all.keyValues.map(\.keyText) == ["b"])
            #expect(all.count == 2)
            #expect(all.hasMore)
            let old = try await client.get("a") { $0.revision = first.revision }
            #expect(old.keyValues.map(\.valueText) == ["1"])
            #expect(old.keyValues.first?.version == 1)
            let keys = try await client.get(.prefix("a")) { $0.isKeysOnly = true }
            #expect(keys.keyValues.first?.value == [])
            #expect(keys.keyValues.first?.version == 2)

            let swap: [EtcdComparison] = [.value("a", .equal, [0x32]), .version("none", .equal, 0)]
            let done = try await client.transaction(
                when: swap, then: [.put("a", "3"), .get("a")], otherwise: [.get("b")])
            #expect(done.succeeded)
            guard case .get(let inside) = done.results.last else { throw EtcdProcess.NotStarted(log: "\(done)") }
            #expect(inside.keyValues.map(\.valueText) == ["3"])
            let refused = try await client.transaction(when: swap, then: [.put("a", "4")], otherwise: [.get("b")])
            #expect(!refused.succeeded)
            #expect(refused.revision == done.revision)
            let nested = try await client.transaction(
                then: [.transaction(when: [.createRevision("a", .greater, 0)], then: [.put("n", "1")])])
            guard case .transaction(let inner) = nested.results.first else {
                throw EtcdProcess.NotStarted(log: "\(nested)")
            }
            #expect(inner.succeeded)

            let deleted = try await client.delete(.prefix("a"), returningPrevious: true)
            #expect(deleted.count == 1)
            #expect(deleted.previous.map(\.valueText) == ["3"])
            try await client.compact(to: deleted.revision, isPhysical: true)
            await Self.expect(.compacted) { _ = try await client.get("a") { $0.revision = first.revision } }
            await Self.expect(.futureRevision) { _ = try await client.get("a") { $0.revision = 1 << 40 } }
            await Self.expect(.invalidRequest) { _ = try await client.get("") }
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func leases(kind: EtcdProcess.Kind) async throws {
        try await Self.run(kind) { client, _ in
            let lease = try await client.grantLease(ttlSeconds: 30)
            #expect(lease.ttlSeconds == 30)
            try await client.put("k", "v", lease: lease.id)
            let status = try await client.leaseStatus(lease.id, withKeys: true)
            #expect(status.grantedSeconds == 30)
            #expect(status.keys == [[0x6B]])
            #expect(try await client.leases() == [lease.id])
            // Many at once, all on the one stream, two of them for the same lease.
            let other = try await client.grantLease(ttlSeconds: 40)
            let lives = try await withThrowingTaskGroup(of: Int64.self) { group in
                for id in [lease.id, other.id, lease.id, other.id] {
                    group.addTask { try await client.keepAliveOnce(id) }
                }
                return try await group.reduce(into: []) { $0.append($1) }.sorted()
            }
            #expect(lives == [30, 30, 40, 40])
            try await client.revokeLease(lease.id)
            #expect(try await client.get("k").keyValues.isEmpty)
            await Self.expect(.leaseNotFound) { try await client.keepAliveOnce(lease.id) }
            await Self.expect(.leaseNotFound) { try await client.revokeLease(lease.id) }
            await Self.expect(.leaseNotFound) { _ = try await client.leaseStatus(lease.id) }
            await Self.expect(.leaseNotFound) { try await client.put("k", "v", lease: lease.id) }
            await Self.expect(.leaseExists) { _ = try await client.grantLease(ttlSeconds: 5, id: other.id) }
            await Self.expect(.leaseNotFound) { try await client.keepAlive(lease.id) }
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func watchDeliversHistoryAndNews(kind: EtcdProcess.Kind) async throws {
        try await Self.run(kind) { client, _ in
            let first = try await client.put("w/a", "1")
            try await client.put("w/b", "2")
            var watch = client.watch(.prefix("w/"), from: first.revision, returningPrevious: true).makeAsyncIterator()
            var events = try await Self.take(2, &watch)
            #expect(events.map(\.keyValue.valueText) == ["1", "2"])
            try await client.put("w/a", "3")
            try await client.put("x", "not watched")
            try await client.delete("w/a")
            events = try await Self.take(2, &watch)
            #expect(events.map(\.kind) == [.put, .delete])
            #expect(events.map(\.previous?.valueText) == ["1", "3"])
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func watchEndsWhereHistoryWasCompacted(kind: EtcdProcess.Kind) async throws {
        try await Self.run(kind) { client, _ in
            let first = try await client.put("w", "1")
            let last = try await client.put("w", "2")
            try await client.compact(to: last.revision, isPhysical: true)
            do {
                for try await _ in client.watch("w", from: first.revision) {}
                Issue.record("the watch ended without an error")
            } catch let error as EtcdError {
                #expect(error.code == .compacted)
                #expect(error.compactRevision == last.revision)
            }
        }
    }

    @Test func watchResumesAfterABrokenConnection() async throws {
        try await EtcdProcess.with { server in
            let relay = try CuttingRelay(to: server.endpoint)
            let through = try EtcdClient.patient(try await relay.start())
            let direct = try EtcdClient.patient(server.endpoint)
            let start = try await direct.put("r", "0").revision
            var watch = through.watch("r", from: start).makeAsyncIterator()
            var seen = try await Self.take(1, &watch).map(\.keyValue.valueText)
            for round in 1...5 {
                await relay.cut()
                // Written while the watch has no connection.
                try await direct.put("r", "\(round)")
                seen += try await Self.take(1, &watch).map(\.keyValue.valueText)
            }
            #expect(seen == ["0", "1", "2", "3", "4", "5"])
            // Requests come through as well, a lease's stream included.
            let lease = try await through.grantLease(ttlSeconds: 20)
            #expect(try await through.keepAliveOnce(lease.id) == 20)
            await relay.cut()
            #expect(try await eventually { (try? await through.keepAliveOnce(lease.id)) == 20 })
            await through.close()
            await direct.close()
            await relay.stop()
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func watchFromNowSkipsThePast(kind: EtcdProcess.Kind) async throws {
        try await Self.run(kind) { client, _ in
            try await client.put("n", "old")
            let (values, continuation) = AsyncStream.makeStream(of: String.self)
            let task = Task {
                for try await batch in client.watch("n") {
                    for event in batch.events { continuation.yield(event.keyValue.valueText) }
                }
            }
            // The watch starts at some moment from here on; writes go on until one is seen.
            let writer = Task {
                while true {
                    try await client.put("n", "new")
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            let first = await values.first { _ in true }
            #expect(first == "new")
            writer.cancel()
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func deadEndpointsAreLeft() async throws {
        try await EtcdProcess.with { server in
            let client = try EtcdClient.patient("127.0.0.1:1", server.endpoint)
            for _ in 0..<3 {
                try await client.put("e", "1")
                #expect(try await client.get("e").keyValues.count == 1)
            }
            let lease = try await client.grantLease(ttlSeconds: 900)
            #expect(try await client.keepAliveOnce(lease.id) == 900)
            await client.close()
            await Self.expect(.closed) { _ = try await client.get("e") }
        }
    }

    @Test func everyRequestEndsInTimeWhileTheServerIsStopped() async throws {
        try await EtcdProcess.with { server in
            var configuration = EtcdClient.Configuration(endpoints: [server.endpoint])
            configuration.timeout = .seconds(3)
            let client = try EtcdClient(configuration)
            let calm = try EtcdClient.patient(server.endpoint)
            let lease = try await calm.grantLease(ttlSeconds: 900)
            await calm.close()
            // Where both cores are taken three seconds may be too short for a server that answers.
            #expect(try await eventually { (try? await client.keepAliveOnce(lease.id)) == 900 })
            #expect(try await eventually { (try? await client.get("a")) != nil })
            server.freeze()
            let start = ContinuousClock.now
            await Self.expect(.timeout) { _ = try await client.get("a") }
            await Self.expect(.timeout) { try await client.put("a", "b") }
            await Self.expect(.timeout) { try await client.keepAliveOnce(lease.id) }
            #expect(start.duration(to: .now) < patience)
            server.thaw()
            #expect(try await eventually { (try? await client.get("a")) != nil })
            #expect(try await eventually { (try? await client.keepAliveOnce(lease.id)) == 900 })
            await client.close()
        }
    }

    static func expect(_ code: EtcdError.Code, _ body: () async throws -> Void) async {
        do {
            try await body()
            Issue.record("no error, but \(code) was expected")
        } catch {
            #expect((error as? EtcdError)?.code == code, "\(error)")
        }
    }

    /// The next events of a watch.
    static func take(_ count: Int, _ watch: inout EtcdWatch.AsyncIterator) async throws -> [EtcdEvent] {
        var events: [EtcdEvent] = []
        while events.count < count, let batch = try await watch.next() { events += batch.events }
        return events
    }
}
