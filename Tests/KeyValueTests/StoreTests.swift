// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import Testing

/// The edge requests of the recorded etcd 3.6.14, as far as they concern the store.
@Suite struct StoreTests {
    /// Key a at revisions 2 to 6 with the values 0 to 4.
    private func recorded() throws -> KeyValueStore {
        var store = KeyValueStore()
        for value in 0..<5 { try store.put("a", "\(value)") }
        return store
    }

    private let newest = KeyValueRecord(
        key: bytes("a"), createRevision: 2, modRevision: 6, version: 5, value: bytes("4"))

    struct RangeCase: CustomTestStringConvertible, Sendable {
        var name: String
        var key = "a"
        var end = ""
        var change: @Sendable (inout RangeRequest) -> Void = { _ in }
        var error: KeyValueError?
        var isFound = true
        var count: Int64 = 1
        var testDescription: String { name }
    }

    private static let ranges = [
        RangeCase(name: "empty key", key: "", error: .keyNotProvided),
        RangeCase(name: "bad sort order", change: { $0.sortOrder = .unrecognized }, error: .invalidSortOption),
        RangeCase(name: "bad sort target", change: { $0.sortTarget = .unrecognized }, error: .invalidSortOption),
        RangeCase(name: "future revision", change: { $0.revision = 7 }, error: .futureRevision),
        RangeCase(name: "negative revision", change: { $0.revision = -1 }),
        RangeCase(name: "end before key", end: "A", isFound: false, count: 0),
        RangeCase(name: "negative limit", change: { $0.limit = -1 }),
        RangeCase(name: "filter", change: { $0.minModRevision = 7 }, isFound: false, count: 1),
        RangeCase(name: "count only", change: { $0.countOnly = true }, isFound: false, count: 1),
        RangeCase(name: "missing", key: "b", isFound: false, count: 0),
    ]

    @Test(arguments: ranges) func answersRangesAsRecorded(_ item: RangeCase) throws {
        let store = try recorded()
        if let error = item.error {
            #expect(throws: error) { try store.read(item.key, item.end, item.change) }
            return
        }
        let response = try store.read(item.key, item.end, item.change)
        #expect(response == RangeResponse(revision: 6, records: item.isFound ? [newest] : [], count: item.count))
    }

    @Test func keysOnlyDropsOnlyTheValue() throws {
        var expected = newest
        expected.value = []
        #expect(try recorded().read("a") { $0.keysOnly = true }.records == [expected])
    }

    struct PutCase: CustomTestStringConvertible, Sendable {
        var name: String
        var change: @Sendable (inout PutRequest) -> Void
        var error: KeyValueError
        var testDescription: String { name }
    }

    private static let puts = [
        PutCase(name: "empty key", change: { $0.key = [] }, error: .keyNotProvided),
        PutCase(
            name: "ignore value, missing key",
            change: {
                $0.key = bytes("b"); $0.ignoreValue = true
            }, error: .keyNotFound),
        PutCase(
            name: "ignore lease, missing key",
            change: {
                $0.key = bytes("b"); $0.ignoreLease = true
            }, error: .keyNotFound),
        PutCase(
            name: "ignore value with value",
            change: {
                $0.value = [1]; $0.ignoreValue = true
            }, error: .valueProvided),
        PutCase(
            name: "ignore lease with lease",
            change: {
                $0.lease = LeaseID(1); $0.ignoreLease = true
            }, error: .leaseProvided),
        PutCase(name: "unknown lease", change: { $0.lease = LeaseID(42) }, error: .leaseNotFound),
    ]

    @Test(arguments: puts) func refusesPutsAsRecorded(_ item: PutCase) throws {
        var store = try recorded()
        let digest = store.stateDigest()
        var request = PutRequest(key: bytes("a"))
        item.change(&request)
        #expect(throws: item.error) { try store.put(request) }
        #expect(store.stateDigest() == digest && store.revision == 6)
    }

    @Test func putsAnswerThePreviousRecord() throws {
        var store = try recorded()
        var request = PutRequest(key: bytes("a"), value: bytes("prev"))
        request.wantsPrevious = true
        #expect(try store.put(request) == PutResponse(revision: 7, previous: newest))
        request.key = bytes("new")
        #expect(try store.put(request) == PutResponse(revision: 8, previous: nil))
    }

