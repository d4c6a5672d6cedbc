// SPDX-License-Identifier: Apache-2.0

import MartletEmbedded
import MartletEtcdClient
import MartletRedisClient
import MartletTestPrograms
import Testing

/// One program, moved from store to store by its address alone.
@Suite(.timeLimit(.minutes(30))) struct SameProgramTests {
    /// What the program prints at every engine. IDs of entries are given, so that they are the same everywhere.
    private static let output = [
        "put at 2", "swap true at 3", "swap false at 3", "stock/milk=7 stock/tea=11", "event put stock/tea=12",
        "event put stock/tea=11", "event put stock/milk=7", "compacted: compacted", "locked with a token",
        "lease of stock/milk is held", "orders: 1-1 2-1 3-1", "billing got 1-1 tea, 2-1 milk", "pending 2",
        "acknowledged 1", "pending 1", "claimed 2-1 by two", "group exists: groupExists", "length 2",
        "wrong type: wrongType",
    ]

    private static func program(_ store: MartletStore) async throws -> [String] {
        var lines: [String] = []
        let keys = store.keys
        let first = try await keys.put("stock/tea", "12").revision
        lines.append("put at \(first)")
        for _ in 0..<2 {
            let swap = try await keys.transaction(
                when: [.value("stock/tea", .equal, Array("12".utf8))], then: [.put("stock/tea", "11")])
            lines.append("swap \(swap.succeeded) at \(swap.revision)")
        }
        let lease = try await keys.grantLease(ttlSeconds: 60)
        try await keys.put("stock/milk", "7", lease: lease.id)
        let stock = try await keys.get(.prefix("stock/"))
        lines.append(stock.keyValues.map { "\($0.keyText)=\($0.valueText)" }.joined(separator: " "))
        var events: [String] = []
        for try await batch in keys.watch(.prefix("stock/"), from: first) {
            events += batch.events.map { "event \($0.kind) \($0.keyValue.keyText)=\($0.keyValue.valueText)" }
            if events.count >= 3 { break }
        }
        lines += events
        try await keys.compact(to: first + 1)
        do {
            _ = try await keys.get("stock/tea") { $0.revision = first }
        } catch let error as EtcdError {
            lines.append("compacted: \(error.code)")
        }
        lines.append(try await keys.withLock("door") { $0.fencingToken > 0 ? "locked with a token" : "?" })
        let held = try await keys.leaseStatus(lease.id, withKeys: true)
        lines.append("lease of \(held.keys.map { String(decoding: $0, as: UTF8.self) }.joined()) is held")
        return try await lines + streams(store.streams)
    }

    private static func streams(_ streams: RedisClient) async throws -> [String] {
        var lines: [String] = []
        for (id, article) in [(1, "tea"), (2, "milk"), (3, "salt")] {
            try await streams.xadd("orders", ["article": article]) { $0.id = .exactly(RedisStreamID(UInt64(id), 1)) }
        }
        lines.append("orders: " + (try await streams.xrange("orders")).map { "\($0.id)" }.joined(separator: " "))
        try await streams.xgroupCreate("orders", "billing", .beginning)
        let read = try await streams.xreadgroup("billing", "one", [.undelivered(of: "orders")], block: .seconds(300)) {
            $0.count = 2
        }
        let got = read.flatMap(\.entries).map { "\($0.id) \($0.text("article") ?? "")" }
        lines.append("billing got \(got.joined(separator: ", "))")
        lines.append("pending \(try await streams.xpending("orders", "billing").count)")
        lines.append("acknowledged \(try await streams.xack("orders", "billing", [RedisStreamID(1, 1)]))")
        lines.append("pending \(try await streams.xpending("orders", "billing").count)")
        let claimed = try await streams.xautoclaim("orders", "billing", "two", minimumIdle: .zero)
        lines.append("claimed \(claimed.claimed.map { "\($0.id)" }.joined()) by two")
        do {
            try await streams.xgroupCreate("orders", "billing")
        } catch let error as RedisError {
            lines.append("group exists: \(error.code)")
        }
        try await streams.xtrim("orders", .maximumLength(2, approximately: false))
        lines.append("length \(try await streams.xlen("orders"))")
        do {
            _ = try await streams.get("orders")
        } catch let error as RedisError {
            lines.append("wrong type: \(error.code)")
        }
        return lines
    }

    @Test(arguments: StoreEngine.available) func printsTheSame(_ engine: StoreEngine) async throws {
        try await engine.with { setting in
            let address = try StoreAddress(environment: ["MARTLET_STORE": setting])
            let lines = try await MartletStore.with(address) { try await Self.program($0) }
            #expect(lines == Self.output)
        }
    }

    // MARK: What engines lack

    @Test(arguments: StoreEngine.available) func whatIsThereIsNotRefused(_ engine: StoreEngine) async throws {
        try await engine.with { setting in
            let address = try StoreAddress(setting)
            try await MartletStore.with(address, configure: { $0.requires.insert(.durableStreams) }) { _ in
                // An embedded store without a folder keeps nothing.
                #expect(engine != .embedded)
            } orLacking: { error in
                #expect(engine == .embedded)
                #expect(
                    error.message
                        == "the store at embedded lacks durableStreams, which this program requires: Martlet with a "
                        + "folder has it, and Redis with appendonly yes and appendfsync always")
            }
        }
    }

    @Test(arguments: [
        (StoreCapability.negativeAcknowledgement, "Martlet and Redis since 8.8 have it"),
        (.idempotentAppends, "Martlet and Redis since 8.6 have it"),
        (.deletionByReference, "Martlet and Redis since 8.2 have it"),
        (.delays, "Martlet alone has them"), (.retention, "Martlet alone has it"),
        (.groupPolicies, "Martlet alone has them"), (.schedules, "Martlet alone has them"),
    ])
    func newCommandsAreMissed(_ capability: StoreCapability, _ owners: String) async throws {
        for engine in StoreEngine.available {
            try await engine.with { setting in
                let address = try StoreAddress(setting)
                try await MartletStore.with(address, configure: { $0.requires.insert(capability) }) { _ in
                    #expect(engine != .originals)
                } orLacking: { error in
                    // Redis 7.0.
                    #expect(engine == .originals)
                    #expect(
                        error.message
                            == "the store at \(address) lacks \(capability), which this program requires: \(owners)")
                }
            }
        }
    }

    /// Who didn't say that it needs them is told by the call.
    @Test(arguments: StoreEngine.available) func laterEntriesAreRefusedByName(_ engine: StoreEngine) async throws {
        try await engine.with { setting in
            try await MartletStore.with(try StoreAddress(setting)) { store in
                for change: (inout RedisAddOptions) -> Void in [
                    { $0.moment = .after(.seconds(60)) }, { $0.timeToLive = .seconds(60) },
                ] {
                    do {
                        let id = try await store.streams.xadd("later", ["n": 1], configure: change)
                        #expect(id != nil && engine != .originals)
                    } catch let error as RedisError {
                        #expect(engine == .originals && error.code == .notSupported)
                        #expect(
                            error.message
                                == "the server has no entries that come later or end (XADD with DELAY, AT or TTL): "
                                + "Martlet alone has that. It says: ERR Invalid stream ID specified as stream command "
                                + "argument")
                    }
                }
            }
        }
    }

    @Test func anAddressWithoutStreamsIsRefused() async throws {
        let keysOnly = try StoreAddress("etcd://127.0.0.1:1")
        let error = await #expect(throws: MartletStoreError.self) { try await MartletStore.open(keysOnly) }
        #expect(error?.code == .lacking)
        #expect(
            error?.message
                == "the store at etcd://127.0.0.1:1 lacks streams, which this program requires: an address redis://… "
                + "names them")
        // Who needs none says so.
        try await MartletStore.with(keysOnly, configure: { $0.requires = [.keys] }) { store in
            let error = await #expect(throws: RedisError.self) { try await store.streams.ping() }
            #expect(error?.message.contains("the store's address names no server for them") == true)
        }
    }

    @Test func anAddressWithoutKeysIsRefused() async throws {
        let error = await #expect(throws: MartletStoreError.self) {
            try await MartletStore.open(try StoreAddress("redis://127.0.0.1:1"))
        }
        #expect(error?.code == .lacking)
        let words = "lacks keys, which this program requires: an address etcd://… names them"
        #expect(error?.message.contains(words) == true)
    }

    @Test func serversThatAreAwayCantBeAsked() async throws {
        let port = try freePort()
        let error = await #expect(throws: MartletStoreError.self) {
            try await MartletStore.open(try StoreAddress("etcd://127.0.0.1:\(port) redis://127.0.0.1:\(port)")) {
                $0.requires.insert(.idempotentAppends)
                $0.configureStreams = { $0.timeout = .milliseconds(200) }
            }
        }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("can't be asked for idempotentAppends") == true)
    }
}

extension MartletStore {
    /// Runs `body` with the store, or `orLacking` where it lacks something that is required.
    fileprivate static func with(
        _ address: StoreAddress, configure: (inout Configuration) -> Void, _ body: (MartletStore) async throws -> Void,
        orLacking: (MartletStoreError) throws -> Void
    ) async throws {
        do {
            try await with(address, configure: configure, body)
        } catch let error as MartletStoreError where error.code == .lacking {
            try orLacking(error)
        }
    }
}
