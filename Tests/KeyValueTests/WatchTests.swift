// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import Testing

@Suite struct WatchTests {
    private func request(_ key: String, _ end: String = "", from start: Int64 = 0) -> WatchRequest {
        var request = WatchRequest(key: bytes(key), rangeEnd: bytes(end))
        request.startRevision = start
        return request
    }

    private func catchUp(_ store: inout KeyValueStore) -> [WatchDelivery] {
        var deliveries: [WatchDelivery] = []
        repeat { deliveries += store.drainWatchDeliveries() } while store.catchUpWatches()
        return deliveries + store.drainWatchDeliveries()
    }

    @Test func picksIDsAsEtcdDoes() throws {
        var store = KeyValueStore()
        for value in ["1", "2", "3"] { try store.put("a", value) }
        try store.compact(3)
        let stream = store.openWatchStream()
        #expect(try store.createWatch(request("a"), on: stream) == WatchID(0))
        var explicit = request("a")
        explicit.watchID = WatchID(5)
        #expect(try store.createWatch(explicit, on: stream) == WatchID(5))
        #expect(throws: KeyValueError.duplicateWatchID) { try store.createWatch(explicit, on: stream) }
        #expect(throws: KeyValueError.emptyWatchRange) { try store.createWatch(request("b", "a"), on: stream) }
        #expect(throws: KeyValueError.compacted) { try store.createWatch(request("a", from: -1), on: stream) }
        #expect(try store.createWatch(request("a", from: 2), on: stream) == WatchID(1))
        expect(
            store.drainWatchDeliveries() == [
                WatchDelivery(stream: stream, watch: WatchID(1), revision: 0, content: .canceled(compactRevision: 3))
            ])
        #expect(try store.createWatch(request("a", from: 3), on: stream) == WatchID(2))
        #expect(try store.createWatch(request("a", from: 99), on: stream) == WatchID(3))
        for _ in 0..<2 { _ = try store.createWatch(request("z"), on: stream) }
        #expect(try store.createWatch(request("z"), on: stream) == WatchID(7))
        let other = store.openWatchStream()
        #expect(try store.createWatch(request("a"), on: other) == WatchID(0))
        expect(store.cancelWatch(WatchID(0), on: other))
        expect(!store.cancelWatch(WatchID(0), on: other))
        #expect(try store.createWatch(request("a"), on: other) == WatchID(1))
        store.closeWatchStream(other)
        #expect(throws: KeyValueError.watchStreamClosed) { try store.createWatch(request("a"), on: other) }
        #expect(store.watchCount == 7)
    }

    @Test func deliversChangesWithFiltersAndPrevious() throws {
        var store = KeyValueStore()
        let stream = store.openWatchStream()
        var prefix = request("a", "b")
        prefix.wantsPrevious = true
        var puts = request("a")
        puts.skipsDeletes = true
        var deletes = request("a", "\0")
        deletes.skipsPuts = true
        for watch in [prefix, puts, deletes, request("b")] { _ = try store.createWatch(watch, on: stream) }
        try store.put("a", "1")
        let created = KeyValueRecord(key: bytes("a"), createRevision: 2, modRevision: 2, version: 1, value: bytes("1"))
        let creation = WatchEvent(kind: .put, revision: Revision(main: 2), record: created)
        expect(
            store.drainWatchDeliveries().map { [$0.watch: $0.events] } == [
                [WatchID(1): [creation]], [WatchID(0): [creation]],
            ])
        try store.put("a", "2")
        let update = store.drainWatchDeliveries()
        #expect(update.map(\.watch) == [WatchID(1), WatchID(0)])
        #expect(update.map { $0.events.map(\.previous) } == [[nil], [created]])
        try store.delete("a")
        let deletion = store.drainWatchDeliveries()
        #expect(deletion.map(\.watch.rawValue).sorted() == [0, 2])
        for event in deletion.flatMap(\.events) {
            #expect(event.kind == .delete && event.record == .tombstone(key: bytes("a"), modRevision: 4))
        }
        #expect(deletion.first { $0.watch == WatchID(0) }?.events[0].previous?.value == bytes("2"))
        try store.put("c", "3")
        expect(store.drainWatchDeliveries() == [])
    }

    @Test func aTransactionIsOneDelivery() throws {
        var store = KeyValueStore()
        let stream = store.openWatchStream()
        _ = try store.createWatch(request("\0", "\0"), on: stream)
        _ = try store.createWatch(request("b"), on: stream)
        _ = try store.txn(TxnRequest(success: [put("a"), put("b"), put("c")]))
        let deliveries = store.drainWatchDeliveries()
        #expect(deliveries.map { $0.events.map { text($0.record.key) } } == [["a", "b", "c"], ["b"]])
        #expect(deliveries.allSatisfy { $0.revision == 2 })
        #expect(deliveries[0].events.map(\.revision.sub) == [0, 1, 2])
    }

