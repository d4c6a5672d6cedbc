// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
package import MartletGRPCWire
package import MartletKeyValue
package import MartletNode
import MartletReplica

/// What /metrics tells: counts that were copied on the member's loop, and what others have counted beside it.
package struct MetricsSample: Sendable {
    package var identity: MemberIdentity
    package var quotaBytes: Int64
    package var counters = StoreCounters()
    package var store = KeyValueCounters()
    package var statistics = MemberStatistics()
    package var calls = CallCounts()
    package var probes = ProbeCounts()

    package var clusterVersion = EtcdVersion.cluster
    package var isLeader = false
    package var hasLeader = false
    package var isLearner = false
    package var appliedIndex: UInt64 = 0
    package var authRevision: UInt64 = 1
    package var revision = KeyValueStore.emptyRevision
    package var compactRevision = KeyValueStore.neverCompacted
    package var keyCount = 0
    package var size = StoreSize(totalBytes: 0, inUseBytes: 0)
    package var watchStreams = 0
    package var watches = 0
    package var laggingWatches = 0
    package var pendingEvents = 0
    /// Each once, but for those that were offered again before they were revoked.
    package var expiredLeases: UInt64 = 0

    // Not of the loop
    package var process = ProcessFigures()

    package init(identity: MemberIdentity, quotaBytes: Int64) {
        self.identity = identity
        self.quotaBytes = quotaBytes
    }

    /// On the store's loop. Complexity: O(methods + watch streams).
    init(_ member: MemberStore) {
        self.init(identity: member.identity, quotaBytes: member.configuration.quotaBytes)
        counters = member.counters
        store = member.keyValue.counters
        statistics = member.member.measured()
        clusterVersion = EtcdVersion.cluster(member.member.cluster)
        isLeader = member.member.status.isLeader
        hasLeader = member.member.status.leader != nil
        isLearner = member.isLearner
        appliedIndex = member.appliedIndex.rawValue
        authRevision = member.member.auth.revision
        revision = member.keyValue.revision
        compactRevision = member.keyValue.compactRevision
        keyCount = member.keyValue.keyCount
        size = member.size
        watchStreams = member.watchStreams.count
        watches = member.keyValue.watchCount
        laggingWatches = member.keyValue.laggingWatchCount
        // A sum: the order doesn't show.
        pendingEvents = member.watchStreams.values.reduce(0) { $0 + $1.pendingEventCount }
        expiredLeases = member.member.status.dueLeaseCount
    }
}
