// SPDX-License-Identifier: Apache-2.0

import MartletRedisClient
import MartletRedisPeers
import Testing

/// The key-value store by the client's typed forms, in both protocols.
@Suite(.timeLimit(.minutes(30))) struct KeyValueTests {
    /// A member has such a store; streams in memory alone have none.
    private static let settings = Setting.all.filter { $0.kind == .folder }

    @Test(arguments: Self.settings) func putsGetsAndDeletes(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            let first = try await client.kvPut("stock/tea", "12")
            #expect(first.previous == nil)
            let second = try await client.kvPut("stock/tea", "11") { $0.returnsPrevious = true }
            #expect(second.revision == first.revision + 1 && second.previous?.text == "12")
            try await client.kvPut("stock/milk", [0, 255, 13, 10] as [UInt8])
            try await client.kvPut("prefix", "limit")

            let tea = try #require(try await client.kvGet("stock/tea"))
            #expect(tea.text == "11" && tea.version == 2 && tea.lease == 0 && tea.key == Array("stock/tea".utf8))
            #expect(tea.createRevision == first.revision && tea.modRevision == second.revision)
            let none = try await client.kvGet("stock")
            #expect(none == nil)
            let all = try await client.kvGet(.prefix("stock/"))
            #expect(
                all.count == 2 && !all.hasMore && all.records.map(\.value) == [[0, 255, 13, 10], Array("11".utf8)])
            let newest = try await client.kvGet(.prefix("")) {
                $0.limit = 1
                $0.order = RedisKV.Order(.modRevision, isDescending: true)
                $0.keysOnly = true
            }
            #expect(newest.count == 3 && newest.hasMore && newest.records.map(\.key) == [Array("prefix".utf8)])
            #expect(newest.records[0].value.isEmpty)
            let counted = try await client.kvGet(.from("q")) { $0.countOnly = true }
            #expect(counted.count == 2 && counted.records.isEmpty)
            let before = try await client.kvGet(.range("stock/n", "stock/z")) { $0.revision = first.revision }
            #expect(before.records.map(\.text) == ["12"])
            let young = try await client.kvGet(.prefix("")) { $0.minimumCreateRevision = second.revision + 1 }
            #expect(young.records.count == 2)

            let kept = try await client.kvPut("stock/tea", "") { $0.keepsValue = true }
            #expect(kept.revision == all.revision + 1)
            let gone = try await client.kvDelete(.prefix("stock/"), returnsPrevious: true)
            #expect(gone.deletedCount == 2 && gone.previous.last?.text == "11")
            let again = try await client.kvDelete(.key("stock/tea"))
            #expect(again.deletedCount == 0 && again.previous.isEmpty && again.revision == gone.revision)
            do {
                try await client.kvPut("", "x")
                Issue.record("a key without a name was taken")
            } catch let error as RedisError {
                #expect(error.message == "ERR etcdserver: key is not provided")
            }
        }
    }

    @Test(arguments: Self.settings) func transactionsDecide(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            try await client.kvPut("stock/tea", "12")
            var inner = RedisKV.Transaction()
            inner.conditions = [.version(of: "else", .equal, 0)]
            inner.then = [.get(.key("stock/tea")), .delete(.key("none"))]
            var sale = RedisKV.Transaction()
            // Words of the protocol are keys and values like any.
            sale.conditions = [
                .value(of: "stock/tea", .equal, "12"), .createRevision(of: "then", .less, 1),
                .modRevision(of: "stock/", upTo: Array("stock0".utf8), .greater, 0), .lease(of: "stock/tea", .equal, 0),
            ]
            sale.then = [
                .put("THEN", "ELSE") { $0.returnsPrevious = true }, .put("stock/tea", "11"), .transaction(inner),
            ]
            sale.otherwise = [.get(.prefix("stock/"))]
            let done = try await client.kvTransaction(sale)
            #expect(done.succeeded && done.results.count == 3)
            guard case .put(let put) = done.results[0], case .transaction(let nested) = done.results[2],
                case .get(let seen) = nested.results.first, case .delete(let deleted) = nested.results.last
            else {
                Issue.record("\(done.results)")
                return
            }
            #expect(put.previous == nil && put.revision == done.revision)
            #expect(nested.succeeded && seen.records.map(\.text) == ["11"] && deleted.deletedCount == 0)
            let refused = try await client.kvTransaction(sale)
            #expect(!refused.succeeded && refused.revision == done.revision)
            guard case .get(let stock) = refused.results.first else {
                Issue.record("\(refused.results)")
                return
            }
            #expect(stock.records.map(\.text) == ["11"])
            let empty = try await client.kvTransaction(RedisKV.Transaction())
            #expect(empty.succeeded && empty.results.isEmpty)
            // Beside an entry of a stream, in one step.
            let both = try await client.transaction([
                .kvPut("stock/tea", "10"), .xadd("sales", [RedisField("article", "tea")]), .kvGet(.key("THEN")),
            ])
            let replies = try #require(both)
            let written = try RedisKV.PutResult(replies[0])
            let read = try RedisKV.GetResult(replies[2])
            #expect(written.revision == done.revision + 1 && read.records.map(\.text) == ["ELSE"])
            #expect(RedisStreamID(replies[1].text ?? "") != nil)
        }
    }

    @Test(arguments: Setting.all.filter { $0.kind == .redis }) func redisHasNone(_ setting: Setting) async throws {
        try await withClient(setting) { (client, _) async throws in
            for call in [
                { try await client.kvPut("k", "v") as Any }, { try await client.kvGet("k") as Any },
                { try await client.kvDelete(.key("k")) as Any },
                { try await client.kvTransaction(RedisKV.Transaction()) as Any },
            ] as [() async throws -> Any] {
                do {
                    _ = try await call()
                    Issue.record("it was taken")
                } catch let error as RedisError {
                    #expect(error.code == .notSupported && error.wasNotExecuted)
                    #expect(error.message.hasPrefix("the server has no key-value store"))
                }
            }
        }
    }
}
