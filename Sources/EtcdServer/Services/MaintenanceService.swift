// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
import MartletGRPCWire

/// etcdserverpb.Maintenance: status and alarms. A store in memory has no alarm that could be raised.
package struct MaintenanceService {
    package let store: MemberStore

    package init(store: MemberStore) {
        self.store = store
    }

    package func status(_ call: any EtcdCall, _ message: [UInt8]) {
        guard call.decoded(message, as: Etcdserverpb_StatusRequest.self) != nil else { return }
        var response = Etcdserverpb_StatusResponse()
        response.header = store.header
        response.version = EtcdVersion.server
        response.dbSize = store.estimatedBytes
        response.dbSizeInUse = response.dbSize
        response.leader = store.identity.memberID
        response.raftIndex = store.appliedIndex.rawValue
        response.raftTerm = store.term.rawValue
        response.raftAppliedIndex = store.appliedIndex.rawValue
        response.storageVersion = EtcdVersion.storage
        response.dbSizeQuota = Self.quotaBytes
        response.downgradeInfo = Etcdserverpb_DowngradeInfo()
        call.respond(with: response)
    }

    package func alarm(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_AlarmRequest.self) else { return }
        switch request.action {
        case .get, .deactivate:
            var response = Etcdserverpb_AlarmResponse()
            response.header = store.header
            call.respond(with: response)
        case .activate, .UNRECOGNIZED:
            call.finish(GRPCStatus(.unimplemented, "alarms cannot be raised by hand"))
        }
    }

    /// etcd's default quota.
    static let quotaBytes: Int64 = 2 << 30
}
