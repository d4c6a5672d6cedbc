// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import Testing

/// Faults that etcd has had, each as a test that a store with the same fault fails. The numbers are of etcd's issues.
@Suite struct ConsistencyTests {
    private var configuration: KeyValueStore.Configuration {
        var configuration = KeyValueStore.Configuration()
        configuration.isCheckpointed = true
        configuration.indexNodeCapacity = 4
        return configuration
    }

    private func watch(
        _ store: inout KeyValueStore, from start: Int64, on stream: WatchStreamID
    ) throws -> WatchID {
        var request = WatchRequest(key: [], rangeEnd: [0])
        request.startRevision = start
        return try store.createWatch(request, on: stream)
    }

    /// 13766: data on disk without the log position that belongs to it, so that a restart applied entries twice. Here
    /// both are in one batch, whatever became of the one before.
    @Test func aRestartAppliesNothingTwice() throws {
        var store = KeyValueStore(configuration: configuration)
        var map = TableMap()
        for number in 1...5 { try store.put("counter", "\(number)") }
        store.writeCheckpoint(to: &map, index: 5)
        for number in 6...8 { try store.put("counter", "\(number)") }
        var lost = TableBatch()
        store.beginCheckpoint(applied: AppliedPosition(index: LogIndex(8), term: Term(1))).encode(into: &lost)
        // The crash comes before the batch is written, or behind it.
        for (isWritten, replayed) in [(false, 6...8), (true, 9...9)] {
            if isWritten { map.apply(lost) }
            var (restored, applied) = try map.restore(configuration)
            #expect(Int(applied.index.rawValue) == replayed.lowerBound - 1)
            for number in replayed { try restored.put("counter", "\(number)") }
            let record = restored.get(bytes("counter"))
            #expect(record?.version == Int64(replayed.upperBound))
            #expect(restored.revision == Int64(replayed.upperBound) + 1)
        }
    }

    /// 15220: a progress answer that ran ahead of events which its stream had yet to get.
    @Test func progressNeverRunsAheadOfEvents() throws {
        var store = KeyValueStore()
        let stream = store.openWatchStream()
        let id = try watch(&store, from: 0, on: stream)
        try store.put("a")
        #expect(store.drainWatchDeliveries().count == 1)
        #expect(store.progressRevision(on: stream) == 2)
        store.markWatchStreamFull(stream)
        try store.put("a")
        #expect(store.progressRevision(on: stream) == nil && store.progressRevision(of: id, on: stream) == nil)
        store.markWatchStreamDrained(stream)
        #expect(store.progressRevision(on: stream) == nil)
        while store.catchUpWatches() {}
        #expect(store.drainWatchDeliveries().flatMap(\.events).map(\.revision.main) == [3])
        #expect(store.progressRevision(on: stream) == 3)
        // One more watch that lags holds up the stream's answer, not the other's.
        let late = try watch(&store, from: 1, on: stream)
        #expect(store.progressRevision(on: stream) == nil && store.progressRevision(of: id, on: stream) == 3)
        #expect(store.progressRevision(of: late, on: stream) == nil)
    }

