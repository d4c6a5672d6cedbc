// SPDX-License-Identifier: Apache-2.0

import Dispatch
import MartletEmbedded
import MartletEtcdClient
import MartletRedisClient
import MartletTestPrograms
import Testing

/// Transactions over keys and streams, wherever the store is.
@Suite(.timeLimit(.minutes(30))) struct TransactionTests {
    struct Sale: Codable, Hashable, Sendable {
        var article: String
        var left: Int
    }

    struct SoldOut: Error {}

    private func with(_ engine: StoreEngine, _ body: (MartletStore) async throws -> Void) async throws {
        try await engine.with { setting in
            try await MartletStore.with(try StoreAddress(setting), body)
        }
    }

    @Test(arguments: [StoreEngine.embedded, .folder, .server]) func changesBoth(_ engine: StoreEngine) async throws {
        try await with(engine) { store in
            var transaction = StoreTransaction()
            transaction.when(.isMissing("a"))
            transaction.when(.length(of: "s", .equal, 0), .lastID(of: "s", .equal, .zero))
            let put = transaction.then.put("a", "1")
            let first = transaction.then.append([RedisField("f", "v")], to: "s", id: RedisStreamID(1))
            let second = transaction.then.append([RedisField("f", "w")], to: "s", id: RedisStreamID(2))
            let read = transaction.then.get("a")
            let other = transaction.otherwise.get("a")
            let result = try await store.transact(transaction)
            #expect(result.succeeded && result.revision == 2)
            #expect(result[put]?.revision == 2 && result[first] == RedisStreamID(1))
            #expect(result[second] == RedisStreamID(2) && result[read]?.keyValues.first?.valueText == "1")
            #expect(result[other] == nil)
            let again = try await store.transact(transaction)
            #expect(!again.succeeded && again[other]?.keyValues.count == 1 && again[first] == nil)
            let entries = try await store.streams.xrange("s")
            #expect(entries.map(\.id) == [RedisStreamID(1), RedisStreamID(2)])
            let counts = try await store.transact { transaction in
                transaction.then.delete([RedisStreamID(1), RedisStreamID(9)], of: "s")
                transaction.then.trim("s", toLength: 0)
            }
            #expect(counts.succeeded && counts.revision == 2)
            let length = try await store.streams.xlen("s")
            #expect(length == 0)
        }
    }

    @Test(arguments: [StoreEngine.embedded, .server]) func refusesTheWhole(_ engine: StoreEngine) async throws {
        try await with(engine) { store in
            try await store.streams.xadd("s", ["f": "v"]) { $0.id = .exactly(RedisStreamID(5)) }
            try await store.streams.set("text", "x")
            let cases: [(EtcdError.Code, String, (inout StoreTransaction.Branch) -> Void)] = [
                (
                    .invalidRequest, "ERR The ID specified in XADD is equal or smaller than the target stream top item",
                    { $0.append([RedisField("f", "v")], to: "s", id: RedisStreamID(5)) }
                ),
                (
                    .invalidRequest, "WRONGTYPE Operation against a key holding the wrong kind of value",
                    { $0.append([RedisField("f", "v")], to: "text") }
                ),
                (.invalidRequest, "ERR an entry needs a field", { $0.append([], to: "s") }),
                (
                    .invalidRequest, "NOGROUP No such key 's' or consumer group 'g'",
                    { $0.acknowledge([RedisStreamID(5)], of: "s", group: "g") }
                ),
                (.invalidRequest, "ERR no entries are named", { $0.delete([], of: "s") }),
                (.invalidRequest, "etcdserver: duplicate key given in txn request", { $0.put("a", "2") }),
                (
                    .leaseNotFound, "etcdserver: requested lease not found",
                    { $0.put("b", "2", lease: EtcdLeaseID(rawValue: 9)) }
                ),
            ]
            for (code, text, add) in cases {
                let error = await #expect(throws: EtcdError.self) {
                    try await store.transact { transaction in
                        transaction.then.put("a", "1")
                        add(&transaction.then)
                    }
                }
                #expect(error?.code == code && error?.message == text)
            }
            let (count, length) = (try await store.keys.get("a").count, try await store.streams.xlen("s"))
            #expect(count == 0 && length == 1)
        }
    }

    /// Whoever sells knows what is left, and what was sold stands in the stream.
    @Test(arguments: [StoreEngine.embedded, .server]) func updatesAndPublishes(_ engine: StoreEngine) async throws {
        try await with(engine) { store in
            let stock = StoreKey<Int>("stock/tea")
            let sales = StoreStream<Sale>("sales")
            try await store.transact { try $0.then.put(stock, 20) }
            let sold = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<5 {
                    group.addTask {
                        var count = 0
                        while true {
                            do {
                                try await store.update(stock, publishingTo: sales, attempts: 1_000) { left in
                                    guard let left, left > 0 else { throw SoldOut() }
                                    return (left - 1, [Sale(article: "tea", left: left - 1)])
                                }
                                count += 1
                            } catch is SoldOut {
                                return count
                            }
                        }
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(sold == 20)
            let entries = try await store.streams.xrange("sales")
            let left = try entries.map { try sales.message(of: $0).left }
            #expect(left == (0..<20).reversed())
            let present = try await store.keys.get("stock/tea").keyValues[0]
            #expect(try stock.value(of: present) == 0)
            // What it was made of has changed before it is done, each time.
            let error = await #expect(throws: EtcdError.self) {
                try await store.update(StoreKey<Int>("torn"), publishingTo: sales, attempts: 2) { _ in
                    try awaiting { try await store.keys.put("torn", "1") }
                    return (2, [Sale(article: "torn", left: 0)])
                }
            }
            #expect(error?.code == .conflict)
            let length = try await store.streams.xlen("sales")
            #expect(length == 20)
        }
    }

    /// Lets others act within a function that can't wait.
    private func awaiting(_ body: @escaping @Sendable () async throws -> Void) throws {
        let done = DispatchSemaphore(value: 0)
        Task {
            try? await body()
            done.signal()
        }
        done.wait()
    }

    /// Messages that are delivered again have their effect once.
    @Test(arguments: [StoreEngine.embedded, .server]) func settlesOnce(_ engine: StoreEngine) async throws {
        try await with(engine) { store in
            let orders = StoreStream<Int>("orders")
            try await store.transact { transaction in
                for number in 1...10 { try transaction.then.append(number, to: orders) }
            }
            try await store.streams.xgroupCreate("orders", "g", .beginning)
            let read = try await store.streams.xreadgroup("g", "one", [.undelivered(of: "orders")])
            let entries = read.flatMap(\.entries)
            #expect(entries.count == 10)
            // Another consumer takes half of them meanwhile.
            let taken = try await store.streams.xautoclaim("orders", "g", "two", minimumIdle: .zero, count: 5)
            #expect(taken.claimed.count == 5)
            var settled = 0
            for consumer in ["one", "two", "one", "two"] {
                for entry in entries {
                    let number = try orders.message(of: entry)
                    let isSettled = try await store.settle(entry.id, of: "orders", group: "g", consumer: consumer) {
                        $0.put("done/\(number)", consumer)
                        $0.append([RedisField("number", "\(number)")], to: "results")
                    }
                    if isSettled { settled += 1 }
                }
            }
            #expect(settled == 10)
            let done = try await store.keys.get(.prefix("done/")).keyValues
            #expect(done.count == 10 && done.allSatisfy { $0.version == 1 })
            #expect(done.count { $0.valueText == "two" } == 5)
            let (results, pending) = (
                try await store.streams.xlen("results"), try await store.streams.xpending("orders", "g").count
            )
            #expect(results == 10 && pending == 0)
        }
    }

    @Test func consumersSettle() async throws {
        try await MartletStore.withEmbedded { store in
            for number in 1...20 { try await store.streams.xadd("work", ["n": "\(number)"]) }
            let options = RedisConsumerOptions(stream: "work", group: "g")
            let worker = Task {
                try await store.streams.withConsumer(options) { consumer in
                    for try await message in consumer.messages {
                        let number = message.entry.text("n") ?? ""
                        let isSettled = try await store.settle(message) { $0.put("worked/\(number)", "1") }
                        #expect(isSettled)
                    }
                }
            }
            let isDone = try await eventually { try await store.keys.get(.prefix("worked/")).count == 20 }
            worker.cancel()
            _ = await worker.result
            #expect(isDone)
            let keys = try await store.keys.get(.prefix("worked/")).keyValues
            #expect(keys.allSatisfy { $0.version == 1 })
            let pending = try await store.streams.xpending("work", "g").count
            #expect(pending == 0)
        }
    }

    // MARK: Engines without

    @Test func othersLackThem() async throws {
        guard StoreEngine.available.contains(.originals) else { return }
        try await StoreEngine.originals.with { setting in
            let address = try StoreAddress(setting)
            try await MartletStore.with(address) { store in
                let error = await #expect(throws: MartletStoreError.self) {
                    try await store.transact { $0.then.put("a", "1") }
                }
                #expect(error?.code == .lacking)
                #expect(
                    error?.message
                        == "the store at \(address) lacks transactions: Martlet alone has it, where keys and streams "
                        + "are one cluster's")
                let count = try await store.keys.get("a").count
                #expect(count == 0)
            }
            let error = await #expect(throws: MartletStoreError.self) {
                try await MartletStore.open(address) { $0.requires.insert(.transactions) }
            }
            #expect(error?.code == .lacking)
            #expect(error?.message.contains("lacks transactions, which this program requires") == true)
        }
    }

    @Test(arguments: [StoreEngine.embedded, .server]) func oursHaveThem(_ engine: StoreEngine) async throws {
        try await engine.with { setting in
            try await MartletStore.with(
                try StoreAddress(setting), configure: { $0.requires.insert(.transactions) }
            ) { store in
                let revision = try await store.transact { $0.then.put("a", "1") }.revision
                #expect(revision == 2)
            }
        }
    }
}
