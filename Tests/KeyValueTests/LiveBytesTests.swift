// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import Testing

@Suite struct LiveBytesTests {
    private let overhead = KeyValueStore.recordOverheadBytes

    @Test func everyVersionAndTombstoneCounts() throws {
        var store = KeyValueStore()
        #expect(store.liveBytes == 0)
        try store.put("key", "value")
        #expect(store.liveBytes == 8 + overhead)
        try store.put("key", "longer value")
        #expect(store.liveBytes == 8 + 15 + 2 * overhead)
        try store.delete("key")
        #expect(store.liveBytes == 8 + 15 + 3 + 3 * overhead)
        // Refused, or without effect.
        try store.delete("key")
        #expect(throws: KeyValueError.leaseNotFound) { try store.put("key", "value", lease: 9) }
        #expect(store.liveBytes == store.recountLiveBytes() && store.liveBytes == 26 + 3 * overhead)
    }

    /// Compaction alone frees nothing; removal frees step by step all that nobody can read any more.
    @Test func removalTakesAway() throws {
        var store = KeyValueStore()
        for round in 0..<10 { for key in 0..<10 { try store.put("key\(key)", "\(round)") } }
        let full = store.liveBytes
        #expect(full == 100 * (5 + overhead))
        try store.compact(store.revision)
        #expect(store.liveBytes == full)
        expect(!store.reclaimCompacted(limit: 45))
        #expect(store.liveBytes == full - 45 * (5 + overhead))
        expect(store.reclaimCompacted())
        #expect(store.liveBytes == 10 * (5 + overhead))
        // A version that only its key's entry holds counts once, also when history takes it over.
        try store.put("key3", "0")
        #expect(store.liveBytes == 11 * (5 + overhead))
        try store.delete("\0", "\0")
        try store.put("end", "")
        try store.compact(store.revision)
        expect(store.reclaimCompacted())
        #expect(store.liveBytes == 3 + overhead && store.recountLiveBytes() == store.liveBytes)
    }
}
