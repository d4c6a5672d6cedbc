// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
import MartletGRPCWire
import MartletNode
import MartletRaft
import MartletReplica

/// etcdserverpb.Maintenance: status and alarms.
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
        let size = store.size
        response.dbSize = size.totalBytes
        response.dbSizeInUse = size.inUseBytes
        let leader = store.member.status.leader
        response.leader = leader?.rawValue ?? 0
        response.isLearner = store.isLearner
        // What is committed is applied in the same step, or a few later.
        response.raftIndex = store.appliedIndex.rawValue
        response.raftTerm = store.term.rawValue
        response.raftAppliedIndex = store.appliedIndex.rawValue
        response.storageVersion = EtcdVersion.storage
        response.dbSizeQuota = store.configuration.quotaBytes
        let cluster = store.member.cluster
        response.downgradeInfo = Etcdserverpb_DowngradeInfo()
        response.downgradeInfo.enabled = cluster.downgrade.isEnabled
        response.downgradeInfo.targetVersion = cluster.downgrade.targetVersion
        if leader == nil { response.errors = [EtcdError.noLeader.message] }
        response.errors += cluster.alarms.all.map { alarm in
            "memberID:\(alarm.member.rawValue) alarm:\(alarm.kind.name) "
        }
        call.respond(with: response)
    }

    package func alarm(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let write = call.write(.alarm, message, as: Etcdserverpb_AlarmRequest.self) else { return }
        store.propose(write, for: call)
    }
}

extension Alarm.Kind {
    /// As etcd prints it.
    var name: String {
        switch self {
        case .noSpace: "NOSPACE"
        case .corrupt: "CORRUPT"
        case .none: "NONE"
        default: "\(rawValue)"
        }
    }
}
