// SPDX-License-Identifier: Apache-2.0

import MartletNode
import MartletReplica

/// What probes are told of a member: a copy, taken on its loop.
package struct MemberState: Sendable {
    package var identity: MemberIdentity
    package var health = MemberHealth()
    package var clusterVersion = EtcdVersion.cluster

    package init(_ store: MemberStore) {
        identity = store.identity
        clusterVersion = EtcdVersion.cluster(store.member.cluster)
        health.hasLeader = store.member.status.leader != nil
        health.isLearner = store.isLearner
        health.alarms = store.member.cluster.alarms.all.compactMap { MemberHealth.Alarm(rawValue: $0.kind.name) }
    }

    package init(identity: MemberIdentity) {
        self.identity = identity
    }
}
