// SPDX-License-Identifier: Apache-2.0

package import Logging
import MartletAuth
import MartletAuthTokens
package import MartletBasics
package import MartletEtcdAPI
import MartletGRPCWire
package import MartletKeyValue
package import MartletNode
import MartletReplica
package import NIOCore

/// A member as the etcd services see it: its store, what they count, lease ids and watch streams.
///
/// Confined to the member's event loop. Every change enters by ``propose(_:reply:)``; its outcome comes in a later
/// turn, when it is durable and applied. What reads must not miss they wait for in ``read(_:)``.
package final class MemberStore {
    package let configuration: EtcdServerConfiguration
    package let identity: MemberIdentity
    package let member: Member
    package internal(set) var counters = StoreCounters()
    /// The other members; nil for a store in memory, which has none.
    var peers: ClusterPeers?
    var corruptionCheck: CorruptionCheck?

    var watchStreams: [WatchStreamID: any WatchSink] = [:]
    var isCatchingUp = false
    var isDelivering = false
    var watchEncoder = WatchEventEncoder()
    var lastWatchHead: (revision: Int64, bytes: [UInt8])?
    var leaseIDs: LeaseIDGenerator
    var tokens: MemberTokens
    let passwords: LoopHelper
    let longReads: LoopHelper
    let hasher: PasswordHasher
    private let head: ResponseHead
    private var compactor: AutoCompactor?
    private var compactionTimer: LoopTimer?

    package init(configuration: EtcdServerConfiguration, member: Member, identity: MemberIdentity) {
        self.configuration = configuration
        self.member = member
        self.identity = identity
        head = ResponseHead(identity)
        tokens = MemberTokens(configuration.tokens, isEnabled: member.auth.isEnabled)
        passwords = LoopHelper("passwords", maximumWaiting: Self.maximumWaitingLogins, on: member.eventLoop)
        longReads = LoopHelper("ranges", maximumWaiting: Self.maximumWaitingReads, on: member.eventLoop)
        guard let hasher = PasswordHasher(cost: configuration.bcryptCost) else {
            preconditionFailure("a cost of \(configuration.bcryptCost)")
        }
        self.hasher = hasher
        if configuration.timesCalls { counters.rangeTimes = StoreCounters.RangeTimes() }
        leaseIDs = LeaseIDGenerator(
            memberID: identity.memberID, wallClockMilliseconds: Int64(clamping: Member.wallMilliseconds()))
        compactor = configuration.autoCompaction.map { AutoCompactor($0) }
        member.checkPassword = { [weak self] password, hash, answer in
            guard let self else { return false }
            let hasher = self.hasher
            return passwords.run({ hasher.matches(password, hash: hash) }, then: answer)
        }
        member.onWatchWork = { [weak self] in self?.deliverWatches() }
        member.onTokenChange = { [weak self] change in
            guard let self else { return }
            tokens.apply(change, at: tokenTime)
        }
    }

    /// A store in memory, gone with its process.
    package convenience init(configuration: EtcdServerConfiguration, logger: Logger, eventLoop: any EventLoop) {
        let identity = MemberIdentity(peerURLs: configuration.peerURLs, clusterToken: configuration.clusterToken)
        let member = Member(
            inMemory: configuration.replica(memberID: identity.memberID), configuration: configuration.member,
            logger: logger, eventLoop: eventLoop)
        self.init(configuration: configuration, member: member, identity: identity)
    }

    /// Who stands behind so many at etcd's cost waits a minute: its client has long given up.
    private static let maximumWaitingLogins = 1024
    /// Each keeps what it reads in memory; behind so many a client waits for seconds.
    private static let maximumWaitingReads = 1024

    package var eventLoop: any EventLoop { member.eventLoop }

    package var keyValue: KeyValueStore {
        _read { yield member.store }
        _modify { yield &member.store }
    }

    package var term: Term { member.status.term }
    /// Index of the last applied entry.
    package var appliedIndex: LogIndex { member.status.applied.index }

    /// The beginning of a response made now.
    var responseHead: KVResponseBytes.Head { KVResponseBytes.Head(head: head, term: term.rawValue) }

    /// Begins to compact by itself, if it is to.
    package func startCompacting() {
        guard let interval = compactor?.interval else { return }
        compactionTimer = LoopTimer(period: TimeAmount(interval), on: eventLoop) { [weak self] in
            guard let self, let revision = compactor?.tick(revision: keyValue.revision),
                // Each member has seen when to; one says so.
                member.status.isLeader
            else { return }
            let request = WriteRequest.compact(CompactionRequest(revision: revision), physical: false)
            propose(Write(request, identity: member.ownIdentity), reply: .discarded)
        }
    }

    /// Ends all watches. Call on the loop.
    package func endWatches() {
        eventLoop.preconditionInEventLoop()
        compactionTimer?.cancel()
        corruptionCheck?.stop()
        for id in watchStreams.keys.sorted() {
            watchStreams[id]?.end(EtcdError.stopped.status)
        }
    }

    /// Monotonic time since the member started.
    var now: Duration { member.now.monotonic }

    /// The header of a response made now.
    package var header: Etcdserverpb_ResponseHeader { header(revision: keyValue.revision) }

    package func header(revision: Int64) -> Etcdserverpb_ResponseHeader {
        var header = Etcdserverpb_ResponseHeader()
        header.clusterID = identity.clusterID
        header.memberID = identity.memberID
        header.revision = revision
        header.raftTerm = term.rawValue
        return header
    }
}