    @Test func keepsValueOrLeaseOnRequest() throws {
        var store = try recorded()
        _ = try store.grantLease(id: LeaseID(7), ttlSeconds: 9, now: .zero)
        var request = PutRequest(key: bytes("a"), lease: LeaseID(7))
        request.ignoreValue = true
        _ = try store.put(request)
        request = PutRequest(key: bytes("a"), value: bytes("x"))
        request.ignoreLease = true
        _ = try store.put(request)
        #expect(
            store.get(bytes("a"))
                == KeyValueRecord(
                    key: bytes("a"), createRevision: 2, modRevision: 8, version: 7, value: bytes("x"), lease: LeaseID(7)
                ))
        try store.put("a", "y")
        #expect(store.get(bytes("a"))?.lease == LeaseID.none)
        #expect(store.leaseStatus(LeaseID(7), now: .zero, includingKeys: true)?.keys == [])
    }

    @Test func deletingNothingMakesNoRevision() throws {
        var store = try recorded()
        #expect(throws: KeyValueError.keyNotProvided) { try store.delete("") }
        #expect(try store.delete("missing") == DeleteRangeResponse(revision: 6))
        #expect(try store.txn(TxnRequest()) == TxnResponse(revision: 6, succeeded: true, responses: []))
        var request = DeleteRangeRequest(key: bytes("a"), rangeEnd: [0])
        request.wantsPrevious = true
        #expect(try store.deleteRange(request) == DeleteRangeResponse(revision: 7, deleted: 1, previous: [newest]))
        #expect(try store.deleteRange(request) == DeleteRangeResponse(revision: 7))
        try store.put("a", "again")
        #expect(store.get(bytes("a"))?.version == 1 && store.get(bytes("a"))?.createRevision == 8)
    }

    @Test func compactsAsRecorded() throws {
        var store = try recorded()
        expect(store.compactRevision == -1 && store.reclaimCompacted())
        #expect(throws: KeyValueError.futureRevision) { try store.compact(7) }
        #expect(throws: KeyValueError.compacted) { try store.compact(-1) }
        try store.compact(0)
        #expect(throws: KeyValueError.compacted) { try store.compact(0) }
        #expect(try store.compact(CompactionRequest(revision: 4)).revision == 6)
        #expect(throws: KeyValueError.compacted) { try store.compact(4) }
        for _ in 0..<2 {
            #expect(throws: KeyValueError.compacted) { try store.read("a") { $0.revision = 3 } }
            let readable = try store.read("a") { $0.revision = 4 }
            #expect(readable.values == ["2"] && readable.revision == 6 && readable.records[0].version == 3)
            expect(store.reclaimCompacted())
        }
        expect(store.reclaimCompacted() && !store.hasCompactedToReclaim)
    }

    /// A version that only the entry held when history was thinned stays readable after it is replaced.
    @Test func aReplacedVersionFromBelowTheFloorStaysReadable() throws {
        var store = KeyValueStore()
        try store.put("a", "old")
        try store.put("d", "dies")
        try store.put("x", "")
        try store.compact(4)
        store.reclaimCompacted()
        try store.put("a", "new")
        try store.delete("d")
        #expect(try store.read("a") { $0.revision = 4 }.values == ["old"])
        #expect(try store.read("\0", "\0") { $0.revision = 5 }.values == ["new", "dies", ""])
        try store.compact(6)
        store.reclaimCompacted()
        #expect(try store.read("\0", "\0") { $0.revision = 6 }.values == ["new", ""])
    }

    /// Found by the model test with seed 99: removal stopped between two changes of the compact revision, and the next
    /// compaction then passed over the first of them.
    @Test func aCompactionWhileRemovalStandsInsideARevisionLosesNothing() throws {
        var store = KeyValueStore()
        _ = try store.txn(TxnRequest(success: [put("a", "2"), put("b", "2")]))
        try store.compact(2)
        expect(!store.reclaimCompacted(limit: 1))
        try store.put("c", "3")
        try store.put("a", "4")
        try store.compact(3)
        store.reclaimCompacted()
        #expect(try store.read("\0", "\0") { $0.revision = 3 }.values == ["2", "2", "3"])
    }

    @Test func reclaimingFreesHistory() throws {
        var store = KeyValueStore()
        for round in 0..<20 { for key in 0..<100 { try store.put("k\(key)", "\(round)") } }
        #expect(store.historyCount == 2000)
        try store.compact(store.revision)
        var steps = 1
        while !store.reclaimCompacted(limit: 100) { steps += 1 }
        #expect(steps == 20 && store.keyCount == 100)
        #expect(store.historyCount <= 512)
        try store.put("k0", "x")
        try store.compact(store.revision)
        store.reclaimCompacted()
        #expect(store.historyCount <= 512)
    }
}

