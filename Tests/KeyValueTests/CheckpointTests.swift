// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import Testing

@Suite struct CheckpointTests {
    private var configuration: KeyValueStore.Configuration {
        var configuration = KeyValueStore.Configuration()
        configuration.isCheckpointed = true
        configuration.indexNodeCapacity = 4
        return configuration
    }

    @Test func anEmptyStoreComesBack() throws {
        var store = KeyValueStore(configuration: configuration)
        var map = TableMap()
        store.writeCheckpoint(to: &map, index: 7)
        let restored = try map.restore(configuration)
        #expect(restored.store.stateDigest() == store.stateDigest())
        #expect(restored.applied == AppliedPosition(index: LogIndex(7), term: Term(1)))
        #expect(restored.store.revision == 1 && restored.store.compactRevision == -1)
    }

    /// What a checkpoint writes is what changed, and a key's name only once.
    @Test func writesOnlyWhatChanged() throws {
        var store = KeyValueStore(configuration: configuration)
        var map = TableMap()
        for number in 0..<100 { try store.put("key\(number)", "value") }
        store.writeCheckpoint(to: &map)
        #expect(map.records.count == 201)
        try store.put("key7", "other")
        // Key and value, and what surrounds them.
        #expect(store.uncheckpointedBytes == 9 + 64)
        let checkpoint = store.beginCheckpoint(applied: AppliedPosition(index: LogIndex(2), term: Term(1)))
        var batch = TableBatch()
        checkpoint.encode(into: &batch)
        var keys: [TableKey] = []
        batch.forEach { key, _ in keys.append(key) }
        #expect(
            keys == [
                TableKey(CheckpointTable.state, object: 0), TableKey(CheckpointTable.revisions, object: 102),
            ])
        // Put with age, version and value, nothing else: flags, key 8, 93, 2.
        map.apply(batch)
        #expect(map.records[TableKey(CheckpointTable.revisions, object: 102)] == [0, 8, 93, 2] + bytes("other"))
        store.endCheckpoint(isWritten: true)
        #expect(store.uncheckpointedBytes == 0 && store.checkpointRevision == 102)
    }

    /// A checkpoint that could not be written is in the next one, with what came later.
    @Test func whatFailedComesAgain() throws {
        var store = KeyValueStore(configuration: configuration)
        var map = TableMap()
        _ = try store.grantLease(id: LeaseID(4), ttlSeconds: 50, now: .zero)
        try store.put("a", "1", lease: 4)
        _ = store.beginCheckpoint(applied: AppliedPosition(index: LogIndex(1), term: Term(1)))
        try store.put("b", "2")
        let owed = store.uncheckpointedBytes
        #expect(owed > 4)
        store.endCheckpoint(isWritten: false)
        #expect(store.uncheckpointedBytes == owed)
        store.writeCheckpoint(to: &map)
        let restored = try map.restore(configuration).store
        #expect(restored.stateDigest() == store.stateDigest())
        #expect(restored.leaseStatus(LeaseID(4), now: .zero, includingKeys: true)?.keys == [bytes("a")])
    }

    /// A change that was compacted before a checkpoint held it stays until one does: its removal would have to be
    /// written too.
    @Test func removalWaitsForTheCheckpoint() throws {
        var store = KeyValueStore(configuration: configuration)
        var map = TableMap()
        for number in 0..<10 { try store.put("a", "\(number)") }
        try store.compact(11)
        #expect(!store.hasCompactedToReclaim)
        expect(store.reclaimCompacted() && store.historyCount == 10)
        store.writeCheckpoint(to: &map)
        #expect(map.count(of: CheckpointTable.revisions) == 10)
        #expect(store.hasCompactedToReclaim)
        expect(store.reclaimCompacted())
        #expect(!store.hasCompactedToReclaim)
        store.writeCheckpoint(to: &map)
        #expect(map.count(of: CheckpointTable.revisions) == 1)
        #expect(try map.restore(configuration).store.stateDigest() == store.stateDigest())
    }

    @Test func leasesComeBackWithWhatIsLeft() throws {
        var store = KeyValueStore(configuration: configuration)
        var map = TableMap()
        _ = try store.grantLease(id: LeaseID(-5), ttlSeconds: 100, now: .zero)
        _ = try store.grantLease(id: LeaseID(5), ttlSeconds: 100, now: .zero)
        store.noteLeaseRemaining(LeaseID(-5), seconds: 30)
        try store.put("k", "v", lease: -5)
        store.writeCheckpoint(to: &map)
        var restored = try map.restore(configuration, now: .seconds(1000)).store
        let status = restored.leaseStatus(LeaseID(-5), now: .seconds(1000), includingKeys: true)
        #expect(status?.remainingSeconds == 30 && status?.grantedSeconds == 100 && status?.keys == [bytes("k")])
        #expect(restored.leaseIDs() == [LeaseID(-5), LeaseID(5)])
        restored.promoteLeases(now: .seconds(2000), extension: .seconds(1))
        expect(restored.expiredLeases(now: .seconds(2031), limit: 5, retryAfter: .seconds(3)) == [LeaseID(-5)])
        #expect(restored.notedLeaseRemaining(LeaseID(-5)) == 30)
        expect((try? restored.revokeLease(LeaseID(-5)).deleted) == 1)
        // Serials go on: of two leases that end together the older one is named first.
        _ = try restored.grantLease(id: LeaseID(1), ttlSeconds: 101, now: .seconds(2000))
        expect(
            restored.expiredLeases(now: .seconds(2101), limit: 5, retryAfter: .seconds(3)) == [LeaseID(5), LeaseID(1)])
    }

    /// Whoever damages a record gets an error that names it, not a trap and not another store.
    @Test func damageIsNamed() throws {
        var store = KeyValueStore(configuration: configuration)
        var map = TableMap()
        _ = try store.grantLease(id: LeaseID(9), ttlSeconds: 50, now: .zero)
        try store.put("a", "1")
        try store.put("b", "2", lease: 9)
        try store.delete("a")
        store.writeCheckpoint(to: &map)
        let header = TableKey(CheckpointTable.state, object: 0)
        let lease = TableKey(CheckpointTable.leases, object: 9)
        let keyA = TableKey(CheckpointTable.keys, object: 1)
        let keyB = TableKey(CheckpointTable.keys, object: 2)
        let putA = TableKey(CheckpointTable.revisions, object: 2)
        let putB = TableKey(CheckpointTable.revisions, object: 3)
        let endA = TableKey(CheckpointTable.revisions, object: 4)
        let late = TableKey(CheckpointTable.revisions, object: 5)
        let other = TableKey(TableID(99), object: 1)
        let cases: [(TableKey, [UInt8]?, CheckpointError)] = [
            (header, nil, .noHeader), (header, [], .unreadable(header)), (header, [2], .unsupportedFormat(2)),
            (header, [1, 2], .unreadable(header)), (lease, [1], .unreadable(lease)), (lease, nil, .inconsistent(putB)),
            (keyA, nil, .inconsistent(putA)), (keyB, [], .unreadable(keyB)), (keyB, bytes("a"), .inconsistent(keyB)),
            (putA, [], .unreadable(putA)), (putA, [8, 1], .unreadable(putA)), (putA, [0, 1, 0, 0], .unreadable(putA)),
            (putA, [0, 1, 3, 1], .unreadable(putA)), (putA, [4, 1, 0], .unreadable(putA)),
            (putA, [UInt8](repeating: 0xFF, count: 12), .unreadable(putA)), (putB, nil, .inconsistent(keyB)),
            (endA, [1, 1, 1], .unreadable(endA)), (endA, [0, 1, 1, 1], .inconsistent(endA)),
            (late, [1, 1], .inconsistent(late)),
            (other, [], .foreign(other)),
        ]
        for (key, value, expected) in cases {
            var damaged = map
            damaged.set(key, value)
            #expect(throws: expected, "\(key): \(String(describing: value))") { _ = try damaged.restore(configuration) }
        }
    }

    @Test func sortsKeysLikeTheirBytes() {
        var random = SeededRandom(seed: testSeed("sortsKeys"))
        for _ in 0..<50 {
            var keys: Set<[UInt8]> = []
            let prefix = [UInt8](repeating: 7, count: Int.random(in: 0...12, using: &random))
            for _ in 0..<Int.random(in: 0...300, using: &random) {
                // Few byte values, zeros among them, and lengths around the heads' eight.
                let count = Int.random(in: 0...20, using: &random)
                let tail = (0..<count).map { _ in UInt8.random(in: 0...1, using: &random) }
                keys.insert(prefix + tail)
            }
            keys.remove([])
            var source = KeyValueStore(configuration: configuration)
            let sorted = keys.sorted { $0.lexicographicallyPrecedes($1) }
            for key in sorted.shuffled(using: &random) {
                _ = try? source.put(PutRequest(key: key))
            }
            var map = TableMap()
            source.writeCheckpoint(to: &map)
            let restored = try? map.restore(configuration).store
            let response = try? restored?.range(RangeRequest(key: [0], rangeEnd: [0]))
            #expect(response?.records.map(\.key) == sorted)
            #expect(restored?.brokenIndexInvariant() == nil)
        }
    }
}

