// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
package import MartletEtcdAPI
import MartletGRPCWire
package import MartletKeyValue
package import NIOCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A member's key-value store with what a pure core lacks: a clock, lease ids, timers and watch streams.
///
/// Confined to one event loop. Every change enters by ``propose(_:reply:)`` and takes effect in ``apply(_:)``; between
/// the two a replicated log has its place. Here a proposal is committed at once, as in a cluster of one.
package final class MemberStore {
    package let configuration: EtcdServerConfiguration
    package let identity: MemberIdentity
    package let eventLoop: any EventLoop
    package internal(set) var keyValue: KeyValueStore
    package internal(set) var counters = StoreCounters()
    package let term = Term(2)
    /// Index of the last applied entry. A new cluster's first four entries are its own: the member's configuration
    /// change, the leader's empty entry, the member's name and URLs, the cluster's version.
    package internal(set) var appliedIndex = LogIndex(4)

    var watchStreams: [WatchStreamID: any WatchSink] = [:]
    /// Replies to physical compactions that wait for ``reclaimStep()``.
    var pendingCompactions: [(response: CompactionResponse, reply: WriteReply)] = []
    var isReclaiming = false
    var isCatchingUp = false
    var isDelivering = false
    var watchEncoder = WatchEventEncoder()
    var lastWatchHead: (revision: Int64, bytes: [UInt8])?
    var leaseIDs: LeaseIDGenerator
    private var leaseScan: LoopTimer?
    private let startTime: NIODeadline

    package init(configuration: EtcdServerConfiguration, eventLoop: any EventLoop) {
        self.configuration = configuration
        self.eventLoop = eventLoop
        identity = MemberIdentity(peerURLs: configuration.peerURLs, clusterToken: configuration.clusterToken)
        var core = KeyValueStore.Configuration()
        core.minimumLeaseTTLSeconds = configuration.minimumLeaseTTLSeconds
        core.maximumTransactionOperations = configuration.maximumTransactionOperations
        core.maximumCatchUpBytes = Self.catchUpBytes
        keyValue = KeyValueStore(configuration: core)
        startTime = eventLoop.now
        leaseIDs = LeaseIDGenerator(
            memberID: identity.memberID,
            wallClockMilliseconds: Int64(Date().timeIntervalSince1970 * 1000)
        )
    }

    /// Starts the clock of the leases. Call on the loop.
    package func start() {
        eventLoop.preconditionInEventLoop()
        leaseScan = LoopTimer(period: Self.leaseScanInterval, on: eventLoop) { [weak self] in
            self?.revokeExpiredLeases()
        }
    }

    /// Stops all timers and ends all watches. Call on the loop.
    package func stop() {
        eventLoop.preconditionInEventLoop()
        leaseScan?.cancel()
        leaseScan = nil
        for id in watchStreams.keys.sorted() {
            watchStreams[id]?.end(EtcdError.stopped.status)
        }
    }

    /// Monotonic time since the member started.
    var now: Duration { .nanoseconds((eventLoop.now - startTime).nanoseconds) }

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

    /// Bytes of history in one step, and so, but for a larger single revision, in one response: what a stream may have
    /// waiting, and what is copied and encoded in a fraction of a millisecond.
    private static let catchUpBytes = ServerCall.outboundHighWater
    /// How often due leases are looked for.
    private static let leaseScanInterval = TimeAmount.milliseconds(500)
}