    @Test func historyComesFirstInWholeRevisions() throws {
        var configuration = KeyValueStore.Configuration()
        configuration.maximumCatchUpRevisions = 3
        var store = KeyValueStore(configuration: configuration)
        for number in 0..<10 { _ = try store.txn(TxnRequest(success: [put("a", "\(number)"), put("b", "\(number)")])) }
        let stream = store.openWatchStream()
        _ = try store.createWatch(request("a", "c", from: 4), on: stream)
        expect(store.hasWatchesToCatchUp && store.progressRevision(on: stream) == nil)
        expect(store.catchUpWatches())
        let first = store.drainWatchDeliveries()
        #expect(first.map { $0.events.map(\.revision.main) } == [[4, 4, 5, 5, 6, 6]])
        #expect(first[0].revision == 11)
        try store.put("a", "more")
        expect(store.drainWatchDeliveries() == [])
        let rest = catchUp(&store)
        #expect(rest.map { $0.events.map(\.revision.main) } == [[7, 7, 8, 8, 9, 9], [10, 10, 11, 11, 12]])
        #expect(store.progressRevision(on: stream) == 12 && !store.hasWatchesToCatchUp)
        try store.put("a", "now")
        expect(store.drainWatchDeliveries().flatMap(\.events).map(\.revision.main) == [13])
    }

    @Test func bytesEndAStepToo() throws {
        var configuration = KeyValueStore.Configuration()
        configuration.maximumCatchUpBytes = 10
        var store = KeyValueStore(configuration: configuration)
        for _ in 0..<6 { try store.put("a", "12345") }
        let stream = store.openWatchStream()
        _ = try store.createWatch(request("a", from: 2), on: stream)
        #expect(catchUp(&store).map(\.events.count) == [2, 2, 2])
    }

    @Test func waitsForAFutureStart() throws {
        var store = KeyValueStore()
        let stream = store.openWatchStream()
        _ = try store.createWatch(request("a", from: 4), on: stream)
        #expect(store.progressRevision(on: stream) == nil)
        for value in ["2", "3"] { try store.put("a", value) }
        expect(store.drainWatchDeliveries() == [] && store.progressRevision(on: stream) == nil)
        try store.put("a", "4")
        expect(store.drainWatchDeliveries().flatMap(\.events).map(\.record.value) == [bytes("4")])
        #expect(store.progressRevision(on: stream) == 4)
        #expect(store.progressRevision(of: WatchID(0), on: stream) == 4)
        #expect(store.progressRevision(of: WatchID(1), on: stream) == nil)
    }

    @Test func compactionCancelsWhatLags() throws {
        var store = KeyValueStore()
        for value in ["1", "2", "3", "4"] { try store.put("a", value) }
        let stream = store.openWatchStream()
        for start in [2, 3, 4, 0] as [Int64] { _ = try store.createWatch(request("a", from: start), on: stream) }
        try store.compact(4)
        store.reclaimCompacted()
        let deliveries = catchUp(&store)
        #expect(deliveries.map(\.watch.rawValue) == [0, 1, 2])
        #expect(deliveries.prefix(2).allSatisfy { $0.content == .canceled(compactRevision: 4) && $0.revision == 0 })
        #expect(deliveries.last?.events.map(\.revision.main) == [4, 5])
        #expect(store.watchCount == 2)
    }

    @Test func aTombstoneAtTheCompactRevisionIsStillSeen() throws {
        var store = KeyValueStore()
        try store.put("a", "1")
        try store.delete("a")
        try store.compact(3)
        store.reclaimCompacted()
        let stream = store.openWatchStream()
        var watch = request("a", from: 3)
        watch.wantsPrevious = true
        _ = try store.createWatch(watch, on: stream)
        let events = catchUp(&store).flatMap(\.events)
        #expect(events.map(\.kind) == [.delete] && events[0].previous == nil)
    }

    @Test func aFullStreamMissesNothing() throws {
        var store = KeyValueStore()
        let full = store.openWatchStream()
        let open = store.openWatchStream()
        for stream in [full, open] { _ = try store.createWatch(request("a", "b"), on: stream) }
        try store.put("a", "2")
        expect(store.drainWatchDeliveries().count == 2)
        store.markWatchStreamFull(full)
        #expect(store.progressRevision(on: full) == 2)
        try store.put("a", "3")
        try store.put("a", "4")
        expect(store.drainWatchDeliveries().map(\.stream) == [open, open])
        expect(!store.hasWatchesToCatchUp && !store.catchUpWatches() && store.progressRevision(on: full) == nil)
        store.markWatchStreamDrained(full)
        try store.put("a", "5")
        expect(store.drainWatchDeliveries().map(\.stream) == [open])
        let missed = catchUp(&store)
        #expect(missed.map(\.stream) == [full] && missed[0].events.map(\.revision.main) == [3, 4, 5])
        try store.put("a", "6")
        expect(store.drainWatchDeliveries().count == 2)
    }