/// Random traffic on a store that is checkpointed, restarted and caught up from its log, and on a twin that never was.
@Suite struct CheckpointModelTests {
    private static let stores: Int = {
        var isDebug = false
        assert(
            {
                isDebug = true; return true
            }())
        return isDebug ? 60 : 600
    }()
    private static let requestsPerStore = 400

    @Test func restartsNeverShow() throws {
        var random = SeededRandom(seed: testSeed("CheckpointModelTests"))
        for run in 0..<Self.stores {
            var model = RestartModel(random: random.split())
            for step in 0..<Self.requestsPerStore {
                try model.step()
                if let difference = model.difference {
                    Issue.record("run \(run), step \(step): \(difference)")
                    return
                }
            }
            try model.finish()
            if let difference = model.difference {
                Issue.record("run \(run), end: \(difference)")
                return
            }
        }
    }
}

private struct RestartModel {
    var source: RequestSource
    var store: KeyValueStore
    var twin: KeyValueStore
    var map = TableMap()
    /// All requests; the index of a log entry is its place, from 1.
    var log: [LoggedRequest] = []
    var underway: TableBatch?
    var difference: String?
    let configuration: KeyValueStore.Configuration

    init(random: SeededRandom) {
        source = RequestSource(random: random)
        var configuration = KeyValueStore.Configuration()
        configuration.indexNodeCapacity = 4
        twin = KeyValueStore(configuration: configuration)
        configuration.isCheckpointed = true
        self.configuration = configuration
        store = KeyValueStore(configuration: configuration)
    }

