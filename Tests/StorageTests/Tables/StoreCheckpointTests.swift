// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletStorage
import MartletTestPrograms
import Testing

/// A key-value store through real tables.
@Suite struct StoreCheckpointTests {
    @Test func aStoreComesBackFromItsFile() throws {
        let folder = try TemporaryFolder()
        var configuration = KeyValueStore.Configuration()
        configuration.isCheckpointed = true
        var random = SeededRandom(seed: 20_261_121)
        var store = KeyValueStore(configuration: configuration)
        var tables = try Tables(path: folder.file(), tables: CheckpointTable.all)
        _ = try store.grantLease(id: LeaseID(-7), ttlSeconds: 60, now: .zero)
        for round in 1...20 as ClosedRange<UInt64> {
            for _ in 0..<300 {
                let key = Array("key/\(Int.random(in: 0..<500, using: &random))".utf8)
                switch Int.random(in: 0..<10, using: &random) {
                case 0: _ = try store.deleteRange(DeleteRangeRequest(key: key))
                case 1: _ = try store.put(PutRequest(key: key, value: [1], lease: LeaseID(-7)))
                default: _ = try store.put(PutRequest(key: key, value: Array(repeating: 5, count: 100)))
                }
            }
            if round % 4 == 0 { _ = try store.compact(CompactionRequest(revision: store.revision - 200)) }
            store.reclaimCompacted(limit: 500)
            let checkpoint = store.beginCheckpoint(applied: AppliedPosition(index: LogIndex(round), term: Term(1)))
            var batch = TableBatch()
            checkpoint.encode(into: &batch)
            try tables.write(batch)
            store.endCheckpoint(isWritten: true)
            if round % 7 == 0 { try tables.rewrite() }
            tables.close()
            tables = try Tables(path: folder.file(), tables: CheckpointTable.all)
            let restored = try tables.read(until: nil) { reader in
                var restorer = KeyValueRestorer(configuration: configuration)
                for table in reader.tables {
                    try reader.forEach(in: table) { key, value in
                        try restorer.load(key, value)
                        return true
                    }
                }
                return try restorer.finish(now: .zero)
            }
            #expect(restored.store.stateDigest() == store.stateDigest())
            #expect(restored.store.brokenIndexInvariant() == nil)
            #expect(restored.applied.index == LogIndex(round))
            store = restored.store
        }
    }
}
