// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import Testing

@Suite struct TxnValidationTests {
    struct Case: CustomTestStringConvertible {
        var name: String
        var operations: [TxnRequest.Operation]
        var error: KeyValueError?
        var testDescription: String { name }
    }

    private static func nested(
        _ success: [TxnRequest.Operation], _ failure: [TxnRequest.Operation] = []
    ) -> TxnRequest.Operation {
        .txn(TxnRequest(success: success, failure: failure))
    }

    private static let cases = [
        Case(name: "put twice", operations: [put("k"), put("k")], error: .duplicateKey),
        Case(name: "put then delete", operations: [put("k"), delete("a", "z")], error: .duplicateKey),
        Case(name: "delete then put", operations: [delete("k"), put("k")], error: .duplicateKey),
        Case(name: "delete beside put", operations: [delete("a", "k"), put("k")], error: nil),
        Case(name: "two deletes", operations: [delete("a", "z"), delete("k")], error: nil),
        Case(name: "nothing set", operations: [.unset], error: .keyNotFound),
        Case(name: "empty key", operations: [put("")], error: .keyNotProvided),
        Case(name: "put in both branches", operations: [nested([put("k")], [put("k")])], error: nil),
        Case(
            name: "put in two nested", operations: [nested([put("k")]), nested([], [put("k")])], error: .duplicateKey),
        Case(name: "put around nested put", operations: [put("k"), nested([put("k")])], error: .duplicateKey),
        Case(name: "delete around nested put", operations: [delete("k"), nested([put("k")])], error: .duplicateKey),
        Case(name: "put around nested delete", operations: [nested([delete("k")]), put("k")], error: .duplicateKey),
        // etcd looks at siblings in their order, and at deletes from a key on not at all.
        Case(
            name: "nested delete, nested put", operations: [nested([delete("k")]), nested([put("k")])],
            error: .duplicateKey),
        Case(name: "nested put, nested delete", operations: [nested([put("k")]), nested([delete("k")])], error: nil),
        Case(name: "delete from a key on", operations: [delete("a", "\0"), put("k")], error: nil),
        Case(name: "empty delete range", operations: [delete("z", "a"), put("k")], error: nil),
    ]

    @Test(arguments: cases) func refusesWhatContradictsItself(_ item: Case) {
        var seen: KeyValueError?
        do { try TxnRequest(success: item.operations).validate(maximumOperations: 128) } catch { seen = error }
        #expect(seen == item.error)
        seen = nil
        do { try TxnRequest(failure: item.operations).validate(maximumOperations: 128) } catch { seen = error }
        #expect(seen == item.error)
    }

    @Test(arguments: [(1, 127, true), (1, 128, false), (64, 64, true), (64, 65, false), (129, 0, false)])
    func nestedListsShareTheBudget(_ outer: Int, _ inner: Int, _ isAllowed: Bool) {
        let reads = { (count: Int) in (0..<count).map { _ in get("a") } }
        let request = TxnRequest(success: reads(outer - 1) + [Self.nested(reads(inner))])
        if isAllowed {
            #expect(throws: Never.self) { try request.validate(maximumOperations: 128) }
        } else {
            #expect(throws: KeyValueError.tooManyOperations) { try request.validate(maximumOperations: 128) }
        }
    }

    @Test func comparesCountAndNeedAKey() {
        let compare = TxnCompare(.version(0), of: bytes("k"))
        #expect(throws: KeyValueError.tooManyOperations) {
            try TxnRequest(compare: Array(repeating: compare, count: 129)).validate(maximumOperations: 128)
        }
        #expect(throws: KeyValueError.keyNotProvided) {
            try TxnRequest(compare: [TxnCompare(.version(0), of: [])]).validate(maximumOperations: 128)
        }
    }
}

@Suite struct TxnTests {
    @Test func writesShareOneRevisionAndReadsSeeThem() throws {
        var store = KeyValueStore()
        try store.put("a", "1")
        let response = try store.txn(
            TxnRequest(success: [
                get("a"), delete("missing"), put("a", "2"), get("a"), delete("missing"),
                .txn(TxnRequest(success: [put("b", "3")])),
            ]))
        #expect(response.revision == 3 && response.succeeded && store.revision == 3)
        guard case .range(let before) = response.responses[0], case .deleteRange(let missing) = response.responses[1],
            case .put(let written) = response.responses[2], case .range(let after) = response.responses[3],
            case .deleteRange(let stillMissing) = response.responses[4], case .txn(let inner) = response.responses[5]
        else {
            Issue.record("\(response.responses)")
            return
        }
        #expect(before.revision == 2 && before.values == ["1"])
        #expect(missing.revision == 2 && missing.deleted == 0)
        #expect(written.revision == 3)
        #expect(after.revision == 3 && after.values == ["2"])
        #expect(stillMissing.revision == 3)
        #expect(inner.succeeded && inner.responses.count == 1)
        #expect(store.get(bytes("b"))?.modRevision == 3)
    }

    @Test func readsOfThePastInsideAWriteSeeThePast() throws {
        var store = KeyValueStore()
        try store.put("a", "1")
        try store.put("a", "2")
        let response = try store.txn(
            TxnRequest(success: [put("a", "3"), get("a", revision: 3), get("a", revision: 2)]))
        guard case .range(let newest) = response.responses[1], case .range(let past) = response.responses[2] else {
            Issue.record("\(response.responses)")
            return
        }
        #expect(newest.values == ["2"] && past.values == ["1"])
        #expect(newest.revision == 4)
    }

