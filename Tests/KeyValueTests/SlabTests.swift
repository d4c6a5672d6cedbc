// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import Testing

/// Changes lie in slabs with others; what lives long must not hold what is dead.
@Suite struct SlabTests {
    private static func value(_ number: Int, _ count: Int) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: count)
    }

    private func put(_ store: inout KeyValueStore, _ key: String, _ value: [UInt8]) throws {
        _ = try store.put(PutRequest(key: bytes(key), value: value))
    }

    /// One key that stays in each slab of others that don't.
    @Test func longLivesDoNotHoldDeadChanges() throws {
        var store = KeyValueStore()
        let (rounds, overwrites) = (200, 200)
        for round in 0..<rounds {
            try put(&store, "stays \(round)", Self.value(round, 100))
            for step in 0..<overwrites { try put(&store, "goes", Self.value(step, 100)) }
        }
        let before = store.recountSlabBytes()
        #expect(before > rounds * overwrites * 100)
        _ = try store.compact(CompactionRequest(revision: store.revision))
        while !store.reclaimCompacted(limit: 100) {}
        #expect(!store.hasCompactedToReclaim && store.areSlabsConsistent)
        // 201 changes of about 120 bytes: in slabs that are half alive, and those where work goes on.
        #expect(store.recountSlabBytes() < 2 * 201 * 130 + 3 * (64 << 10))
        for round in 0..<rounds {
            #expect(store.get(bytes("stays \(round)"))?.value == Self.value(round, 100))
        }
        #expect(store.get(bytes("goes"))?.value == Self.value(overwrites - 1, 100))
        #expect(store.get(bytes("goes"))?.version == Int64(rounds * overwrites))
    }

    /// Whatever was read before stays what it was.
    @Test func snapshotsKeepWhatMoves() throws {
        var store = KeyValueStore()
        for number in 0..<2000 { try put(&store, "key \(number % 50)", Self.value(number, 90)) }
        let snapshot = store.snapshot
        let record = try #require(store.get(bytes("key 7")))
        _ = try store.compact(CompactionRequest(revision: store.revision))
        for number in 0..<2000 { try put(&store, "key \(number % 40)", Self.value(number + 1, 90)) }
        _ = try store.compact(CompactionRequest(revision: store.revision))
        while !store.reclaimCompacted(limit: 7) {}
        #expect(record.value == Self.value(1957, 90))
        #expect(snapshot.get(bytes("key 7")) == record)
        #expect(snapshot.get(bytes("key 49"))?.value == Self.value(1999, 90))
        #expect(store.get(bytes("key 49"))?.value == Self.value(1999, 90))
    }

    /// Two copies of a store go on from the same slab without one seeing the other's changes.
    @Test func copiesGoTheirOwnWay() throws {
        var one = KeyValueStore()
        try put(&one, "a", [1])
        var other = one
        for number in 0..<300 {
            try put(&one, "one", Self.value(number, 60))
            try put(&other, "other", Self.value(number + 1, 60))
        }
        #expect(one.get(bytes("one"))?.value == Self.value(299, 60) && one.get(bytes("other")) == nil)
        #expect(other.get(bytes("other"))?.value == Self.value(300, 60) && other.get(bytes("one")) == nil)
        for store in [one, other] {
            #expect(store.get(bytes("a"))?.value == [1] && store.historyCount == 301)
        }
    }

    /// Values of all sizes, deletes, compactions at random revisions, removal in steps of all lengths.
    @Test func whatIsNotedOfSlabsIsSo() throws {
        var random = SeededRandom(seed: testSeed("SlabTests"))
        for _ in 0..<5 {
            var store = KeyValueStore()
            var twin: [String: [UInt8]] = [:]
            for step in 0..<3000 {
                let key = "key \(Int.random(in: 0..<(step % 1000 < 500 ? 300 : 20), using: &random))"
                switch Int.random(in: 0..<100, using: &random) {
                case 0:
                    if store.compactRevision < store.revision {
                        let oldest = max(store.compactRevision + 1, 1)
                        let revision = Int64.random(in: oldest...store.revision, using: &random)
                        _ = try store.compact(CompactionRequest(revision: revision))
                    }
                case 1...10:
                    store.reclaimCompacted(limit: Int.random(in: 1...200, using: &random))
                case 11...25:
                    _ = try store.deleteRange(DeleteRangeRequest(key: bytes(key)))
                    twin[key] = nil
                default:
                    let isBig = Int.random(in: 0..<50, using: &random) == 0
                    let count = Int.random(in: 0...(isBig ? 40_000 : 200), using: &random)
                    twin[key] = Self.value(step, count)
                    try put(&store, key, Self.value(step, count))
                }
                if step % 50 == 0 { try #require(store.areSlabsConsistent, "step \(step)") }
            }
            _ = try store.compact(CompactionRequest(revision: store.revision))
            while !store.reclaimCompacted(limit: 50) {}
            #expect(store.areSlabsConsistent && store.liveBytes == store.recountLiveBytes())
            for (key, value) in twin { #expect(store.get(bytes(key))?.value == value) }
            let live = twin.reduce(0) { $0 + $1.value.count + 40 }
            #expect(store.recountSlabBytes() < 2 * live + 4 * (64 << 10))
        }
    }
}
