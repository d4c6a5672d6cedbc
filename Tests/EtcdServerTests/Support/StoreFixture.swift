// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletBasics
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletNode
import NIOCore
import NIOEmbedded
import SwiftProtobuf

/// A store on a loop whose time stands still until the test moves it.
struct StoreFixture {
    let loop = EmbeddedEventLoop()
    let store: MemberStore

    init(_ configure: (inout EtcdServerConfiguration) -> Void = { _ in }) {
        var configuration = EtcdServerConfiguration()
        configuration.name = "n1"
        configure(&configuration)
        store = MemberStore(
            configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            eventLoop: loop)
        do {
            try store.member.start()
        } catch {
            preconditionFailure("a store in memory has nothing that could fail: \(error)")
        }
        loop.run()
    }

    /// Calls a unary method of a service.
    func call<Response: Message>(
        _ method: (any EtcdCall, [UInt8]) -> Void,
        _ request: some Message,
        _ type: Response.Type,
        as call: RecordingCall = RecordingCall()
    ) throws -> Response {
        method(call, try request.serializedBytes())
        loop.run()
        if let status = call.status, status.code != .ok { throw status }
        let responses = try call.take(type)
        guard responses.count == 1 else { throw UnexpectedAnswer(count: responses.count) }
        return responses[0]
    }

    @discardableResult
    func put(_ key: String, _ value: String = "", lease: Int64 = 0) throws -> Etcdserverpb_PutResponse {
        var request = Etcdserverpb_PutRequest()
        request.key = Array(key.utf8).data
        request.value = Array(value.utf8).data
        request.lease = lease
        return try call(KVService(store: store).put, request, Etcdserverpb_PutResponse.self)
    }

    @discardableResult
    func delete(_ key: String) throws -> Etcdserverpb_DeleteRangeResponse {
        var request = Etcdserverpb_DeleteRangeRequest()
        request.key = Array(key.utf8).data
        return try call(KVService(store: store).deleteRange, request, Etcdserverpb_DeleteRangeResponse.self)
    }

    @discardableResult
    func compact(_ revision: Int64, physical: Bool = false) throws -> Etcdserverpb_CompactionResponse {
        var request = Etcdserverpb_CompactionRequest()
        request.revision = revision
        request.physical = physical
        return try call(KVService(store: store).compact, request, Etcdserverpb_CompactionResponse.self)
    }

    @discardableResult
    func grant(_ ttl: Int64, id: Int64 = 0) throws -> Etcdserverpb_LeaseGrantResponse {
        var request = Etcdserverpb_LeaseGrantRequest()
        request.ttl = ttl
        request.id = id
        return try call(LeaseService(store: store).grant, request, Etcdserverpb_LeaseGrantResponse.self)
    }
}

struct UnexpectedAnswer: Error {
    var count: Int
}
