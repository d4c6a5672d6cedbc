// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletReplica
import MartletSimulation
import Testing

/// The twin by which the simulator judges, judged by hand.
@Suite struct ModelStoreTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private func put(_ key: String, _ value: String, lease: Int64 = 0) -> PutRequest {
        PutRequest(key: bytes(key), value: bytes(value), lease: LeaseID(lease))
    }

    @Test func answersWrites() {
        var model = ModelStore()
        #expect(model.apply(.put(put("a", "1"))) == .success(.put(PutResponse(revision: 2))))
        #expect(model.apply(.put(put("a", "2", lease: 5))) == .failure(.leaseNotFound))
        #expect(model.apply(.leaseGrant(LeaseID(5), ttlSeconds: 1)) == .success(.leaseGrant(LeaseID(5), ttlSeconds: 2)))
        #expect(model.apply(.leaseGrant(LeaseID(5), ttlSeconds: 9)) == .failure(.leaseExists))
        #expect(model.apply(.put(put("a", "2", lease: 5))) == .success(.put(PutResponse(revision: 3))))
        #expect(model.records(at: 3).map(\.version) == [2] && model.records(at: 2).map(\.version) == [1])
        #expect(
            model.apply(.leaseRevoke(LeaseID(5)))
                == .success(.leaseRevoke(DeleteRangeResponse(revision: 4, deleted: 1))))
        #expect(model.records(at: 4).isEmpty && model.changes.last?.previous?.value == bytes("2"))
        #expect(
            model.apply(.deleteRange(DeleteRangeRequest(key: bytes("a"))))
                == .success(.deleteRange(DeleteRangeResponse(revision: 4))))
        #expect(model.apply(.compact(CompactionRequest(revision: 5), physical: false)) == .failure(.futureRevision))
        #expect(
            model.apply(.compact(CompactionRequest(revision: 3), physical: true))
                == .success(.compact(CompactionResponse(revision: 4))))
        #expect(model.apply(.compact(CompactionRequest(revision: 3), physical: false)) == .failure(.compacted))
    }

    @Test func readsAtPositions() throws {
        var model = ModelStore()
        var positions = [model.position]
        for (key, value) in [("b", "1"), ("a", "2"), ("b", "3")] {
            _ = model.apply(.put(put(key, value)))
            positions.append(model.position)
        }
        var request = RangeRequest(key: [0], rangeEnd: [0])
        #expect(try model.range(request, at: positions[1]).get().records.map(\.value) == [bytes("1")])
        request.sortTarget = .modRevision
        (request.sortOrder, request.limit) = (.descend, 1)
        let newest = try model.range(request, at: positions[3]).get()
        #expect(newest.records.map(\.value) == [bytes("3")] && newest.more && newest.count == 2)
        request.revision = 3
        #expect(try model.range(request, at: positions[3]).get().records.map(\.value) == [bytes("2")])
        #expect(model.range(request, at: positions[1]) == .failure(.futureRevision))
    }

    @Test func runsTransactionsAsOneChange() throws {
        var model = ModelStore()
        _ = model.apply(.put(put("a", "1")))
        let inner = TxnRequest(
            compare: [TxnCompare(.version(0), of: bytes("b"))], success: [.put(put("b", "2"))], failure: [.unset])
        let txn = TxnRequest(
            compare: [TxnCompare(.value(bytes("1")), of: bytes("a"))],
            success: [
                .deleteRange(DeleteRangeRequest(key: bytes("a"))), .range(RangeRequest(key: bytes("a"))), .txn(inner),
            ])
        // What can't run is refused as a whole.
        #expect(model.apply(.txn(txn)) == .failure(.keyNotFound))
        var valid = txn
        valid.success[2] = .txn(TxnRequest(compare: inner.compare, success: inner.success))
        guard case .success(.txn(let response)) = model.apply(.txn(valid)) else {
            Issue.record("refused")
            return
        }
        #expect(response.revision == 3 && response.responses[1] == .range(RangeResponse(revision: 3)))
        #expect(model.changes.suffix(2).map(\.revision) == [Revision(main: 3, sub: 0), Revision(main: 3, sub: 1)])
        #expect(model.records(at: 3).map(\.key) == [bytes("b")])
    }
}
