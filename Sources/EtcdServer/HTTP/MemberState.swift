// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletNode
import MartletReplica

/// What the plain HTTP endpoints tell of a member: a copy, taken on its loop.
package struct MemberState: Sendable {
    package var identity: MemberIdentity
    package var revision: Int64
    package var compactRevision: Int64
    package var appliedIndex: UInt64
    package var watchStreams: Int
    package var size: StoreSize
    package var estimatedBytes: Int64 { size.totalBytes }
    package var quotaBytes: Int64
    package var authRevision: UInt64
    package var counters: StoreCounters
    package var health = MemberHealth()

    package init(_ store: MemberStore) {
        identity = store.identity
        revision = store.keyValue.revision
        compactRevision = store.keyValue.compactRevision
        appliedIndex = store.appliedIndex.rawValue
        watchStreams = store.watchStreams.count
        size = store.size
        quotaBytes = store.configuration.quotaBytes
        authRevision = store.member.auth.revision
        counters = store.counters
        counters.leasesExpired = store.member.status.dueLeaseCount
        health.hasLeader = store.member.status.isLeader
        health.alarms = store.member.cluster.alarms.all.compactMap { MemberHealth.Alarm(rawValue: $0.kind.name) }
    }

    package init(identity: MemberIdentity) {
        self.identity = identity
        revision = 1
        compactRevision = -1
        appliedIndex = 0
        watchStreams = 0
        size = StoreSize(totalBytes: 0, inUseBytes: 0)
        quotaBytes = EtcdServerConfiguration().quotaBytes
        authRevision = 1
        counters = StoreCounters()
    }
}