    @Test func comparesSeeTheStateBefore() throws {
        var store = KeyValueStore()
        try store.put("e", "1")
        let nested = TxnRequest(compare: [TxnCompare(.value(bytes("2")), of: bytes("e"))], success: [get("e")])
        let response = try store.txn(TxnRequest(success: [put("e", "2"), .txn(nested)]))
        guard case .txn(let inner) = response.responses[1] else {
            Issue.record("\(response)")
            return
        }
        #expect(!inner.succeeded && inner.responses.isEmpty)
    }

    struct Compare: CustomTestStringConvertible {
        var compare: TxnCompare
        var holds: Bool
        var testDescription: String { "\(compare.target) \(compare.relation) \(text(compare.key))" }
    }

    private static func compare(
        _ target: TxnCompare.Target, _ relation: TxnCompare.Relation, _ holds: Bool, key: String = "k", end: String = ""
    ) -> Compare {
        Compare(
            compare: TxnCompare(target, of: bytes(key), rangeEnd: bytes(end), is: relation), holds: holds)
    }

    /// Against k = "v" at {4,…}: created 2, version 3, lease 7; and l = "w", created and modified at 5.
    private static let compares = [
        compare(.version(3), .equal, true), compare(.version(3), .notEqual, false),
        compare(.version(2), .greater, true), compare(.version(3), .greater, false),
        compare(.version(4), .less, true), compare(.version(3), .less, false),
        compare(.createRevision(2), .equal, true), compare(.modRevision(4), .equal, true),
        compare(.modRevision(5), .less, true), compare(.value(bytes("v")), .equal, true),
        compare(.value(bytes("u")), .greater, true), compare(.value(bytes("va")), .less, true),
        compare(.lease(7), .equal, true), compare(.lease(0), .equal, false),
        compare(.version(9), .unrecognized, true), compare(.unrecognized, .equal, true),
        compare(.unrecognized, .less, false),
        compare(.version(0), .equal, true, key: "x"), compare(.createRevision(0), .greater, false, key: "x"),
        compare(.modRevision(5), .notEqual, true, key: "x"), compare(.lease(0), .equal, true, key: "x"),
        compare(.value([]), .equal, false, key: "x"), compare(.value(bytes("v")), .notEqual, false, key: "x"),
        compare(.modRevision(3), .greater, true, end: "m"), compare(.modRevision(4), .greater, false, end: "m"),
        compare(.createRevision(0), .equal, true, key: "x", end: "z"),
        compare(.createRevision(0), .greater, false, key: "x", end: "z"),
        compare(.value([]), .notEqual, false, key: "x", end: "z"), compare(.lease(8), .less, true, key: "a", end: "\0"),
    ]

    @Test(arguments: compares) func evaluatesCompares(_ item: Compare) throws {
        var store = KeyValueStore()
        _ = try store.grantLease(id: LeaseID(7), ttlSeconds: 10, now: .zero)
        for value in ["t", "u", "v"] { try store.put("k", value, lease: 7) }
        try store.put("l", "w")
        let response = try store.txn(TxnRequest(compare: [item.compare]))
        #expect(response.succeeded == item.holds)
        #expect(response.revision == 5)
    }

    @Test func failsBeforeAnyWrite() throws {
        var store = KeyValueStore()
        try store.put("a", "1")
        let digest = store.stateDigest()
        var keeps = PutRequest(key: bytes("zz"), lease: LeaseID(99))
        keeps.ignoreValue = true
        let bad: [(TxnRequest.Operation, KeyValueError)] = [
            (.put(PutRequest(key: bytes("z"), lease: LeaseID(99))), .leaseNotFound), (.put(keeps), .keyNotFound),
            (get("a", revision: 3), .futureRevision), (get("a", revision: -2), .compacted),
        ]
        for (operation, error) in bad {
            #expect(throws: error) {
                try store.txn(TxnRequest(success: [put("b", "2"), .txn(TxnRequest(success: [operation]))]))
            }
        }
        #expect(store.stateDigest() == digest)
        // Only the chosen side counts; −1 is readable while nothing was compacted.
        let response = try store.txn(TxnRequest(success: [get("a", revision: -1)], failure: [bad[0].0]))
        #expect(response.succeeded)
        #expect(throws: KeyValueError.leaseNotFound) { try store.put(keeps) }
    }

    @Test func aKeyPutAndDeletedInOneTransactionIsGone() throws {
        var store = KeyValueStore()
        try store.put("k", "old")
        _ = try store.txn(
            TxnRequest(success: [
                .txn(TxnRequest(success: [put("k", "new")])), .txn(TxnRequest(success: [delete("k")])),
            ]))
        #expect(store.get(bytes("k")) == nil)
        #expect(try store.read("k") { $0.revision = 2 }.values == ["old"])
        // And the other way round through a delete from a key on.
        _ = try store.txn(TxnRequest(success: [delete("\0", "\0"), put("k", "again")]))
        _ = try store.txn(TxnRequest(success: [delete("\0", "\0"), put("k", "more")]))
        #expect(store.get(bytes("k"))?.version == 1)
        #expect(try store.read("k") { $0.revision = 4 }.values == ["again"])
        try store.compact(5)
        store.reclaimCompacted()
        #expect(store.get(bytes("k"))?.createRevision == 5)
    }

    @Test func servesReadsWithoutWriting() throws {
        var store = KeyValueStore()
        try store.put("a", "1")
        let request = TxnRequest(compare: [TxnCompare(.version(1), of: bytes("a"))], success: [get("a")])
        #expect(request.isReadOnly)
        #expect(!TxnRequest(failure: [put("a")]).isReadOnly)
        let response = try store.readOnlyTxn(request)
        #expect(try response == store.txn(request))
        #expect(response.succeeded && response.revision == 2)
    }
}
