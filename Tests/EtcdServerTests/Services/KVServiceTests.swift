// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import NIOEmbedded
import SwiftProtobuf
import Testing

@Suite struct KVServiceTests {
    let fixture = StoreFixture()
    private var service: KVService { KVService(store: fixture.store) }

    private func range(
        _ key: String, _ change: (inout Etcdserverpb_RangeRequest) -> Void = { _ in }
    ) throws -> Etcdserverpb_RangeResponse {
        var request = Etcdserverpb_RangeRequest()
        request.key = Array(key.utf8).data
        change(&request)
        return try fixture.call(service.range, request, Etcdserverpb_RangeResponse.self)
    }

    private func txn(_ change: (inout Etcdserverpb_TxnRequest) -> Void) throws -> Etcdserverpb_TxnResponse {
        var request = Etcdserverpb_TxnRequest()
        change(&request)
        return try fixture.call(service.txn, request, Etcdserverpb_TxnResponse.self)
    }

    private func expectFailure(_ error: EtcdError, _ body: () throws -> Void) {
        do {
            try body()
            Issue.record("no failure; expected \(error)")
        } catch let status as GRPCStatus {
            #expect(status.code == error.code)
            #expect(status.message == error.message)
        } catch {
            Issue.record("not a status: \(error)")
        }
    }

    private func putOp(_ key: String, _ value: String = "") -> Etcdserverpb_RequestOp {
        var operation = Etcdserverpb_RequestOp()
        operation.requestPut.key = Array(key.utf8).data
        operation.requestPut.value = Array(value.utf8).data
        return operation
    }

    private func rangeOp(_ key: String) -> Etcdserverpb_RequestOp {
        var operation = Etcdserverpb_RequestOp()
        operation.requestRange.key = Array(key.utf8).data
        return operation
    }

    @Test func headerOfAFreshMember() throws {
        let header = try range("a").header
        #expect(header.clusterID == 14_841_639_068_965_178_418)
        #expect(header.memberID == 10_276_657_743_932_975_437)
        #expect(header.revision == 1)
        #expect(header.raftTerm == 2)
    }

    @Test func putsCountVersionsAndRevisions() throws {
        for value in 0..<5 {
            #expect(try fixture.put("a", "\(value)").header.revision == Int64(2 + value))
        }
        let response = try range("a")
        #expect(response.header.revision == 6)
        #expect(response.count == 1)
        let record = try #require(response.kvs.first)
        #expect(record.createRevision == 2)
        #expect(record.modRevision == 6)
        #expect(record.version == 5)
        #expect(record.value.bytes == Array("4".utf8))
    }

    @Test func refusedRanges() throws {
        expectFailure(.emptyKey) { _ = try range("") }
        expectFailure(.invalidSortOption) { _ = try range("a") { $0.sortOrder = .UNRECOGNIZED(9) } }
        expectFailure(.futureRevision) { _ = try range("a") { $0.revision = 2 } }
        try fixture.put("a")
        try fixture.put("a")
        try fixture.compact(3)
        expectFailure(.compacted) { _ = try range("a") { $0.revision = 2 } }
        #expect(try range("a") { $0.revision = 3 }.count == 1)
    }

    @Test func refusedPuts() throws {
        expectFailure(.emptyKey) { try fixture.put("") }
        expectFailure(.leaseNotFound) { try fixture.put("a", lease: 4242) }
        func put(_ change: (inout Etcdserverpb_PutRequest) -> Void) throws {
            var request = Etcdserverpb_PutRequest()
            request.key = [97].data
            change(&request)
            _ = try fixture.call(service.put, request, Etcdserverpb_PutResponse.self)
        }
        expectFailure(.keyNotFound) { try put { $0.ignoreValue = true } }
        expectFailure(.valueProvided) {
            try put {
                $0.ignoreValue = true
                $0.value = [1].data
            }
        }
        expectFailure(.leaseProvided) {
            try put {
                $0.ignoreLease = true
                $0.lease = 1
            }
        }
        #expect(try range("a").header.revision == 1)
    }

