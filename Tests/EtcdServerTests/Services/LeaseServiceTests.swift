// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletKeyValue
import MartletNode
import MartletReplica
import NIOCore
import NIOEmbedded
import SwiftProtobuf
import Testing

@Suite struct LeaseServiceTests {
    let fixture = StoreFixture()
    private var service: LeaseService { LeaseService(store: fixture.store) }

    private func timeToLive(_ id: Int64, keys: Bool = false) throws -> Etcdserverpb_LeaseTimeToLiveResponse {
        var request = Etcdserverpb_LeaseTimeToLiveRequest()
        request.id = id
        request.keys = keys
        return try fixture.call(service.timeToLive, request, Etcdserverpb_LeaseTimeToLiveResponse.self)
    }

    private func leases() throws -> [Int64] {
        let request = Etcdserverpb_LeaseLeasesRequest()
        return try fixture.call(service.leases, request, Etcdserverpb_LeaseLeasesResponse.self).leases.map(\.id)
    }

    private func failure(_ body: () throws -> Void) -> GRPCStatus? {
        do {
            try body()
            return nil
        } catch {
            return error as? GRPCStatus
        }
    }

    @Test func grants() throws {
        let small = try fixture.grant(1, id: 77)
        #expect(small.id == 77)
        #expect(small.ttl == 2)
        #expect(small.header.revision == 1)
        #expect(failure { try fixture.grant(1, id: 77) }?.message == EtcdError.leaseExists.message)
        #expect(failure { try fixture.grant(9_000_000_001) }?.message == EtcdError.leaseTTLTooLarge.message)
        let negative = try fixture.grant(60, id: -9)
        #expect(negative.id == -9)
        #expect(negative.ttl == 60)
        let random = try fixture.grant(-3)
        #expect(random.id > 0)
        #expect(random.ttl == 2)
        #expect(try leases().last == -9)
        #expect(try leases().count == 3)
    }

    @Test func keysLiveAsLongAsTheirLease() throws {
        try fixture.grant(5, id: 1)
        try fixture.put("a", lease: 1)
        try fixture.put("b", lease: 1)
        #expect(try timeToLive(1, keys: true).keys.map(\.bytes) == [[97], [98]])
        #expect(try timeToLive(1).keys.isEmpty)
        fixture.loop.advanceTime(by: .seconds(4))
        #expect(try timeToLive(1).ttl <= 1)
        #expect(fixture.store.keyValue.revision == 3)
        fixture.loop.advanceTime(by: .seconds(2))
        #expect(try timeToLive(1).ttl == -1)
        // Both keys went under one revision.
        #expect(fixture.store.keyValue.revision == 4)
        #expect(fixture.store.keyValue.get([97]) == nil)
        #expect(fixture.store.member.status.dueLeaseCount == 1)
    }

    @Test func renewal() throws {
        try fixture.grant(5, id: 1)
        let call = RecordingCall()
        let stream = service.keepAlive(call)
        var request = Etcdserverpb_LeaseKeepAliveRequest()
        for _ in 0..<3 {
            fixture.loop.advanceTime(by: .seconds(4))
            request.id = 1
            stream.received(try request.serializedBytes())
            fixture.loop.run()
        }
        request.id = 4242
        stream.received(try request.serializedBytes())
        // The end of the client's side waits for the last answer.
        stream.receivedEnd()
        #expect(call.status == nil)
        fixture.loop.run()
        let responses = try call.take(Etcdserverpb_LeaseKeepAliveResponse.self)
        #expect(responses.map(\.ttl) == [5, 5, 5, 0])
        #expect(responses.map(\.id) == [1, 1, 1, 4242])
        #expect(responses.allSatisfy { $0.header.memberID != 0 })
        #expect(call.status?.code == .ok)
        stream.closed()
    }

    @Test func renewalsThatNobodyReads() throws {
        let call = RecordingCall()
        let stream = service.keepAlive(call)
        call.queuedBytes = 9 << 20
        stream.received(try Etcdserverpb_LeaseKeepAliveRequest().serializedBytes())
        #expect(call.status?.code == .resourceExhausted)
    }

    @Test func revocation() throws {
        try fixture.grant(60, id: 1)
        try fixture.put("a", lease: 1)
        var request = Etcdserverpb_LeaseRevokeRequest()
        request.id = 1
        let response = try fixture.call(service.revoke, request, Etcdserverpb_LeaseRevokeResponse.self)
        #expect(response.header.revision == 3)
        let again = failure {
            _ = try fixture.call(service.revoke, request, Etcdserverpb_LeaseRevokeResponse.self)
        }
        #expect(again?.code == .notFound)
        #expect(again?.message == EtcdError.leaseNotFound.message)
    }

    @Test func minimumFollowsTheElectionTimeout() {
        var configuration = EtcdServerConfiguration()
        #expect(configuration.minimumLeaseTTLSeconds == 2)
        configuration.electionTimeout = .milliseconds(2000)
        #expect(configuration.minimumLeaseTTLSeconds == 3)
        configuration.electionTimeout = .milliseconds(100)
        #expect(configuration.minimumLeaseTTLSeconds == 1)
    }
}
