// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletNode
import MartletPeerWire
import MartletRaft
import MartletReplica
import NIOCore

/// What clients of a member publish, on its way to those who listen at others. Confined to the member's loop.
///
/// At most once, as between the nodes of Redis Cluster: what finds no room, or is sent while a member can't be reached,
/// is lost there and counted. What arrives of one member is in order.
///
/// `/martlet.v1.Peer/Publish`, unary: messages as `ChannelMessage` has them, one behind the other. One call is under
/// way to each member; what comes meanwhile goes with the next ones. Where one fails, all that waits is lost with it:
/// else what was sent to a member that is away would come long after its time.
final class MessageFan {
    static let path = "/martlet.v1.Peer/Publish"

    /// Bytes that wait for a member: two of the longest messages.
    private static let queuedBytesMax = 32 << 20
    /// Bytes of a call, if it isn't for one message: the other member hands all of them out in one turn of its loop,
    /// which has elections and clients to serve.
    private static let callBytesMax = 256 << 10
    /// A member that takes longer is given up, with what it was sent.
    private static let patience = Duration.seconds(5)

    private struct Call {
        var bytes: [UInt8]
        var count: UInt64 = 1
    }

    private struct Lane {
        /// In their order.
        var waiting: [Call] = []
        var byteCount = 0
        var isUnderWay = false

        mutating func add(_ bytes: [UInt8]) {
            byteCount += bytes.count
            let last = waiting.count - 1
            guard last >= 0, waiting[last].bytes.count + bytes.count <= callBytesMax else {
                return waiting.append(Call(bytes: bytes))
            }
            waiting[last].bytes += bytes
            waiting[last].count += 1
        }

        mutating func takeFirst() -> Call {
            let call = waiting.removeFirst()
            byteCount -= call.bytes.count
            return call
        }
    }

    /// Whose this is.
    private weak var peers: ClusterPeers?
    private var lanes: [MemberID: Lane] = [:]

    init(_ peers: ClusterPeers) {
        self.peers = peers
    }

    func send(_ message: ChannelMessage) {
        guard let peers else { return }
        let others = peers.member.cluster.members.map(\.id).filter { $0 != peers.memberID }
        if others.isEmpty { return }
        var bytes: [UInt8] = []
        message.append(to: &bytes)
        for other in others {
            guard (lanes[other]?.byteCount ?? 0) + bytes.count <= Self.queuedBytesMax else {
                peers.member.lostMessages += 1
                continue
            }
            lanes[other, default: Lane()].add(bytes)
            next(other)
        }
    }

    /// Sends what waits for a member, unless a call to it is under way.
    private func next(_ other: MemberID) {
        guard let peers, let lane = lanes[other], !lane.isUnderWay else { return }
        if lane.waiting.isEmpty {
            lanes[other] = nil
            return
        }
        guard let client = peers.links.client(of: other) else { return lose(other) }
        guard let call = lanes[other]?.takeFirst() else { return }
        lanes[other]?.isUnderWay = true
        let bound = NIOLoopBound(self, eventLoop: peers.member.eventLoop)
        Self.send(
            call.bytes, by: client, peers.callOptions(timeout: Self.patience), on: peers.member.eventLoop
        ) { isTaken in
            bound.value.ended(other, call.count, isTaken: isTaken)
        }
    }

    /// Lets go of all that waits for a member.
    private func lose(_ other: MemberID) {
        let lane = lanes.removeValue(forKey: other)
        peers?.member.lostMessages += lane?.waiting.reduce(0) { $0 + $1.count } ?? 0
    }

    /// - Parameter end: called on the loop.
    private static func send(
        _ bytes: [UInt8], by client: WireClient, _ options: WireCallOptions, on loop: any EventLoop,
        _ end: @escaping @Sendable (_ isTaken: Bool) -> Void
    ) {
        Task {
            let isTaken = await isTaken(client, bytes, options)
            loop.execute { end(isTaken) }
        }
    }

    private static func isTaken(_ client: WireClient, _ bytes: [UInt8], _ options: WireCallOptions) async -> Bool {
        do {
            _ = try await client.unary(path, bytes, options: options)
            return true
        } catch {
            return false
        }
    }

    private func ended(_ other: MemberID, _ count: UInt64, isTaken: Bool) {
        guard isTaken else {
            peers?.member.lostMessages += count
            return lose(other)
        }
        lanes[other]?.isUnderWay = false
        next(other)
    }
}