    @Test func requestLimit() throws {
        let limit = fixture.store.configuration.maximumRequestBytes
        expectFailure(.requestTooLarge) { try fixture.put("k", String(repeating: "v", count: limit)) }
        try fixture.put("k", String(repeating: "v", count: limit - 100))
        #expect(fixture.store.configuration.wireLimitBytes == 2_097_152)
    }

    @Test func deletesAnswerWhatTheyRemoved() throws {
        try fixture.put("a", "1")
        #expect(try fixture.delete("nope").header.revision == 2)
        var request = Etcdserverpb_DeleteRangeRequest()
        request.key = [97].data
        request.prevKv = true
        let response = try fixture.call(service.deleteRange, request, Etcdserverpb_DeleteRangeResponse.self)
        #expect(response.header.revision == 3)
        #expect(response.deleted == 1)
        #expect(response.prevKvs.map(\.value.bytes) == [Array("1".utf8)])
    }

    @Test func transactionsSeeTheirOwnWrites() throws {
        var nested = Etcdserverpb_RequestOp()
        nested.requestTxn.success = [putOp("b", "2")]
        let response = try txn { $0.success = [putOp("a", "1"), nested, rangeOp("b")] }
        #expect(response.succeeded)
        #expect(response.header.revision == 2)
        #expect(response.header.memberID != 0)
        #expect(response.responses[0].responsePut.header.revision == 2)
        #expect(response.responses[0].responsePut.header.memberID == 0)
        #expect(response.responses[1].responseTxn.header == Etcdserverpb_ResponseHeader())
        #expect(response.responses[2].responseRange.kvs.map(\.value.bytes) == [Array("2".utf8)])
    }

    @Test func refusedTransactions() throws {
        expectFailure(.duplicateKey) { _ = try txn { $0.success = [putOp("a"), putOp("a")] } }
        expectFailure(.keyNotFound) { _ = try txn { $0.success = [Etcdserverpb_RequestOp()] } }
        expectFailure(.tooManyOperations) {
            _ = try txn { $0.success = (0..<129).map { putOp("k\($0)") } }
        }
        expectFailure(.futureRevision) {
            _ = try txn {
                var operation = rangeOp("a")
                operation.requestRange.revision = 99
                $0.success = [putOp("b"), operation]
            }
        }
        #expect(try range("b").header.revision == 1)
        #expect(try txn { $0.success = (0..<128).map { putOp("k\($0)") } }.header.revision == 2)
    }

    @Test func readOnlyTransactionIsNoProposal() throws {
        try fixture.put("a")
        let before = fixture.store.appliedIndex
        let response = try txn { $0.success = [rangeOp("a")] }
        #expect(response.responses.count == 1)
        #expect(fixture.store.appliedIndex == before)
        #expect(try txn { _ in }.succeeded)
    }

    @Test(arguments: [false, true]) func compaction(physical: Bool) throws {
        for _ in 0..<3000 { try fixture.put("a") }
        expectFailure(.futureRevision) { try fixture.compact(5000) }
        #expect(try fixture.compact(2500, physical: physical).header.revision == 3001)
        expectFailure(.compacted) { try fixture.compact(2500) }
        expectFailure(.compacted) { try fixture.compact(0) }
        #expect(try range("a") { $0.revision = 2500 }.kvs.first?.modRevision == 2500)
    }

    @Test func bytesThatAreNoMessage() throws {
        let call = RecordingCall()
        service.put(call, [0xff])
        #expect(call.status?.code == .internalError)
    }

    /// Each level takes one of the operations that the levels below have left.
    @Test(arguments: [(127, nil), (128, EtcdError.tooManyOperations)] as [(Int, EtcdError?)])
    func nestedTransactions(depth: Int, refusal: EtcdError?) throws {
        var txn = Etcdserverpb_TxnRequest()
        var put = Etcdserverpb_RequestOp()
        put.requestPut.key = Array("nested".utf8).data
        txn.success = [put]
        for _ in 0..<depth {
            var outer = Etcdserverpb_TxnRequest()
            var operation = Etcdserverpb_RequestOp()
            operation.requestTxn = txn
            outer.success = [operation]
            txn = outer
        }
        let call = RecordingCall()
        KVService(store: fixture.store).txn(call, try txn.serializedBytes())
        fixture.loop.run()
        #expect(call.status?.code == refusal?.status.code ?? .ok)
    }
}
