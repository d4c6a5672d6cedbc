// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletKeyValue
import NIOCore
import NIOEmbedded
import SwiftProtobuf
import Testing

@Suite struct LockServiceTests {
    let fixture = StoreFixture()

    private struct Pending {
        let call = RecordingCall()
        let events: any ServerCallEvents

        init(_ request: some Message, _ make: (any EtcdCall) -> any ServerCallEvents, _ loop: EmbeddedEventLoop) throws
        {
            events = make(call)
            events.received(try request.serializedBytes())
            loop.run()
        }
    }

    private func lock(lease: Int64) throws -> Pending {
        var request = V3lockpb_LockRequest()
        request.name = Array("l".utf8).data
        request.lease = lease
        return try Pending(request, LockService(store: fixture.store).lock, fixture.loop)
    }

    private func unlock(_ key: [UInt8]) throws {
        var request = V3lockpb_UnlockRequest()
        request.key = key.data
        _ = try fixture.call(LockService(store: fixture.store).unlock, request, V3lockpb_UnlockResponse.self)
    }

    @Test func oneOwnerAtATimeInOrder() throws {
        for lease in Int64(1)...3 { try fixture.grant(60, id: lease) }
        let locks = try (Int64(1)...3).map { try lock(lease: $0) }
        #expect(locks.map { $0.call.status?.code } == [.ok, nil, nil])
        let first = try #require(try locks[0].call.take(V3lockpb_LockResponse.self).first)
        #expect(first.key.bytes == Array("l/1".utf8))
        // The second leaves: the third still waits for the first.
        locks[1].events.closed()
        fixture.loop.run()
        #expect(fixture.store.keyValue.get(Array("l/2".utf8)) == nil)
        #expect(locks[2].call.status == nil)
        try unlock(first.key.bytes)
        #expect(locks[2].call.status?.code == .ok)
        #expect(try locks[2].call.take(V3lockpb_LockResponse.self).first?.key.bytes == Array("l/3".utf8))
    }

    @Test func leaseEndHandsOver() throws {
        try fixture.grant(2, id: 1)
        try fixture.grant(60, id: 2)
        _ = try lock(lease: 1)
        let second = try lock(lease: 2)
        #expect(second.call.status == nil)
        fixture.loop.advanceTime(by: .seconds(4))
        #expect(second.call.status?.code == .ok)
    }

    @Test func waitingLongerThanOnesLeaseFails() throws {
        try fixture.grant(60, id: 1)
        try fixture.grant(2, id: 2)
        let first = try lock(lease: 1)
        let second = try lock(lease: 2)
        fixture.loop.advanceTime(by: .seconds(4))
        try unlock(try #require(try first.call.take(V3lockpb_LockResponse.self).first).key.bytes)
        #expect(second.call.status?.message == "mutex: session is expired")
    }

    @Test func sessionOfTheServersOwn() throws {
        let pending = try lock(lease: 0)
        #expect(pending.call.status?.code == .ok)
        #expect(fixture.store.keyValue.leaseIDs().count == 1)
        fixture.loop.advanceTime(by: .seconds(62))
        let key = try #require(try pending.call.take(V3lockpb_LockResponse.self).first).key.bytes
        #expect(fixture.store.keyValue.get(key) == nil)
    }

    @Test func unknownLease() throws {
        let status = try lock(lease: 4242).call.status
        #expect(status?.message == EtcdError.leaseNotFound.message)
        // Unlike elsewhere; see `EtcdError.statusBehindClient`.
        #expect(status?.code == .unknown)
    }

    @Test func stopEndsTheWait() throws {
        for lease in Int64(1)...2 { try fixture.grant(60, id: lease) }
        _ = try lock(lease: 1)
        let second = try lock(lease: 2)
        fixture.store.endWatches()
        #expect(second.call.status?.message == EtcdError.stopped.message)
    }

    @Test func aCallWithoutRequest() {
        let election = ElectionService(store: fixture.store)
        for method in [LockService(store: fixture.store).lock, election.campaign, election.observe] {
            let call = RecordingCall()
            method(call).receivedEnd()
            #expect(call.status?.code == .internalError)
        }
    }

    /// The client has said all, and waits.
    @Test func theEndOfTheRequestChangesNothing() throws {
        for lease in Int64(1)...2 { try fixture.grant(60, id: lease) }
        _ = try lock(lease: 1)
        let second = try lock(lease: 2)
        second.events.receivedEnd()
        #expect(second.call.status == nil)
    }

    // MARK: Elections

    private func campaign(lease: Int64, _ value: String) throws -> Pending {
        var request = V3electionpb_CampaignRequest()
        request.name = Array("e".utf8).data
        request.lease = lease
        request.value = Array(value.utf8).data
        return try Pending(request, ElectionService(store: fixture.store).campaign, fixture.loop)
    }

    private func leader() throws -> String {
        var request = V3electionpb_LeaderRequest()
        request.name = Array("e".utf8).data
        let service = ElectionService(store: fixture.store)
        let response = try fixture.call(service.leader, request, V3electionpb_LeaderResponse.self)
        return String(decoding: response.kv.value, as: UTF8.self)
    }

    @Test func electionFromCampaignToResignation() throws {
        let service = ElectionService(store: fixture.store)
        for lease in Int64(1)...2 { try fixture.grant(60, id: lease) }
        #expect(throws: GRPCStatus.self) { _ = try leader() }

        var observed = V3electionpb_LeaderRequest()
        observed.name = Array("e".utf8).data
        let observer = try Pending(observed, service.observe, fixture.loop)

        let first = try campaign(lease: 1, "one")
        let won = try #require(try first.call.take(V3electionpb_CampaignResponse.self).first).leader
        #expect(won.key.bytes == Array("e/1".utf8))
        #expect(won.lease == 1 && won.rev == 2)
        let second = try campaign(lease: 2, "two")
        #expect(second.call.status == nil)
        #expect(try leader() == "one")

        var proclaim = V3electionpb_ProclaimRequest()
        #expect(throws: GRPCStatus.self) {
            _ = try fixture.call(service.proclaim, proclaim, V3electionpb_ProclaimResponse.self)
        }
        proclaim.leader = won
        proclaim.value = Array("uno".utf8).data
        _ = try fixture.call(service.proclaim, proclaim, V3electionpb_ProclaimResponse.self)
        #expect(try leader() == "uno")

        var resign = V3electionpb_ResignRequest()
        resign.leader = won
        _ = try fixture.call(service.resign, resign, V3electionpb_ResignResponse.self)
        #expect(second.call.status?.code == .ok)
        #expect(try leader() == "two")
        // The former leader can proclaim nothing.
        #expect(throws: GRPCStatus.self) {
            _ = try fixture.call(service.proclaim, proclaim, V3electionpb_ProclaimResponse.self)
        }
        let seen = try observer.call.take(V3electionpb_LeaderResponse.self)
        #expect(seen.map { String(decoding: $0.kv.value, as: UTF8.self) } == ["one", "uno", "two"])
        observer.events.closed()
    }

    @Test func campaigningAgainChangesTheValue() throws {
        try fixture.grant(60, id: 1)
        _ = try campaign(lease: 1, "one")
        #expect(try campaign(lease: 1, "uno").call.status?.code == .ok)
        #expect(try leader() == "uno")
        #expect(fixture.store.keyValue.get(Array("e/1".utf8))?.createRevision == 2)
    }
}