    mutating func expect(_ condition: Bool, _ message: String) {
        if !condition, difference == nil { difference = message }
    }

    mutating func step() throws {
        let request = source.next(current: twin.revision)
        log.append(request)
        request.apply(to: &store)
        request.apply(to: &twin)
        // The two remove at different paces.
        let (limit, otherLimit) = (source.pick(1...10), source.pick(1...30))
        if source.pick(0...5) == 0 { store.reclaimCompacted(limit: limit) }
        if source.pick(0...5) == 0 { twin.reclaimCompacted(limit: otherLimit) }
        switch source.pick(0...19) {
        case 0...2 where underway == nil: begin()
        case 3...6: end()
        case 7: try restart()
        default: break
        }
        if source.pick(0...15) == 0 { compare() }
    }

    mutating func begin() {
        let checkpoint = store.beginCheckpoint(
            applied: AppliedPosition(index: LogIndex(UInt64(log.count)), term: Term(3)))
        underway = TableBatch()
        checkpoint.encode(into: &underway!)
    }

    mutating func end() {
        guard let batch = underway else { return }
        underway = nil
        let isWritten = source.pick(0...3) > 0
        if isWritten { map.apply(batch) }
        store.endCheckpoint(isWritten: isWritten)
    }

    /// A crash: what is under way is lost, or written but nobody heard of it.
    mutating func restart() throws {
        if let batch = underway, source.pick(0...1) == 0 { map.apply(batch) }
        underway = nil
        guard !map.records.isEmpty else {
            store = KeyValueStore(configuration: configuration)
            for request in log { request.apply(to: &store) }
            return
        }
        let restored = try map.restore(configuration)
        store = restored.store
        for request in log[Int(restored.applied.index.rawValue)...] { request.apply(to: &store) }
        if let broken = store.brokenIndexInvariant() { difference = broken }
        compare()
    }

