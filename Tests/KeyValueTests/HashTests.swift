// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import Testing

/// The expected numbers are what etcd 3.5.1 answered after the same requests.
@Suite struct HashTests {
    private func hash(_ store: KeyValueStore, at revision: Int64 = 0, limit: Int) throws -> KeyValueHash {
        var hasher = try store.snapshot.hasher(at: revision)
        while hasher.step(limit: limit) {}
        return hasher.hash
    }

    private func expect(
        _ store: KeyValueStore, _ expected: [Int64: UInt32], _ location: SourceLocation = #_sourceLocation
    ) throws {
        for (revision, value) in expected.sorted(by: { $0.key < $1.key }) {
            for limit in [1, 3, KeyValueHasher.defaultStepLimit] {
                let found = try hash(store, at: revision, limit: limit)
                let wanted = KeyValueHash(
                    value: value, revision: revision == 0 ? store.revision : revision,
                    compactRevision: store.compactRevision)
                #expect(found == wanted, sourceLocation: location)
            }
        }
    }

    /// Versions with and without lease, an empty value, a transaction, tombstones; before and after compactions, while
    /// removal stands anywhere; revisions at which no key exists.
    @Test(arguments: [0, 1, 2, Int.max]) func equalsThatOfEtcd(reclaimLimit: Int) throws {
        var store = KeyValueStore()
        func reclaim() { if reclaimLimit > 0 { store.reclaimCompacted(limit: reclaimLimit) } }
        try expect(store, [0: 1_084_519_789])
        try store.put("a", "1")
        try expect(store, [0: 2_587_454_935])
        _ = try store.grantLease(id: LeaseID(123_456_789), ttlSeconds: 5000, now: .zero)
        try store.put("b", "2", lease: 123_456_789)
        try store.put("a", "3")
        try store.delete("b")
        try store.put("b", String(repeating: "x", count: 300))
        _ = try store.txn(TxnRequest(success: [put("c", "5"), put("d"), delete("a")]))
        try expect(
            store,
            [
                0: 1_915_772_890, 2: 2_587_454_935, 3: 817_048_454, 4: 1_750_579_016, 5: 1_066_664_260,
                6: 759_472_640, 7: 1_915_772_890,
            ])
        try store.compact(5)
        reclaim()
        try expect(store, [0: 2_346_072_037, 6: 2_306_826_408, 7: 2_346_072_037])
        #expect(throws: KeyValueError.compacted) { try store.snapshot.hasher(at: 4) }
        #expect(throws: KeyValueError.futureRevision) { try store.snapshot.hasher(at: 8) }
        try store.put("c", "6")
        try store.put("c", "7")
        try store.delete("d")
        try expect(
            store, [6: 2_306_826_408, 7: 2_346_072_037, 8: 1_034_218_762, 9: 911_074_071, 10: 3_802_464_231])
        try store.compact(7)
        reclaim()
        try expect(store, [8: 3_942_521_521, 9: 3_891_935_846, 10: 4_135_126_077])
        try store.delete("b")
        try store.delete("c")
        try expect(store, [10: 4_135_126_077, 11: 1_360_256_096, 12: 629_369_605])
        try store.compact(9)
        reclaim()
        try expect(store, [10: 1_877_245_199, 11: 1_235_543_106, 12: 489_291_247])
        try store.compact(12)
        reclaim()
        try expect(store, [0: 1_084_519_789])
        try store.put("z", "9")
        try expect(store, [0: 2_806_411_463])
        try store.compact(13)
        reclaim()
        try expect(store, [0: 2_806_411_463])
    }
}