    @Test func watchesOfOneKeyShareTheEvent() throws {
        var store = KeyValueStore()
        let stream = store.openWatchStream()
        for _ in 0..<3 { _ = try store.createWatch(request("a"), on: stream) }
        try store.put("a", "1")
        let deliveries = store.drainWatchDeliveries()
        let addresses = Set(deliveries.map { $0.events.withUnsafeBufferPointer { $0.baseAddress } })
        #expect(deliveries.count == 3 && addresses.count == 1)
    }

    // MARK: Bounds

    @Test func aStreamHasSoManyWatches() throws {
        var configuration = KeyValueStore.Configuration()
        configuration.maximumWatchesPerStream = 2
        var store = KeyValueStore(configuration: configuration)
        let stream = store.openWatchStream()
        for _ in 0..<2 { _ = try store.createWatch(request("a"), on: stream) }
        #expect(throws: KeyValueError.tooManyRequests) { try store.createWatch(request("a"), on: stream) }
        expect(store.cancelWatch(WatchID(0), on: stream))
        #expect(try store.createWatch(request("a"), on: stream) == WatchID(2))
        let other = store.openWatchStream()
        #expect(try store.createWatch(request("a"), on: other) == WatchID(0))
    }

    @Test func aStepIsForSomeWatches() throws {
        var configuration = KeyValueStore.Configuration()
        configuration.maximumCatchUpWatches = 2
        var store = KeyValueStore(configuration: configuration)
        try store.put("a", "2")
        var watches: [WatchID] = []
        for _ in 0..<3 {
            let stream = store.openWatchStream()
            for _ in 0..<3 { watches.append(try store.createWatch(request("a", from: 2), on: stream)) }
        }
        var count = 0
        repeat {
            store.catchUpWatches()
            let step = store.drainWatchDeliveries()
            #expect(step.count <= 2)
            count += step.count
        } while store.hasWatchesToCatchUp
        #expect(count == watches.count)
    }

    /// Versions before count too, and changes that nobody wants.
    @Test func workEndsAStep() throws {
        var configuration = KeyValueStore.Configuration()
        configuration.maximumCatchUpWork = 12
        var store = KeyValueStore(configuration: configuration)
        for number in 0..<40 { try store.put(number < 20 ? "z" : "a", "\(number)") }
        let stream = store.openWatchStream()
        var watch = request("a", from: 2)
        watch.wantsPrevious = true
        _ = try store.createWatch(watch, on: stream)
        var steps: [Int] = []
        repeat {
            store.catchUpWatches()
            steps.append(store.drainWatchDeliveries().flatMap(\.events).count)
        } while store.hasWatchesToCatchUp
        #expect(steps.reduce(0, +) == 20)
        #expect(steps[0] == 0 && steps.allSatisfy { $0 <= 4 })
    }

    /// Newcomers that want all of history keep coming; who is nearly there must get there.
    @Test func newcomersDoNotHoldUpTheOthers() throws {
        var configuration = KeyValueStore.Configuration()
        configuration.maximumCatchUpRevisions = 2
        configuration.maximumCatchUpWatches = 3
        var store = KeyValueStore(configuration: configuration)
        for number in 0..<50 { try store.put("a", "\(number)") }
        let stream = store.openWatchStream()
        let near = try store.createWatch(request("a", from: 48), on: stream)
        var newcomers: [WatchID] = []
        var steps = 0
        while store.progressRevision(of: near, on: stream) == nil, steps < 500 {
            newcomers.append(try store.createWatch(request("a", from: 2), on: stream))
            if newcomers.count > 5 { expect(store.cancelWatch(newcomers.removeFirst(), on: stream)) }
            store.catchUpWatches()
            _ = store.drainWatchDeliveries()
            steps += 1
        }
        #expect(steps < 500)
    }

    /// Watches that come and go in all orders leave nothing behind, and each is found as long as it is there.
    @Test func comingAndGoing() throws {
        var store = KeyValueStore()
        let stream = store.openWatchStream()
        var random = SeededRandom(seed: testSeed("comingAndGoing"))
        var present: [WatchID] = []
        for round in 0..<400 {
            if random.next() % 3 == 0, let place = present.indices.randomElement(using: &random) {
                expect(store.cancelWatch(present.remove(at: place), on: stream))
            } else {
                let end = ["", "b", "\0"][round % 3]
                present.append(try store.createWatch(request("a", end, from: round % 2 == 0 ? 0 : 1), on: stream))
            }
            if round % 7 == 0 { store.markWatchStreamFull(stream) }
            if round % 7 == 4 { store.markWatchStreamDrained(stream) }
            if round % 5 == 0 { try store.put("a", "\(round)") }
            if round % 11 == 0 { store.catchUpWatches() }
            #expect(store.watchCount == present.count)
        }
        store.markWatchStreamDrained(stream)
        _ = catchUp(&store)
        try store.put("a", "last")
        #expect(store.drainWatchDeliveries().map(\.watch).sorted() == present.sorted())
        store.closeWatchStream(stream)
        expect(store.watchCount == 0 && !store.hasWatchesToCatchUp)
    }
}