    mutating func compare() {
        let (own, other) = (store.stateDigest(), twin.stateDigest())
        expect(own == other, "digests differ at revision \(twin.revision)")
        expect(store.liveBytes == store.recountLiveBytes(), "\(store.liveBytes) bytes at revision \(twin.revision)")
        for main in max(twin.compactRevision, 1)...twin.revision {
            var request = RangeRequest(key: [0], rangeEnd: [0])
            request.revision = main
            let (one, two) = (try? store.range(request), try? twin.range(request))
            expect(one != nil && one == two, "state at \(main)")
            request.countOnly = true
            expect((try? store.range(request)) == (try? twin.range(request)), "count at \(main)")
        }
        for id in (-2...3).map({ LeaseID(Int64($0)) }) {
            let now = Duration.zero
            let (one, two) = (
                store.leaseStatus(id, now: now, includingKeys: true),
                twin.leaseStatus(id, now: now, includingKeys: true)
            )
            expect(one?.keys == two?.keys && one?.grantedSeconds == two?.grantedSeconds, "lease \(id)")
            expect(store.notedLeaseRemaining(id) == twin.notedLeaseRemaining(id), "what is left of lease \(id)")
        }
        let start = max(1, twin.compactRevision) + Int64(source.pick(0...5))
        let (seen, wanted) = (events(&store, from: start), events(&twin, from: start))
        expect(seen == wanted, "events from \(start)")
    }

    /// All that a watch of everything is told from a revision on.
    func events(_ store: inout KeyValueStore, from start: Int64) -> [WatchEvent] {
        let stream = store.openWatchStream()
        defer { store.closeWatchStream(stream) }
        var request = WatchRequest(key: [], rangeEnd: [0])
        request.startRevision = start
        request.wantsPrevious = true
        guard (try? store.createWatch(request, on: stream)) != nil else { return [] }
        while store.catchUpWatches() {}
        return store.drainWatchDeliveries().flatMap(\.events)
    }

    /// When all is compacted and removed nothing of it stays behind in the tables.
    mutating func finish() throws {
        end()
        if underway == nil { begin() }
        map.apply(underway!)
        store.endCheckpoint(isWritten: true)
        underway = nil
        try restart()
        for request: LoggedRequest in [
            .delete(DeleteRangeRequest(key: [0], rangeEnd: [0])), .put(PutRequest(key: [1])),
        ] {
            log.append(request)
            request.apply(to: &store)
            request.apply(to: &twin)
        }
        log.append(.compact(store.revision))
        log[log.count - 1].apply(to: &store)
        log[log.count - 1].apply(to: &twin)
        for _ in 0..<2 {
            store.reclaimCompacted()
            store.writeCheckpoint(to: &map, index: UInt64(log.count))
        }
        compare()
        let revisions = map.count(of: CheckpointTable.revisions)
        expect(revisions == 1, "\(revisions) revisions stay")
        let (bytes, least) = (store.liveBytes, 1 + KeyValueStore.recordOverheadBytes)
        expect(bytes == least, "\(bytes) live bytes stay")
        expect(map.count(of: CheckpointTable.keys) == 1, "\(map.count(of: CheckpointTable.keys)) keys stay")
        let leases = store.leaseIDs().count
        expect(map.count(of: CheckpointTable.leases) == leases, "\(map.count(of: CheckpointTable.leases)) leases")
        expect(map.tablesOutOfOrder.isSubset(of: [CheckpointTable.state, CheckpointTable.leases]), "puts do not rise")
        try restart()
    }
}
