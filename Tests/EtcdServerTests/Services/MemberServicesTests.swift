// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletNode
import MartletReplica
import SwiftProtobuf
import Testing

@Suite struct MemberServicesTests {
    let fixture = StoreFixture { $0.clientURLs = ["http://127.0.0.1:2379"] }

    @Test func memberList() throws {
        try fixture.put("a")
        let service = ClusterService(store: fixture.store)
        let request = Etcdserverpb_MemberListRequest()
        let response = try fixture.call(service.memberList, request, Etcdserverpb_MemberListResponse.self)
        #expect(response.header.memberID == 10_276_657_743_932_975_437)
        #expect(response.header.raftTerm == 2)
        #expect(response.header.revision == 0)
        #expect(response.members.count == 1)
        #expect(response.members[0].id == response.header.memberID)
        #expect(response.members[0].name == "n1")
        #expect(response.members[0].peerUrls == ["http://localhost:2380"])
        #expect(response.members[0].clientUrls == ["http://127.0.0.1:2379"])
        #expect(!response.members[0].isLearner)
    }

    @Test func status() throws {
        try fixture.put("a")
        let service = MaintenanceService(store: fixture.store)
        let request = Etcdserverpb_StatusRequest()
        let response = try fixture.call(service.status, request, Etcdserverpb_StatusResponse.self)
        #expect(response.header.revision == 2)
        #expect(response.version == "3.6.14")
        #expect(response.storageVersion == "3.6.0")
        #expect(response.leader == response.header.memberID)
        #expect(response.raftTerm == 2)
        #expect(response.raftIndex == 5)
        #expect(response.raftAppliedIndex == 5)
        #expect(response.dbSizeQuota == 2_147_483_648)
        #expect(response.hasDowngradeInfo && !response.downgradeInfo.enabled)
        #expect(response.errors.isEmpty && !response.isLearner)
    }

    @Test func alarms() throws {
        let service = MaintenanceService(store: fixture.store)
        var request = Etcdserverpb_AlarmRequest()
        #expect(try fixture.call(service.alarm, request, Etcdserverpb_AlarmResponse.self).alarms.isEmpty)
        request.action = .activate
        request.memberID = fixture.store.identity.memberID
        request.alarm = .nospace
        let raised = try fixture.call(service.alarm, request, Etcdserverpb_AlarmResponse.self)
        #expect(raised.alarms.map(\.alarm) == [.nospace])
        let refused = #expect(throws: GRPCStatus.self) { try fixture.put("a", "b") }
        #expect(refused?.message == "etcdserver: mvcc: database space exceeded" && refused?.code == .resourceExhausted)
        #expect(throws: Never.self) { try fixture.delete("a") }
        request.action = .deactivate
        _ = try fixture.call(service.alarm, request, Etcdserverpb_AlarmResponse.self)
        #expect(throws: Never.self) { try fixture.put("a", "b") }
    }

    @Test func hashes() throws {
        let service = MaintenanceService(store: fixture.store)
        for number in 0..<3000 { try fixture.put("key\(number % 500)", "value \(number)") }
        let other = StoreFixture()
        for number in 0..<3000 { try other.put("key\(number % 500)", "value \(number)") }
        var request = Etcdserverpb_HashKVRequest()
        let first = try fixture.call(service.hashKV, request, Etcdserverpb_HashKVResponse.self)
        #expect(first.hashRevision == 3001 && first.compactRevision == -1)
        let same = try other.call(
            MaintenanceService(store: other.store).hashKV, request, Etcdserverpb_HashKVResponse.self)
        #expect(first.hash == same.hash)
        try fixture.put("key0", "other")
        #expect(try fixture.call(service.hashKV, request, Etcdserverpb_HashKVResponse.self).hash != first.hash)
        request.revision = 3001
        #expect(try fixture.call(service.hashKV, request, Etcdserverpb_HashKVResponse.self).hash == first.hash)
        request.revision = 9999
        #expect(throws: GRPCStatus.self) {
            try fixture.call(service.hashKV, request, Etcdserverpb_HashKVResponse.self)
        }
    }

    @Test func downgrades() throws {
        let service = MaintenanceService(store: fixture.store)
        var request = Etcdserverpb_DowngradeRequest()
        request.version = "3.5.0"
        let valid = try fixture.call(service.downgrade, request, Etcdserverpb_DowngradeResponse.self)
        #expect(valid.version == "3.6")
        request.version = "3.4.0"
        let refused = #expect(throws: GRPCStatus.self) {
            try fixture.call(service.downgrade, request, Etcdserverpb_DowngradeResponse.self)
        }
        #expect(refused?.message == EtcdError.invalidDowngradeTargetVersion.message)
        request.action = .cancel
        let nothing = try fixture.call(service.downgrade, request, Etcdserverpb_DowngradeResponse.self)
        #expect(nothing.version == "3.6")
        request.action = .enable
        request.version = "3.5"
        _ = try fixture.call(service.downgrade, request, Etcdserverpb_DowngradeResponse.self)
        #expect(fixture.store.member.cluster.downgrade.isEnabled)
        request.action = .cancel
        _ = try fixture.call(service.downgrade, request, Etcdserverpb_DowngradeResponse.self)
        #expect(!fixture.store.member.cluster.downgrade.isEnabled)
    }

    @Test func changesOfMembers() throws {
        let service = ClusterService(store: fixture.store)
        var update = Etcdserverpb_MemberUpdateRequest()
        update.id = fixture.store.identity.memberID
        update.peerUrls = ["http://127.0.0.1:9999"]
        let updated = try fixture.call(service.memberUpdate, update, Etcdserverpb_MemberUpdateResponse.self)
        #expect(updated.members.map(\.peerUrls) == [["http://127.0.0.1:9999"]])
        update.peerUrls = ["nonsense"]
        let bad = #expect(throws: GRPCStatus.self) {
            try fixture.call(service.memberUpdate, update, Etcdserverpb_MemberUpdateResponse.self)
        }
        #expect(bad?.message == EtcdError.badMemberURLs.message)
        var remove = Etcdserverpb_MemberRemoveRequest()
        remove.id = 77
        let unknown = #expect(throws: GRPCStatus.self) {
            try fixture.call(service.memberRemove, remove, Etcdserverpb_MemberRemoveResponse.self)
        }
        #expect(unknown?.message == EtcdError.memberNotFound.message)
    }

    @Test func authenticationIsOff() throws {
        let service = AuthService(store: fixture.store)
        let request = Etcdserverpb_AuthStatusRequest()
        let response = try fixture.call(service.status, request, Etcdserverpb_AuthStatusResponse.self)
        #expect(!response.enabled)
        #expect(response.authRevision == 1)
        let call = RecordingCall()
        service.authenticate(call, [])
        #expect(call.status?.message == "etcdserver: authentication is not enabled")
    }
}