    /// 17529: events lost after a compaction, because the cancellation found the stream full and was dropped.
    @Test func aFullStreamLearnsThatItsWatchWasCompacted() throws {
        var store = KeyValueStore()
        let stream = store.openWatchStream()
        let id = try watch(&store, from: 0, on: stream)
        store.markWatchStreamFull(stream)
        for _ in 0..<10 { try store.put("a") }
        try store.compact(8)
        let deliveries = store.drainWatchDeliveries()
        #expect(
            deliveries == [
                WatchDelivery(stream: stream, watch: id, revision: 0, content: .canceled(compactRevision: 8))
            ])
        store.markWatchStreamDrained(stream)
        expect(!store.catchUpWatches() && store.drainWatchDeliveries().isEmpty)
        expect(!store.cancelWatch(id, on: stream))
    }

    /// 15271, and the flaw mended in 3.6.2: a watch that begins in the future was told of older changes, here after
    /// falling behind and after a restart of its stream.
    @Test func aWatchOfTheFutureSeesNothingOlder() throws {
        var store = KeyValueStore()
        let stream = store.openWatchStream()
        try store.put("a")
        let id = try watch(&store, from: 10, on: stream)
        var seen: [Int64] = []
        for step in 3...12 {
            if step == 5 { store.markWatchStreamFull(stream) }
            if step == 8 { store.markWatchStreamDrained(stream) }
            try store.put("a")
            store.catchUpWatches()
            seen += store.drainWatchDeliveries().flatMap(\.events).map(\.revision.main)
            if step < 10 { #expect(store.progressRevision(of: id, on: stream) == nil) }
        }
        #expect(seen == [10, 11, 12])
    }

    /// 17247: after a transaction whose keys came in no order, changes that were not yet in the file were handed out
    /// unsorted, some of them twice.
    @Test func changesInNoOrderOfKeysAreSeenOnce() throws {
        var configuration = configuration
        configuration.maximumCatchUpBytes = 64
        var store = KeyValueStore(configuration: configuration)
        let stream = store.openWatchStream()
        var watches = [try watch(&store, from: 0, on: stream)]
        var seen: [WatchID: [WatchEvent]] = [:]
        func drain(_ store: inout KeyValueStore) {
            for delivery in store.drainWatchDeliveries() { seen[delivery.watch, default: []] += delivery.events }
        }
        var expected: [String] = []
        for number in 0..<30 {
            _ = try store.txn(
                TxnRequest(success: [
                    put("z\(number)"), put("c"), .txn(TxnRequest(success: [put("y"), put("a\(number)")])),
                    delete("a\(number - 1)"), put("b"),
                ]))
            expected += ["z\(number)", "c", "y", "a\(number)"] + (number > 0 ? ["a\(number - 1)"] : []) + ["b"]
            // Some begin while others are on their way, and one stream is full for a while.
            if number % 7 == 3 { watches.append(try watch(&store, from: 2, on: stream)) }
            if number == 12 { store.markWatchStreamFull(stream) }
            if number == 20 { store.markWatchStreamDrained(stream) }
            store.catchUpWatches()
            drain(&store)
        }
        while store.catchUpWatches() { drain(&store) }
        drain(&store)
        for watch in watches {
            let events = seen[watch] ?? []
            #expect(events.map { text($0.record.key) } == expected)
            #expect(zip(events, events.dropFirst()).allSatisfy { $0.revision < $1.revision })
        }
        // The same out of a checkpoint.
        var map = TableMap()
        store.writeCheckpoint(to: &map)
        var restored = try map.restore(configuration).store
        let late = restored.openWatchStream()
        _ = try watch(&restored, from: 2, on: late)
        var again: [WatchEvent] = []
        while restored.catchUpWatches() { again += restored.drainWatchDeliveries().flatMap(\.events) }
        again += restored.drainWatchDeliveries().flatMap(\.events)
        #expect(again == seen[watches[0]])
        // And no key twice in what is read.
        let keys = try store.read("\0", "\0").keys
        #expect(keys == keys.sorted() && Set(keys).count == keys.count)
    }

    /// 17780: the revision fell when a crash came in the middle of a compaction that had removed the newest changes.
    @Test func aCrashInACompactionKeepsTheRevision() throws {
        var store = KeyValueStore(configuration: configuration)
        for number in 0..<20 { try store.put("k\(number)") }
        try store.delete("\0", "\0")
        let revision = store.revision
        var map = TableMap()
        store.writeCheckpoint(to: &map)
        try store.compact(revision)
        for step in 0..<50 {
            store.reclaimCompacted(limit: 1)
            store.writeCheckpoint(to: &map)
            var restored = try map.restore(configuration).store
            #expect(restored.revision == revision && restored.compactRevision == revision, "step \(step)")
            expect((try? restored.put("new")) == revision + 1)
        }
        #expect(!store.hasCompactedToReclaim)
    }

    /// 18089, 19179: a compaction at the very revision of a delete took its event away from watches that begin there.
    @Test func aDeleteAtTheCompactRevisionIsStillSeen() throws {
        var store = KeyValueStore(configuration: configuration)
        try store.put("a")
        try store.put("b")
        try store.delete("a")
        try store.compact(store.revision)
        var map = TableMap()
        store.writeCheckpoint(to: &map)
        store.reclaimCompacted()
        store.writeCheckpoint(to: &map)
        try store.put("c")
        store.reclaimCompacted()
        var restored = try map.restore(configuration).store
        try restored.put("c")
        for var store in [store, restored] {
            let stream = store.openWatchStream()
            _ = try watch(&store, from: 4, on: stream)
            while store.catchUpWatches() {}
            let events = store.drainWatchDeliveries().flatMap(\.events)
            #expect(events.map(\.kind) == [.delete, .put] && events.map { text($0.record.key) } == ["a", "c"])
        }
    }

    /// 18667: a read of a compacted revision inside a transaction was found only after the writes before it.
    @Test func aCompactedReadFailsTheWholeTransaction() throws {
        var store = KeyValueStore()
        for number in 1...5 { try store.put("a", "\(number)") }
        try store.compact(4)
        let (digest, revision) = (store.stateDigest(), store.revision)
        let nested = TxnRequest.Operation.txn(TxnRequest(success: [get("a", revision: 3)]))
        for read in [get("a", revision: 3), nested] {
            #expect(throws: KeyValueError.compacted) {
                try store.txn(TxnRequest(success: [put("b"), delete("a"), read]))
            }
        }
        #expect(throws: KeyValueError.futureRevision) {
            try store.txn(TxnRequest(success: [put("b"), get("a", revision: 99)]))
        }
        #expect(throws: KeyValueError.compacted) {
            try store.readOnlyTxn(TxnRequest(success: [get("a", revision: 3)]))
        }
        #expect(store.stateDigest() == digest && store.revision == revision)
        #expect(try store.txn(TxnRequest(success: [put("b"), get("a", revision: 4)])).revision == revision + 1)
    }
}
