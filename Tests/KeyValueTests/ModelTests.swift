// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import Testing

/// Random operations on a store and on a naive twin that keeps nothing but a list of all changes.
@Suite struct ModelTests {
    /// Operations in all: 200,000 with optimisation (a few seconds), a tenth without.
    private static let operations: Int = {
        var isDebug = false
        assert(
            {
                isDebug = true; return true
            }())
        return isDebug ? 20_000 : 240_000
    }()
    /// Operations on one store; short lives keep the twin's walks short.
    private static let operationsPerStore = 400

    /// The second seed found a version lost by a compaction that came while removal was under way.
    @Test(arguments: [nil, 99] as [UInt64?]) func agreesWithAListOfChanges(fixedSeed: UInt64?) throws {
        var random = SeededRandom(seed: fixedSeed ?? testSeed("ModelTests"))
        for run in 0..<(Self.operations / Self.operationsPerStore) {
            var model = Model(random: random.split())
            for step in 0..<Self.operationsPerStore {
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

    @Test func equalRequestsMakeEqualStates() throws {
        let seed = testSeed("equalRequests")
        func digest(_ reclaims: Bool) throws -> [UInt64] {
            var random = SeededRandom(seed: seed)
            var digests: [UInt64] = []
            for _ in 0..<20 {
                var model = Model(random: random.split(), reclaims: reclaims)
                for _ in 0..<200 { try model.step() }
                digests.append(model.store.stateDigest())
            }
            return digests
        }
        let one = try digest(true)
        #expect(try one == digest(true))
        // How far removal has come shows nowhere.
        #expect(try one == digest(false))
        #expect(Set(one).count == one.count)
    }
}

/// A change in the twin's list.
private struct Change {
    var revision: Revision
    var key: [UInt8]
    /// `nil`: deleted.
    var record: KeyValueRecord?
}

private struct ModelWatch {
    var stream: WatchStreamID
    var id: WatchID
    var request: WatchRequest
    var first: Int64
    var seen: [WatchEvent] = []
    var isCanceled = false
}

private struct Model {
    var random: SeededRandom
    let reclaims: Bool
    var store: KeyValueStore
    var changes: [Change] = []
    var leases: Set<LeaseID> = []
    var watches: [ModelWatch] = []
    var streams: [WatchStreamID] = []
    var compacted: Int64 = -1
    var difference: String?

    init(random: SeededRandom, reclaims: Bool = true) {
        self.random = random
        self.reclaims = reclaims
        var configuration = KeyValueStore.Configuration()
        configuration.indexNodeCapacity = 4
        configuration.maximumCatchUpRevisions = 5
        configuration.maximumCatchUpWatches = 3
        configuration.maximumCatchUpWork = 9
        store = KeyValueStore(configuration: configuration)
        streams = [store.openWatchStream(), store.openWatchStream()]
    }

    // MARK: The twin

    var current: Int64 { changes.last?.revision.main ?? 1 }

    /// All keys after the transaction `main`, in key order.
    func state(at main: Int64) -> [KeyValueRecord] {
        var found: [[UInt8]: KeyValueRecord] = [:]
        for change in changes where change.revision.main <= main { found[change.key] = change.record }
        return found.values.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    func record(_ key: [UInt8]) -> KeyValueRecord? {
        changes.last { $0.key == key }?.record
    }

    mutating func apply(put request: PutRequest, at revision: Revision) {
        let old = record(request.key)
        let record = KeyValueRecord(
            key: request.key, createRevision: old?.createRevision ?? revision.main, modRevision: revision.main,
            version: (old?.version ?? 0) + 1, value: request.ignoreValue ? old?.value ?? [] : request.value,
            lease: request.ignoreLease ? old?.lease ?? .none : request.lease)
        changes.append(Change(revision: revision, key: request.key, record: record))
    }

    mutating func apply(delete keys: [[UInt8]], main: Int64, sub: inout Int64) {
        for key in keys {
            changes.append(Change(revision: Revision(main: main, sub: sub), key: key, record: nil))
            sub += 1
        }
    }

    mutating func expect(_ condition: Bool, _ message: @autoclosure () -> String) {
        if !condition, difference == nil { difference = message() }
    }

    // MARK: Random requests

    mutating func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    mutating func key() -> [UInt8] {
        [UInt8(97 + pick(0...3)), UInt8(97 + pick(0...3))].dropLast(pick(0...3) == 0 ? 1 : 0).map { $0 }
    }

    mutating func rangeEnd() -> [UInt8] {
        switch pick(0...3) {
        case 0: []
        case 1: [0]
        default: key()
        }
    }

    mutating func putRequest() -> PutRequest {
        var request = PutRequest(key: key())
        request.wantsPrevious = pick(0...1) == 0
        request.ignoreValue = pick(0...9) == 0
        request.ignoreLease = pick(0...9) == 0
        if !request.ignoreValue { request.value = [UInt8(pick(0...9))] }
        if !request.ignoreLease, pick(0...2) == 0 { request.lease = LeaseID(Int64(pick(1...4))) }
        return request
    }

    func refusal(of request: PutRequest, keyFirst: Bool) -> KeyValueError? {
        let noLease = request.lease != .none && !leases.contains(request.lease) ? KeyValueError.leaseNotFound : nil
        let keeps = request.ignoreValue || request.ignoreLease
        let noKey = keeps && record(request.key) == nil ? KeyValueError.keyNotFound : nil
        return keyFirst ? noKey ?? noLease : noLease ?? noKey
    }

    mutating func step() throws {
        switch pick(0...99) {
        case 0..<30: put()
        case 30..<38: try delete()
        case 38..<50: txn()
        case 50..<70: range()
        case 70..<75: compact()
        case 75..<83: lease()
        case 83..<89: createWatch()
        case 89..<91: cancelWatch()
        case 91..<94: fill()
        default: store.catchUpWatches()
        }
        let (reclaimsNow, limit) = (pick(0...9) == 0, pick(1...20))
        if reclaims, reclaimsNow { store.reclaimCompacted(limit: limit) }
        collect()
        let (revision, keyCount, expected) = (store.revision, store.keyCount, current)
        expect(revision == expected, "revision \(revision), expected \(expected)")
        expect(keyCount == state(at: .max).count, "\(keyCount) keys")
        let (counted, recounted) = (store.liveBytes, store.recountLiveBytes())
        expect(counted == recounted, "\(counted) live bytes, recounted \(recounted)")
    }

    mutating func put() {
        let request = putRequest()
        let refusal = refusal(of: request, keyFirst: false)
        do {
            let response = try store.put(request)
            let previous = request.wantsPrevious ? record(request.key) : nil
            apply(put: request, at: Revision(main: current + 1))
            expect(
                refusal == nil && response == PutResponse(revision: current, previous: previous),
                "\(request): \(response)")
        } catch {
            expect(error == refusal, "\(request): \(error), expected \(String(describing: refusal))")
        }
    }

    mutating func delete() throws {
        var request = DeleteRangeRequest(key: key(), rangeEnd: rangeEnd())
        request.wantsPrevious = pick(0...1) == 0
        let victims = state(at: .max).filter { request.interval.contains($0.key) }
        let response = try store.deleteRange(request)
        var sub: Int64 = 0
        apply(delete: victims.map(\.key), main: current + 1, sub: &sub)
        let expected = DeleteRangeResponse(
            revision: current, deleted: Int64(victims.count), previous: request.wantsPrevious ? victims : [])
        expect(response == expected, "\(request): \(response)")
    }

    mutating func range() {
        var request = RangeRequest(key: key(), rangeEnd: rangeEnd())
        request.limit = Int64(pick(-1...5))
        if pick(0...1) == 0 { request.revision = Int64(pick(-1...Int(current) + 1)) }
        request.sortOrder = [.none, .ascend, .descend][pick(0...2)]
        request.sortTarget = [.key, .version, .createRevision, .modRevision, .value][pick(0...4)]
        request.keysOnly = pick(0...4) == 0
        request.countOnly = pick(0...4) == 0
        if pick(0...3) == 0 { request.minModRevision = Int64(pick(0...Int(current))) }
        if pick(0...3) == 0 { request.maxCreateRevision = Int64(pick(0...Int(current))) }
        if pick(0...7) == 0 { request.maxModRevision = Int64(pick(0...Int(current))) }
        if pick(0...7) == 0 { request.minCreateRevision = Int64(pick(0...Int(current))) }
        var refusal: KeyValueError?
        if request.revision > current { refusal = .futureRevision }
        if request.revision > 0, request.revision < compacted { refusal = .compacted }
        do {
            let response = try store.range(request)
            let expected = answer(request)
            expect(refusal == nil && response == expected, "\(request): \(response), expected \(expected)")
            let paged = try readByPages(request)
            expect(paged == expected, "\(request) by pages: \(paged), expected \(expected)")
        } catch {
            expect(error == refusal, "\(request): \(error)")
        }
    }

    mutating func readByPages(_ request: RangeRequest) throws(KeyValueError) -> RangeResponse {
        var cursor = try store.snapshot.cursor(request)
        var response = RangeResponse(revision: cursor.revision, count: cursor.count)
        while let page = cursor.next(maximumBytes: pick(1...9)) { response.records += page }
        response.more = cursor.more
        return response
    }

    func answer(_ request: RangeRequest) -> RangeResponse {
        let all = state(at: request.revision <= 0 ? .max : request.revision).filter {
            request.interval.contains($0.key)
        }
        var response = RangeResponse(revision: current, count: Int64(all.count))
        if request.countOnly { return response }
        let hasFilter =
            request.minModRevision != 0 || request.maxCreateRevision != 0 || request.maxModRevision != 0
            || request.minCreateRevision != 0
        var left = all
        if !hasFilter, request.sortOrder == .none, request.limit > 0 {
            left = Array(left.prefix(Int(request.limit) + 1))
        }
        left = left.filter {
            $0.modRevision >= request.minModRevision
                && $0.createRevision >= request.minCreateRevision
                && (request.maxCreateRevision == 0 || $0.createRevision <= request.maxCreateRevision)
                && (request.maxModRevision == 0 || $0.modRevision <= request.maxModRevision)
        }
        let rank = { (record: KeyValueRecord) -> Int64 in
            switch request.sortTarget {
            case .version: record.version
            case .createRevision: record.createRevision
            case .modRevision: record.modRevision
            case .value: record.value.first.map { Int64($0) } ?? -1
            case .key, .unrecognized: 0
            }
        }
        let indexed = left.enumerated().sorted {
            let (one, two) = (rank($0.element), rank($1.element))
            if one == two {
                let isReversed = request.sortTarget == .key && request.sortOrder == .descend
                return isReversed ? $0.offset > $1.offset : $0.offset < $1.offset
            }
            return request.sortOrder == .descend ? one > two : one < two
        }
        response.records = indexed.map(\.element)
        if request.limit > 0, left.count > request.limit {
            response.records = Array(response.records.prefix(Int(request.limit)))
            response.more = true
        }
        if request.keysOnly { for offset in response.records.indices { response.records[offset].value = [] } }
        return response
    }

    mutating func txn() {
        var operations: [TxnRequest.Operation] = []
        for _ in 0..<pick(1...4) { operations.append(operation()) }
        let compareKey = key()
        let version = Int64(pick(0...2))
        var request = TxnRequest(compare: [TxnCompare(.version(version), of: compareKey)])
        let succeeded = (record(compareKey)?.version ?? 0) == version
        let nests = pick(0...3) == 0
        let list = nests ? [.txn(TxnRequest(success: operations))] : operations
        if succeeded { request.success = list } else { request.failure = list }
        let refusal = refusal(of: operations)
        do {
            let response = try store.txn(request)
            let begin = current
            var sub: Int64 = 0
            var expected = run(operations, main: begin + 1, &sub)
            if nests { expected = [.txn(TxnResponse(revision: current, succeeded: true, responses: expected))] }
            let whole = TxnResponse(revision: current, succeeded: succeeded, responses: expected)
            expect(refusal == nil && response == whole, "\(request): \(response), expected \(whole)")
        } catch {
            expect(error == refusal, "\(request): \(error), expected \(String(describing: refusal))")
        }
    }

    mutating func operation() -> TxnRequest.Operation {
        switch pick(0...3) {
        case 0: return .deleteRange(DeleteRangeRequest(key: key(), rangeEnd: rangeEnd()))
        case 1:
            var request = RangeRequest(key: key(), rangeEnd: rangeEnd())
            if pick(0...2) == 0 { request.revision = Int64(pick(1...Int(current) + 1)) }
            return .range(request)
        default: return .put(putRequest())
        }
    }

    func refusal(of operations: [TxnRequest.Operation]) -> KeyValueError? {
        var puts: Set<[UInt8]> = []
        for case .put(let request) in operations {
            let isDeleted = operations.contains {
                guard case .deleteRange(let delete) = $0, delete.interval.end != .unbounded else { return false }
                return delete.interval.contains(request.key)
            }
            if isDeleted || !puts.insert(request.key).inserted { return .duplicateKey }
        }
        // All puts first, as etcd checks them.
        for case .put(let request) in operations {
            if let refusal = refusal(of: request, keyFirst: true) { return refusal }
        }
        for case .range(let request) in operations where request.revision != 0 {
            if request.revision > current { return .futureRevision }
            if request.revision < compacted { return .compacted }
        }
        return nil
    }

    mutating func run(_ operations: [TxnRequest.Operation], main: Int64, _ sub: inout Int64) -> [TxnResponse.Operation]
    {
        var responses: [TxnResponse.Operation] = []
        for operation in operations {
            switch operation {
            case .put(let request):
                let previous = request.wantsPrevious ? record(request.key) : nil
                apply(put: request, at: Revision(main: main, sub: sub))
                sub += 1
                responses.append(.put(PutResponse(revision: current, previous: previous)))
            case .deleteRange(let request):
                let victims = state(at: .max).filter { request.interval.contains($0.key) }
                apply(delete: victims.map(\.key), main: main, sub: &sub)
                responses.append(.deleteRange(DeleteRangeResponse(revision: current, deleted: Int64(victims.count))))
            case .range(let request):
                responses.append(.range(answer(request)))
            case .txn, .unset:
                difference = "the model does not run \(operation)"
            }
        }
        return responses
    }

    mutating func compact() {
        let revision =
            pick(0...3) == 0 ? Int64(pick(0...Int(current) + 1)) : max(compacted, current - Int64(pick(0...20)))
        let refusal: KeyValueError? = revision > current ? .futureRevision : revision <= compacted ? .compacted : nil
        do {
            let response = try store.compact(CompactionRequest(revision: revision))
            compacted = revision
            expect(refusal == nil && response.revision == current, "compact \(revision): \(response)")
        } catch {
            expect(error == refusal, "compact \(revision): \(error)")
        }
    }

    mutating func lease() {
        let id = LeaseID(Int64(pick(1...4)))
        if !leases.contains(id) {
            expect((try? store.grantLease(id: id, ttlSeconds: 60, now: .zero)) == 60, "grant \(id)")
            leases.insert(id)
            return
        }
        let attached = state(at: .max).filter { $0.lease == id }.map(\.key)
        let status = store.leaseStatus(id, now: .zero, includingKeys: true)
        expect(status?.keys == attached, "lease \(id) has \(String(describing: status)), expected \(attached)")
        guard pick(0...1) == 0 else { return }
        leases.remove(id)
        let response = try? store.revokeLease(id)
        var sub: Int64 = 0
        apply(delete: attached, main: current + 1, sub: &sub)
        expect(response == DeleteRangeResponse(revision: current, deleted: sub), "revoke \(id)")
    }

    // MARK: Watches

    mutating func createWatch() {
        var request = WatchRequest(key: key(), rangeEnd: rangeEnd())
        request.startRevision = pick(0...1) == 0 ? 0 : Int64(pick(1...Int(current) + 5))
        request.skipsPuts = pick(0...4) == 0
        request.skipsDeletes = pick(0...4) == 0
        request.wantsPrevious = pick(0...1) == 0
        let stream = streams[pick(0...1)]
        do {
            let id = try store.createWatch(request, on: stream)
            let first = request.startRevision == 0 ? current + 1 : request.startRevision
            watches.append(ModelWatch(stream: stream, id: id, request: request, first: first))
        } catch {
            expect(error == .emptyWatchRange && request.interval.isEmpty, "\(request): \(error)")
        }
    }

    mutating func cancelWatch() {
        guard !watches.isEmpty else { return }
        let place = pick(0...watches.count - 1)
        let watch = watches[place]
        let isThere = store.cancelWatch(watch.id, on: watch.stream)
        expect(isThere == !watch.isCanceled, "cancel \(watch.id): \(isThere)")
        verify(watch, isComplete: false)
        watches.remove(at: place)
    }

    mutating func fill() {
        let stream = streams[pick(0...1)]
        if pick(0...1) == 0 { store.markWatchStreamFull(stream) } else { store.markWatchStreamDrained(stream) }
    }

    mutating func collect() {
        for delivery in store.drainWatchDeliveries() {
            guard let place = watches.firstIndex(where: { $0.stream == delivery.stream && $0.id == delivery.watch })
            else {
                difference = "\(delivery) for nobody"
                return
            }
            expect(!watches[place].isCanceled, "\(delivery) after the end")
            switch delivery.content {
            case .canceled(let revision):
                expect(revision == compacted && delivery.revision == 0, "\(delivery)")
                watches[place].isCanceled = true
                verify(watches[place], isComplete: false)
            case .events(let events):
                expect(!events.isEmpty && delivery.revision == current, "\(delivery)")
                for event in events { check(event, watches[place]) }
                watches[place].seen += events
            }
        }
    }

    mutating func check(_ event: WatchEvent, _ watch: ModelWatch) {
        let before = state(at: event.revision.main - 1).first { $0.key == event.record.key }
        let isCreation = event.kind == .put && event.record.createRevision == event.revision.main
        var expected = watch.request.wantsPrevious && !isCreation ? before : nil
        // As old as the compact revision allows, seen from when the event was made.
        if event.revision.main - 1 < compacted { expected = nil }
        expect(event.previous == expected, "\(event): previous should be \(String(describing: expected))")
    }

    /// A watch must have seen a prefix of its changes, in order, that ends with a whole revision; all of them if
    /// complete.
    mutating func verify(_ watch: ModelWatch, isComplete: Bool) {
        let wanted = changes.filter {
            $0.revision.main >= watch.first && watch.request.interval.contains($0.key)
                && !($0.record == nil ? watch.request.skipsDeletes : watch.request.skipsPuts)
        }
        let seen = watch.seen
        expect(
            seen.count <= wanted.count && (!isComplete || seen.count == wanted.count), "\(watch): of \(wanted.count)")
        guard difference == nil else { return }
        for (event, change) in zip(seen, wanted) {
            let record = change.record ?? .tombstone(key: change.key, modRevision: change.revision.main)
            let kind: WatchEvent.Kind = change.record == nil ? .delete : .put
            expect(
                event.revision == change.revision && event.record == record && event.kind == kind, "\(event), \(change)"
            )
        }
        if let last = seen.last, seen.count < wanted.count {
            expect(wanted[seen.count].revision.main > last.revision.main, "\(watch) ends inside a revision")
        }
    }

    mutating func finish() throws {
        for stream in streams { store.markWatchStreamDrained(stream) }
        repeat { collect() } while store.catchUpWatches()
        collect()
        for watch in watches where !watch.isCanceled { verify(watch, isComplete: true) }
        let isDone = streams.allSatisfy { stream in
            let waits = watches.contains { $0.stream == stream && !$0.isCanceled && $0.request.startRevision > current }
            return store.progressRevision(on: stream) == (waits ? nil : current)
        }
        expect(isDone, "a stream is not current")
        store.reclaimCompacted()
        for main in max(compacted, 1)...current {
            var request = RangeRequest(key: [0], rangeEnd: [0])
            request.revision = main
            let response = try store.range(request)
            expect(response == answer(request), "state at \(main)")
        }
        verifyStoredChanges()
    }

    /// What a backup holds: what can be read at the compact revision, tombstones of that, and all changes since.
    mutating func verifyStoredChanges() {
        var walk = store.snapshot.storedChanges
        var found: [StoredChange] = []
        while let page = walk.next() { found += page }
        let readable = compacted > 0 ? state(at: compacted) : []
        let wanted = changes.filter { change in
            if change.revision.main > compacted { return true }
            guard let record = change.record else { return change.revision.main == compacted }
            return readable.contains(record)
        }.map { change in
            StoredChange(
                revision: change.revision, isTombstone: change.record == nil,
                record: change.record ?? .tombstone(key: change.key, modRevision: change.revision.main))
        }
        expect(found == wanted, "stored are \(found), expected \(wanted)")
    }
}
