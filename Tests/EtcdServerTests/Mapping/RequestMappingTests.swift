// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
import MartletEtcdServer
import MartletKeyValue
import MartletReplica
import SwiftProtobuf
import Testing

@Suite struct RequestMappingTests {
    @Test func rangeRequest() throws {
        var message = Etcdserverpb_RangeRequest()
        message.key = [1, 2].data
        message.rangeEnd = [3].data
        message.limit = 4
        message.revision = 5
        message.sortOrder = .descend
        message.sortTarget = .mod
        message.keysOnly = true
        message.countOnly = true
        message.minModRevision = 6
        message.maxModRevision = 7
        message.minCreateRevision = 8
        message.maxCreateRevision = 9
        var expected = RangeRequest(key: [1, 2], rangeEnd: [3])
        expected.limit = 4
        expected.revision = 5
        expected.sortOrder = .descend
        expected.sortTarget = .modRevision
        expected.keysOnly = true
        expected.countOnly = true
        expected.minModRevision = 6
        expected.maxModRevision = 7
        expected.minCreateRevision = 8
        expected.maxCreateRevision = 9
        #expect(try RangeQuery(wire: message.serializedBytes()).request == expected)
    }

    @Test func sortEnums() throws {
        let orders = try (0...3).map { number in
            var message = Etcdserverpb_RangeRequest()
            message.sortOrder = .init(rawValue: number) ?? .none
            return try RangeQuery(wire: message.serializedBytes()).request.sortOrder
        }
        #expect(orders == [.none, .ascend, .descend, .unrecognized])
        let targets = try (0...5).map { number in
            var message = Etcdserverpb_RangeRequest()
            message.sortTarget = .init(rawValue: number) ?? .key
            return try RangeQuery(wire: message.serializedBytes()).request.sortTarget
        }
        #expect(targets == [.key, .version, .createRevision, .modRevision, .value, .unrecognized])
    }

    @Test func putAndDelete() throws {
        var put = Etcdserverpb_PutRequest()
        put.key = [1].data
        put.value = [2].data
        put.lease = -3
        put.prevKv = true
        put.ignoreValue = true
        put.ignoreLease = true
        var expectedPut = PutRequest(key: [1], value: [2], lease: LeaseID(-3))
        expectedPut.wantsPrevious = true
        expectedPut.ignoreValue = true
        expectedPut.ignoreLease = true
        #expect(try Write(.put, wire: put.serializedBytes()).request == .put(expectedPut))

        var delete = Etcdserverpb_DeleteRangeRequest()
        delete.key = [1].data
        delete.rangeEnd = [2].data
        delete.prevKv = true
        var expectedDelete = DeleteRangeRequest(key: [1], rangeEnd: [2])
        expectedDelete.wantsPrevious = true
        #expect(
            try Write(.deleteRange, wire: delete.serializedBytes()).request == .deleteRange(expectedDelete))
    }

    @Test func compares() throws {
        func compare(_ change: (inout Etcdserverpb_Compare) -> Void) throws -> TxnCompare? {
            var message = Etcdserverpb_Compare()
            message.key = [1].data
            message.rangeEnd = [2].data
            change(&message)
            var txn = Etcdserverpb_TxnRequest()
            txn.compare = [message]
            guard case .txn(let request) = try Write(.txn, wire: txn.serializedBytes()).request else { return nil }
            return request.compare.first
        }
        func expected(_ target: TxnCompare.Target, _ relation: TxnCompare.Relation) -> TxnCompare {
            TxnCompare(target, of: [1], rangeEnd: [2], is: relation)
        }
        #expect(try compare { $0.version = 4 } == expected(.version(4), .equal))
        #expect(
            try compare {
                $0.target = .create
                $0.createRevision = 5
                $0.result = .greater
            } == expected(.createRevision(5), .greater))
        #expect(
            try compare {
                $0.target = .mod
                $0.modRevision = 6
                $0.result = .less
            } == expected(.modRevision(6), .less))
        #expect(
            try compare {
                $0.target = .value
                $0.value = [7].data
                $0.result = .notEqual
            } == expected(.value([7]), .notEqual))
        #expect(
            try compare {
                $0.target = .lease
                $0.lease = 8
            } == expected(.lease(8), .equal))
        // The declared target counts, not the value that came along.
        #expect(
            try compare {
                $0.target = .mod
                $0.version = 9
            } == expected(.modRevision(0), .equal))
        #expect(
            try compare {
                $0.target = .UNRECOGNIZED(9)
                $0.result = .UNRECOGNIZED(9)
            } == expected(.unrecognized, .unrecognized))
    }

    @Test func nestedTransaction() throws {
        var range = Etcdserverpb_RequestOp()
        range.requestRange.key = [1].data
        var put = Etcdserverpb_RequestOp()
        put.requestPut.key = [2].data
        var delete = Etcdserverpb_RequestOp()
        delete.requestDeleteRange.key = [3].data
        var inner = Etcdserverpb_RequestOp()
        inner.requestTxn.success = [put]
        inner.requestTxn.failure = [Etcdserverpb_RequestOp()]
        var message = Etcdserverpb_TxnRequest()
        message.success = [range, inner]
        message.failure = [delete]
        #expect(
            try Write(.txn, wire: message.serializedBytes()).request
                == .txn(TxnRequest(
                    success: [
                        .range(RangeRequest(key: [1])),
                        .txn(TxnRequest(success: [.put(PutRequest(key: [2]))], failure: [.unset])),
                    ],
                    failure: [.deleteRange(DeleteRangeRequest(key: [3]))]
                )))
    }

    @Test func watchRequest() {
        var message = Etcdserverpb_WatchCreateRequest()
        message.key = [1].data
        message.rangeEnd = [0].data
        message.startRevision = 5
        message.filters = [.nodelete, .noput]
        message.prevKv = true
        message.watchID = 9
        var expected = WatchRequest(key: [1], rangeEnd: [0])
        expected.startRevision = 5
        expected.skipsPuts = true
        expected.skipsDeletes = true
        expected.wantsPrevious = true
        expected.watchID = WatchID(9)
        #expect(WatchRequest(message) == expected)
        message.filters = [.noput]
        expected.skipsDeletes = false
        #expect(WatchRequest(message) == expected)
    }
}