@Suite struct RangeOrderTests {
    /// b=9 {2}, c=1 {3}, a=5 {4}, c=0 {5}, d=7 {6}.
    private func store() throws -> KeyValueStore {
        var store = KeyValueStore()
        for (key, value) in [("b", "9"), ("c", "1"), ("a", "5"), ("c", "0"), ("d", "7")] { try store.put(key, value) }
        return store
    }

    struct Case: CustomTestStringConvertible, Sendable {
        var target: RangeRequest.SortTarget
        var order: RangeRequest.SortOrder
        var limit: Int64 = 0
        var keys: String
        var testDescription: String { "\(target) \(order) \(limit)" }
    }

    private static let cases = [
        Case(target: .key, order: .none, keys: "abcd"), Case(target: .key, order: .ascend, limit: 2, keys: "ab"),
        Case(target: .key, order: .descend, keys: "dcba"), Case(target: .key, order: .descend, limit: 3, keys: "dcb"),
        Case(target: .value, order: .ascend, limit: 2, keys: "ca"),
        Case(target: .value, order: .descend, limit: 2, keys: "bd"),
        Case(target: .value, order: .none, keys: "cadb"),
        // Without an order the limit comes first: a, b, c by key, of these the two smallest values.
        Case(target: .value, order: .none, limit: 2, keys: "ca"),
        Case(target: .modRevision, order: .none, limit: 1, keys: "b"),
        Case(target: .version, order: .ascend, keys: "abdc"), Case(target: .version, order: .descend, keys: "cabd"),
        Case(target: .createRevision, order: .descend, keys: "dacb"),
        Case(target: .modRevision, order: .ascend, keys: "bacd"),
        Case(target: .key, order: .none, limit: .max, keys: "abcd"),
        Case(target: .key, order: .none, limit: 4, keys: "abcd"),
    ]

    @Test(arguments: cases) func sortsAndLimits(_ item: Case) throws {
        var store = try store()
        for _ in 0..<2 {
            let response = try store.read("a", "z") {
                $0.sortTarget = item.target
                $0.sortOrder = item.order
                $0.limit = item.limit
                $0.revision = 6
            }
            #expect(response.keys.joined() == item.keys && response.count == 4)
            #expect(response.more == (item.keys.count < 4))
            // The second time the same revision is the past.
            try store.delete("a", "z")
        }
    }

    @Test func filtersBeforeTheLimit() throws {
        let store = try store()
        func keys(_ change: (inout RangeRequest) -> Void) throws -> String {
            try store.read("a", "z", change).keys.joined()
        }
        #expect(try keys { $0.minModRevision = 4 } == "acd")
        #expect(try keys { $0.maxModRevision = 4 } == "ab")
        #expect(try keys { $0.minCreateRevision = 4 } == "ad")
        #expect(try keys { $0.maxCreateRevision = 3 } == "bc")
        let limited = try store.read("a", "z") {
            $0.limit = 1; $0.maxModRevision = 9999
        }
        #expect(limited.keys == ["a"] && limited.more && limited.count == 4)
        let single = try store.read("a") { $0.minModRevision = 5 }
        #expect(single.keys.isEmpty && single.count == 1 && !single.more)
    }
}

@Suite struct KeyValueRecordTests {
    /// What was read, what was made, and what was changed are the same to whoever looks.
    @Test func storedAndMadeAreEqual() throws {
        var store = KeyValueStore()
        _ = try store.grantLease(id: LeaseID(-7), ttlSeconds: 60, now: .zero)
        // Lengths and numbers that take one byte and more.
        for length in [0, 1, 127, 128, 20_000] {
            let (key, value) = ("k" + String(repeating: "x", count: length), String(repeating: "v", count: length))
            try store.put(key, "first")
            for _ in 0..<130 { try store.put(key, value, lease: -7) }
            let found = try #require(store.get(bytes(key)))
            let made = KeyValueRecord(
                key: bytes(key), createRevision: store.revision - 130, modRevision: store.revision, version: 131,
                value: bytes(value), lease: LeaseID(-7))
            #expect(found == made && found.hashValue == made.hashValue)
            #expect(found.withKey { [UInt8](copying: $0) } == bytes(key))
            #expect(found.withContent { [UInt8](copying: $2) } == bytes(value))
            #expect(found.contentCount == made.contentCount && found.contentCount == 2 * length + 1)
            for record in [found, made] {
                var changed = record
                changed.value = []
                #expect((changed == record) == (length == 0))
                #expect(changed.key == record.key && changed.lease == record.lease)
                changed.value = record.value
                changed.version += 1
                changed.version -= 1
                #expect(changed == record)
            }
        }
    }
}
