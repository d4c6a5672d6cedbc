// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import MartletStreams
import Testing

@Suite struct KeyspaceCheckpointTests {
    /// What a checkpoint's file holds.
    private struct Tables {
        var records: [TableKey: [UInt8]] = [:]

        mutating func write(_ checkpoint: KeyspaceCheckpoint) {
            var batch = TableBatch()
            checkpoint.encode(into: &batch)
            batch.forEach { key, value in
                if let value { records[key] = [UInt8](copying: value) } else { records[key] = nil }
            }
        }

        func restored() throws -> Keyspace {
            var restorer = KeyspaceRestorer(hashSeed: 77)
            for (key, value) in records.sorted(by: { $0.key < $1.key }) {
                #expect(KeyspaceRestorer.takes(key.table))
                try restorer.load(key, value.span.bytes)
            }
            return try restorer.finish()
        }
    }

    private static let inspections = [
        "DBSIZE", "KEYS *", "SCAN 0 COUNT 1000", "MGET a b c d", "SMEMBERS a", "SMEMBERS b", "LRANGE a 0 -1",
        "LRANGE c 0 -1", "XINFO STREAM a FULL COUNT 0", "XINFO STREAM b FULL COUNT 0", "XINFO STREAM c FULL COUNT 0",
        "XRANGE d - +", "PEXPIRETIME a", "PEXPIRETIME b",
        "XDELAYED a - +", "XCRON LIST a", "XCRON LIST c", "XDELAYED b - +", "XINFO GROUPS a", "XPENDING a g - + 100",
        "CONFIG SET stream-node-max-bytes 4096",
    ]

    @Test(arguments: 1...6) func bringsBackWhatWasThere(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var server = LocalServer()
        var tables = Tables()
        let keys = ["a", "b", "c", "d"]
        for turn in 0..<60 {
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                let (a, b) = (keys.randomElement(using: &random)!, keys.randomElement(using: &random)!)
                let number = Int.random(in: 0..<100, using: &random)
                _ = server.run(
                    [
                        "XADD \(a) * f \(number)", "XADD \(a) * g \(number)", "XGROUP CREATE \(a) g 0",
                        "XREADGROUP GROUP g c\(number % 3) COUNT 2 STREAMS \(a) >", "XTRIM \(a) MAXLEN 5",
                        "SET \(a) \(number)", "SADD \(a) \(number) x", "SPOP \(a)", "RPUSH \(a) \(number)",
                        "LPOP \(a)", "DEL \(a)", "RENAME \(a) \(b)", "COPY \(a) \(b) REPLACE", "SELECT \(number % 2)",
                        "PEXPIRE \(a) \(number * 3)", "PERSIST \(a)", "MOVE \(a) \(number % 2)",
                        number < 10 ? "SWAPDB 0 1" : "PING", number < 5 ? "FLUSHDB" : "PING",
                        "CONFIG SET stream-node-max-entries \(number + 1)",
                        "XADD \(a) DELAY \(number * 2) TTL \(number + 1) * k \(number % 5)",
                        "XCRON SET \(a) j\(number % 3) \"@every \(number + 100)ms\" * k 1",
                        "XCRON SET \(a) j\(number % 3) \"@every \(number + 100)ms\" PRIORITY \(number % 10) * k 1",
                        "XCRON DEL \(a) j\(number % 3)", "XADD \(a) TTL \(number * 3 + 1) * k \(number % 5)",
                        "XCANCEL \(a) 1-\(number)",
                        "XGROUP SETPOLICY \(a) g VISIBILITY \(number) ORDERBY k",
                        "XGROUP SETPOLICY \(a) g MAXDELIVERIES 2 DEADLETTER d IDLECONSUMERS \(number * 5 + 1)",
                        "XRETAIN \(a) MAXAGE \(number * 9 + 1) MAXLEN \(number) ACKED",
                        "XACK \(a) g \(server.now - Int64(number % 9))-0", "XNACK \(a) g FAIL IDS 1 \(server.now)-0",
                    ].randomElement(using: &random)!)
            }
            let checkpoint = server.space.keyspace.beginCheckpoint()
            // One in three is lost.
            if turn % 3 == 1 {
                server.space.keyspace.failCheckpoint(checkpoint)
                continue
            }
            tables.write(checkpoint)
            var restored = LocalServer(try tables.restored())
            restored.now = server.now
            var original = server
            for database in 0...1 {
                _ = original.run("SELECT \(database)")
                _ = restored.run("SELECT \(database)")
                for line in Self.inspections {
                    let replies = [notation(original.run(line)), notation(restored.run(line))]
                    #expect(replies[0] == replies[1], "seed \(seed), turn \(turn): \(line)")
                    if replies[0] != replies[1] { return }
                }
            }
            // It goes on from what was restored now and then.
            if turn % 7 == 6 {
                var next = LocalServer(try tables.restored())
                next.now = server.now
                server = next
            }
        }
    }

    @Test func nothingIsAnEmptyKeyspace() throws {
        #expect(try Tables().restored().counts(of: 0).keys == 0)
    }

    @Test func whatContradictsItselfIsFound() throws {
        var server = LocalServer()
        for line in ["XADD s 1-0 f v", "SET k v", "SADD m a b"] { _ = server.run(line) }
        var tables = Tables()
        tables.write(server.space.keyspace.beginCheckpoint())
        for key in tables.records.keys.sorted() {
            var without = tables
            without.records[key] = nil
            // A key alone is a key less; whatever else is missing shows.
            if key.table != KeyspaceTable.keys { #expect(throws: (any Error).self) { try without.restored() } }
            for offset in tables.records[key]!.indices {
                var torn = tables
                torn.records[key] = Array(tables.records[key]![..<offset])
                #expect(throws: (any Error).self, "\(key) up to \(offset)") { try torn.restored() }
            }
        }
    }
}
