// SPDX-License-Identifier: Apache-2.0

package import MartletAuthTokens
package import MartletGRPCWire
import MartletKeyValue
package import MartletNode
import MartletRaft
package import MartletReplica

/// What a member is told at its start.
package struct EtcdServerConfiguration: Sendable {
    /// The member's name, as MemberList shows it.
    package var name = "default"
    package var peerURLs = ["http://localhost:2380"]
    /// Where clients are told to connect.
    package var clientURLs = ["http://localhost:2379"]
    package var clusterToken = "etcd-cluster"
    /// The largest request that may enter the log, in bytes.
    ///
    /// Messages up to ``wireLimitBytes`` are read, so that a request a little too large gets an answer in words.
    package var maximumRequestBytes = 1_572_864
    /// Most compares, successes or failures of one transaction.
    package var maximumTransactionOperations = 128
    /// How long a watcher that asked for progress hears nothing before it gets an empty response; at least 100 ms.
    package var watchProgressInterval: Duration = .seconds(600)
    /// The election time-out; it only decides the least lease TTL here.
    package var electionTimeout: Duration = .milliseconds(1000)

    /// What live keys, and versions that are not compacted, may take; etcd's default. Not above 0: as much as there is
    /// room for.
    package var quotaBytes: Int64 = 2 << 30
    /// What Redis's databases may take in memory; nil: as much as there is room for.
    package var streamQuotaBytes: Int?
    /// What blocks of their streams may take in memory; nil: all are in memory.
    package var streamMemoryBytes: Int?
    /// Nil: only who asks compacts.
    package var autoCompaction: AutoCompactor.Mode?
    /// Between two heartbeats of a leader: the tick of its clock.
    package var heartbeatInterval: Duration = .milliseconds(100)
    /// Whether a leader answers reads by what the others have promised it, without asking them.
    package var readsByLease = false
    /// Between two checkpoints; a restart reads what the log has behind the last one.
    package var checkpointInterval: Duration = .seconds(1)
    /// Hands out tokens to who logs in, and knows them again.
    package var tokens = TokenProvider()
    /// Rounds of hashing a password, as a power of two.
    package var bcryptCost = Bcrypt.defaultCost

    /// Whether calls are counted from the start, by all methods, for /metrics.
    package var countsCalls = true
    /// Whether the time of calls and reads is taken, for /metrics.
    package var timesCalls = false

    /// How a member whose folder is new begins.
    package var beginning = ReplicaConfiguration.Beginning.alone
    /// The members of a cluster that this one joins, until its own log names them: the leader's entries are answered
    /// over this member's own streams.
    package var knownMembers: [ClusterList.Member] = []
    /// Whether changes of the members are refused that could leave too few that are there.
    package var isStrictAboutMembers = true
    /// Most members that only learn.
    package var learnersMax = 1
    /// Whether this member compares what it holds with what the others do before it is ready.
    package var comparesAtStart = false
    /// How often the leader compares what the members hold; nil: never.
    package var corruptionCheckInterval: Duration?
    /// How often it compares what they held at the last compaction, if there was one; nil: never.
    package var compactionCheckInterval: Duration?
    /// How other members are connected to where their URLs ask for TLS; nil: as if none did.
    package var peerTLS: WireClientTLS?

    /// How long a request may take before its client is told that its outcome isn't known. Source: etcd ReqTimeout.
    package var requestTimeout: Duration { .seconds(5) + electionTimeout * 2 }

    package init() {}

    /// What requests may exceed ``maximumRequestBytes`` by before the wire itself refuses them: room for gRPC's and
    /// the log's own fields.
    package static let wireOverheadBytes = 512 * 1024

    package var wireLimitBytes: Int { maximumRequestBytes + Self.wireOverheadBytes }

    /// Half as long again as the election time-out, in whole seconds: a lease must outlive a change of leader.
    package var minimumLeaseTTLSeconds: Int64 {
        let milliseconds = electionTimeout / .milliseconds(1)
        return Int64((milliseconds * 1.5 / 1000).rounded(.up))
    }
}

extension EtcdServerConfiguration {
    /// What the member's replica is told.
    package func replica(memberID: UInt64) -> ReplicaConfiguration {
        var replica = ReplicaConfiguration(
            member: MemberID(memberID), name: name, clientURLs: clientURLs, peerURLs: peerURLs,
            seed: UInt64.random(in: .min ... .max))
        replica.clusterVersion = EtcdVersion.cluster
        replica.beginning = beginning
        replica.checkpointInterval = checkpointInterval
        replica.isStrictAboutMembers = isStrictAboutMembers
        replica.learnersMax = learnersMax
        replica.requestTicks = Int((requestTimeout / heartbeatInterval).rounded(.up))
        replica.readRetryTicks = max(Int(Self.readRetry / heartbeatInterval), 1)
        replica.healthTicks = max(Int(Self.healthTime / heartbeatInterval), 1)
        replica.quotaBytes = quotaBytes > 0 ? Int(quotaBytes) : nil
        replica.keyspaceQuotaBytes = streamQuotaBytes
        replica.streamMemoryBytes = streamMemoryBytes
        replica.store.minimumLeaseTTLSeconds = minimumLeaseTTLSeconds
        replica.limits.transactionOperationsMax = maximumTransactionOperations
        replica.store.maximumCatchUpBytes = Self.catchUpBytes
        replica.limits.requestBytesMax = maximumRequestBytes + Self.recordOverheadBytes
        replica.raft.electionTicks = max(Int(electionTimeout / heartbeatInterval), 2)
        if readsByLease { replica.raft.lease = LeaseSettings(tick: heartbeatInterval) }
        return replica
    }

    package var member: MemberConfiguration {
        var member = MemberConfiguration()
        member.tick = heartbeatInterval
        return member
    }

    /// Bytes of history in one step, and so, but for a larger single revision, in one response: what a stream may have
    /// waiting, and what is copied and encoded in a fraction of a millisecond.
    private static let catchUpBytes = ServerCall.outboundHighWater
    /// When a question to the leader is asked again, and for how long a member must have been heard to count as there.
    /// Source: etcd `readIndexRetryTime`, `HealthInterval`.
    private static let readRetry = Duration.milliseconds(500)
    private static let healthTime = Duration.seconds(5)
    /// A record has some fields more than the entry of etcd's that ``maximumRequestBytes`` is counted by.
    private static let recordOverheadBytes = 256
}

/// The versions a member reports.
package enum EtcdVersion {
    package static let server = "3.6.14"
    /// The version of a cluster whose members are all of this one's.
    package static let cluster = "3.6.0"
    package static let storage = "3.6.0"

    /// What its leader has decided; until then, what a cluster of such members gets.
    static func cluster(_ state: ClusterState) -> String { state.version.isEmpty ? cluster : state.version }
}
