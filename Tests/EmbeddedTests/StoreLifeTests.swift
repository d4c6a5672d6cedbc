// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletEmbedded
import MartletEtcdClient
import MartletRedisClient
import MartletTestPrograms
import ServiceLifecycle
import Testing

/// How stores begin and end.
@Suite(.timeLimit(.minutes(30))) struct StoreLifeTests {
    private struct Boom: Error {}

    // MARK: Folders

    @Test func whatWasAcknowledgedIsThereAgain() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("data")
        let revision = try await MartletStore.withEmbedded(path: path) { store in
            try await store.streams.xgroupCreate("s", "g", .beginning, createsStream: true)
            try await store.streams.xadd("s", ["n": 1])
            _ = try await store.streams.xreadgroup("g", "one", [.undelivered(of: "s")])
            let lease = try await store.keys.grantLease(ttlSeconds: 1000)
            return try await store.keys.put("k", "1", lease: lease.id).revision
        }
        try await MartletStore.withEmbedded(path: path) { store in
            let found = try await store.keys.get("k")
            #expect(found.keyValues.first?.valueText == "1")
            #expect(found.revision == revision)
            let leases = try await store.keys.leases()
            #expect(leases.count == 1)
            let pending = try await store.streams.xpending("s", "g", .first, .last, count: 10)
            #expect(pending.map(\.consumer) == ["one"])
            try await store.keys.put("k", "2")
        }
    }

    @Test func aFolderHasOneStore() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("data")
        try await MartletStore.withEmbedded(path: path) { first in
            let error = await #expect(throws: MartletStoreError.self) {
                try await MartletStore.open(.embedded(path: path))
            }
            #expect(error?.code == .inUse)
            #expect(error?.message.hasPrefix("the store in \(path) can't be opened: ") == true)
            try await first.keys.put("a", "1")
        }
        let second = try await MartletStore.open(.embedded(path: path))
        await second.close()
    }

    @Test func aFileIsNoFolder() async throws {
        let folder = try TemporaryFolder()
        let error = await #expect(throws: MartletStoreError.self) {
            try await MartletStore.open(.embedded(path: "/dev/null/data"))
        }
        #expect(error?.code == .unusableFolder)
        withExtendedLifetime(folder) {}
    }

    /// The folder is a member's: the server goes on with it, and the store goes on after the server.
    @Test func aServerTakesTheFolderOver() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("data")
        try await MartletStore.withEmbedded(path: path) { store in
            try await store.keys.put("k", "embedded")
            try await store.streams.xadd("s", ["by": "embedded"])
        }
        let streamPort = try freePort()
        let arguments = ["--data-dir", path, "--listen-stream-urls", "redis://127.0.0.1:\(streamPort)"]
        try await EtcdProcess.with(.martlet, arguments: arguments) { server in
            let address = try StoreAddress("etcd://\(server.endpoint) redis://127.0.0.1:\(streamPort)")
            try await MartletStore.with(address) { store in
                let found = try await store.keys.get("k")
                #expect(found.keyValues.first?.valueText == "embedded")
                let length = try await store.streams.xlen("s")
                #expect(length == 1)
                try await store.keys.put("k", "server")
            }
        }
        try await MartletStore.withEmbedded(path: path) { store in
            let found = try await store.keys.get("k")
            #expect(found.keyValues.first?.valueText == "server")
        }
    }

    // MARK: Several

    @Test func storesOfOneProcessAreApart() async throws {
        try await MartletStore.withEmbedded { first in
            try await MartletStore.withEmbedded { second in
                try await first.keys.put("k", "first")
                try await first.streams.set("k", "first")
                try await second.keys.put("k", "second")
                let (one, other) = (try await first.keys.get("k"), try await second.keys.get("k"))
                #expect(one.keyValues.first?.valueText == "first")
                #expect(other.keyValues.first?.valueText == "second")
                let stream = try await second.streams.get("k")
                #expect(stream == nil)
            }
            // The other's end is none of this one's.
            let again = try await first.keys.get("k")
            #expect(again.count == 1)
        }
    }

    @Test func manyStoresComeAndGo() async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for number in 0..<16 {
                tasks.addTask {
                    try await MartletStore.withEmbedded { store in
                        try await store.keys.put("k", "\(number)")
                        try await store.streams.set("k", "\(number)")
                        let value = try await store.keys.get("k").keyValues.first?.valueText
                        #expect(value == "\(number)")
                    }
                }
            }
            try await tasks.waitForAll()
        }
    }

    // MARK: The end

    @Test func requestsFailBehindTheEnd() async throws {
        let store = try await MartletStore.open(.embedded)
        try await store.keys.put("a", "1")
        try await store.streams.ping()
        await store.close()
        await store.close()
        let keys = await #expect(throws: EtcdError.self) { try await store.keys.put("a", "2") }
        #expect(keys?.code == .closed)
        let streams = await #expect(throws: RedisError.self) { try await store.streams.ping() }
        #expect(streams?.code == .closed)
    }

    /// Whatever waits is told, and the end takes no longer for it.
    @Test func whoWaitsIsTold() async throws {
        let folder = try TemporaryFolder()
        let store = try await MartletStore.open(.embedded(path: folder.file("data")))
        let revision = try await store.keys.put("w", "0").revision
        let waiting = Shared(0)
        let watch = Task {
            for try await _ in store.keys.watch("w", from: revision) { waiting.change { $0 += 1 } }
        }
        let read = Task { try await store.streams.xread([.new(of: "s")], block: .zero) }
        let lock = Task {
            try await store.keys.withLock("door") { _ in
                waiting.change { $0 += 1 }
                try await Task.sleep(for: .seconds(1_200))
            }
        }
        let areWaiting = try await eventually { waiting.value == 2 }
        #expect(areWaiting)
        try await Task.sleep(for: .milliseconds(50))
        let duration = await ContinuousClock().measure { await store.close() }
        // Far less than what the holder of the lock sleeps for, which it would otherwise wait for.
        #expect(duration < .seconds(600), "took \(duration)")
        await #expect(throws: EtcdError.self) { try await watch.value }
        await #expect(throws: RedisError.self) { _ = try await read.value }
        await #expect(throws: EtcdError.self) { try await lock.value }
        // The folder is free.
        let again = try await MartletStore.open(.embedded(path: folder.file("data")))
        await again.close()
    }

    @Test func cancellationEndsInOrder() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("data")
        let isBlocked = Shared(false)
        let work = Task {
            try await MartletStore.withEmbedded(path: path) { store in
                try await store.keys.put("a", "1")
                isBlocked.change { $0 = true }
                for try await _ in store.keys.watch("b") {}
            }
        }
        let didBlock = try await eventually { isBlocked.value }
        #expect(didBlock)
        work.cancel()
        await #expect(throws: CancellationError.self) { try await work.value }
        try await MartletStore.withEmbedded(path: path) { store in
            let found = try await store.keys.get("a")
            #expect(found.count == 1)
        }
    }

    @Test func aCancelledCallerIsToldAtOnce() async throws {
        try await MartletStore.withEmbedded { store in
            let call = Task {
                // Begins cancelled.
                while !Task.isCancelled { await Task.yield() }
                try await store.keys.put("a", "1")
            }
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            let blocked = Task { try await store.streams.xread([.new(of: "s")], block: .zero) }
            try await Task.sleep(for: .milliseconds(20))
            blocked.cancel()
            await #expect(throws: CancellationError.self) { try await blocked.value }
        }
    }

    @Test func whatTheWorkThrowsIsThrown() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("data")
        await #expect(throws: Boom.self) {
            try await MartletStore.withEmbedded(path: path) { _ in throw Boom() }
        }
        let store = try await MartletStore.open(.embedded(path: path))
        await store.close()
    }

    @Test func aStoreThatNobodyClosesEnds() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("data")
        var store: MartletStore? = try await MartletStore.open(.embedded(path: path))
        try await store?.keys.put("a", "1")
        store = nil
        let isFree = try await eventually {
            guard let again = try? await MartletStore.open(.embedded(path: path)) else { return false }
            await again.close()
            return true
        }
        #expect(isFree)
    }

    // MARK: In a group of services

    private struct User: Service {
        var store: MartletStore
        var didWrite: @Sendable () -> Void

        func run() async throws {
            try await store.keys.put("a", "1")
            didWrite()
            try await gracefulShutdown()
            // The store is there until those that need it have ended.
            try await store.keys.put("a", "2")
        }
    }

    @Test func aGroupEndsItLast() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("data")
        let store = try await MartletStore.open(.embedded(path: path))
        let (writes, write) = AsyncStream.makeStream(of: Void.self)
        let user = User(store: store) { write.yield() }
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let group = ServiceGroup(services: [store, user], logger: quiet)
        async let running: Void = group.run()
        for await _ in writes { break }
        await group.triggerGracefulShutdown()
        try await running
        try await MartletStore.withEmbedded(path: path) { store in
            let value = try await store.keys.get("a").keyValues.first?.valueText
            #expect(value == "2")
        }
    }

    @Test func aCancelledServiceCloses() async throws {
        let store = try await MartletStore.open(.embedded)
        let running = Task { try await store.run() }
        try await Task.sleep(for: .milliseconds(10))
        running.cancel()
        try await running.value
        let error = await #expect(throws: EtcdError.self) { try await store.keys.put("a", "1") }
        #expect(error?.code == .closed)
    }
}
