// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletKeyValue
import NIOEmbedded
import SwiftProtobuf
import Testing

/// What is written by hand is what the generated messages would write.
@Suite struct KVResponseTests {
    let fixture = StoreFixture()

    private func roundTrip<Response: Message>(
        _ method: (any EtcdCall, [UInt8]) -> Void, _ request: some Message, _ type: Response.Type
    ) throws -> Response {
        let call = RecordingCall()
        method(call, try request.serializedBytes())
        fixture.loop.run()
        let bytes = try #require(call.messages.first)
        let response = try Response(serializedBytes: bytes)
        #expect(try response.serializedBytes() as [UInt8] == bytes)
        return response
    }

    @Test func ranges() throws {
        let lease = try fixture.grant(60, id: -7)
        try fixture.put("a", String(repeating: "v", count: 300), lease: lease.id)
        try fixture.put("b")
        try fixture.put("a", "x")
        var request = Etcdserverpb_RangeRequest()
        request.key = Array("a".utf8).data
        request.rangeEnd = [0].data
        request.limit = 1
        let first = try roundTrip(KVService(store: fixture.store).range, request, Etcdserverpb_RangeResponse.self)
        #expect(first.more && first.count == 2 && first.header.revision == 4)
        #expect(first.header.clusterID == fixture.store.identity.clusterID && first.header.raftTerm == 2)
        request.limit = 0
        request.revision = 2
        let old = try roundTrip(KVService(store: fixture.store).range, request, Etcdserverpb_RangeResponse.self)
        #expect(old.kvs[0].lease == -7 && old.kvs[0].value.count == 300 && old.kvs[0].version == 1)
        request.key = [1].data
        request.rangeEnd = [].data
        let none = try roundTrip(KVService(store: fixture.store).range, request, Etcdserverpb_RangeResponse.self)
        #expect(none.kvs.isEmpty && none.count == 0 && !none.more)
    }

    @Test func writes() throws {
        var put = Etcdserverpb_PutRequest()
        put.key = Array("a".utf8).data
        put.prevKv = true
        let service = KVService(store: fixture.store)
        #expect(try !roundTrip(service.put, put, Etcdserverpb_PutResponse.self).hasPrevKv)
        #expect(try roundTrip(service.put, put, Etcdserverpb_PutResponse.self).prevKv.version == 1)
        var delete = Etcdserverpb_DeleteRangeRequest()
        delete.key = Array("a".utf8).data
        delete.prevKv = true
        let deleted = try roundTrip(service.deleteRange, delete, Etcdserverpb_DeleteRangeResponse.self)
        #expect(deleted.deleted == 1 && deleted.prevKvs.count == 1 && deleted.header.revision == 4)
        #expect(try roundTrip(service.deleteRange, delete, Etcdserverpb_DeleteRangeResponse.self).deleted == 0)
    }

    /// The header of an inner response carries the revision only, that of a nested transaction nothing at all.
    @Test func innerHeadersOfATransaction() throws {
        var put = Etcdserverpb_RequestOp()
        put.requestPut.key = Array("a".utf8).data
        var range = Etcdserverpb_RequestOp()
        range.requestRange.key = Array("a".utf8).data
        var inner = Etcdserverpb_RequestOp()
        inner.requestTxn.success = [range]
        var delete = Etcdserverpb_RequestOp()
        delete.requestDeleteRange.key = Array("b".utf8).data
        var request = Etcdserverpb_TxnRequest()
        request.success = [put, inner, delete]
        let message = try roundTrip(KVService(store: fixture.store).txn, request, Etcdserverpb_TxnResponse.self)
        var onlyRevision = Etcdserverpb_ResponseHeader()
        onlyRevision.revision = 2
        #expect(message.succeeded && message.header.revision == 2 && message.header.memberID != 0)
        #expect(message.responses[0].responsePut.header == onlyRevision)
        #expect(message.responses[1].responseTxn.hasHeader)
        #expect(message.responses[1].responseTxn.header == Etcdserverpb_ResponseHeader())
        #expect(message.responses[1].responseTxn.responses[0].responseRange.header == onlyRevision)
        #expect(message.responses[1].responseTxn.responses[0].responseRange.kvs.count == 1)
        #expect(message.responses[2].responseDeleteRange.deleted == 0)
    }
}
