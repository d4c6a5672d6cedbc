// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletGRPCWire
import MartletNode
import MartletPeerWire
import MartletRaft
import MartletReplica
import NIOCore

/// What clients of a member publish, on its way to those who listen at others. Confined to the member's loop.
///
/// At most once, as between the nodes of Redis Cluster: what finds no room, or is sent while a member can't be reached,
/// is lost there and counted. What arrives of one member is in order. See ``MessageLane``.
///
/// `/martlet.v1.Peer/Publish`, unary: messages as `ChannelMessage` has them, one behind the other.
/// `/martlet.v1.Peer/PublishShard`: the same, for shard channels.
final class MessageFan {
    static func path(isShard: Bool) -> String { "/martlet.v1.Peer/" + (isShard ? "PublishShard" : "Publish") }

    /// A member that takes longer is given up, with what it was sent.
    private static let patience = Duration.seconds(5)
    /// Between two lines in the log about what was lost.
    private static let warningPause = TimeAmount.minutes(1)

    /// Whose this is.
    private weak var peers: ClusterPeers?
    private var lanes: [MemberID: MessageLane] = [:]
    private var nextWarning = NIODeadline.uptimeNanoseconds(0)

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
            if lanes[other, default: MessageLane()].add(bytes, isShard: message.isShard) {
                next(other)
            } else {
                note(MessageLosses(lost: 1), at: other)
            }
        }
    }

    /// Sends what waits for a member, unless a call to it is under way.
    private func next(_ other: MemberID) {
        guard let peers, let call = lanes[other]?.takeNext() else { return }
        guard let client = peers.links.client(of: other) else { return end(other, .lost) }
        let bound = NIOLoopBound(self, eventLoop: peers.member.eventLoop)
        Self.send(
            call, by: client, peers.callOptions(timeout: Self.patience), on: peers.member.eventLoop
        ) { outcome in
            bound.value.end(other, outcome)
        }
    }

    private func end(_ other: MemberID, _ outcome: MessageLane.Outcome) {
        guard let losses = lanes[other]?.end(outcome) else { return }
        note(losses, at: other)
        if lanes[other]?.isEmpty == true { lanes[other] = nil }
        next(other)
    }

    private func note(_ losses: MessageLosses, at other: MemberID) {
        guard let peers, losses != MessageLosses() else { return }
        peers.member.messageLosses.add(losses)
        let now = NIODeadline.now()
        guard now >= nextWarning else { return }
        nextWarning = now + Self.warningPause
        let all = peers.member.messageLosses
        peers.logger.warning(
            "published messages did not reach a member",
            metadata: [
                "remote-peer-id": "\(other)", "lost-to-all": "\(all.lost)", "unconfirmed-by-all": "\(all.unconfirmed)",
            ])
    }

    /// - Parameter end: called on the loop.
    private static func send(
        _ call: MessageLane.Call, by client: WireClient, _ options: WireCallOptions, on loop: any EventLoop,
        _ end: @escaping @Sendable (MessageLane.Outcome) -> Void
    ) {
        Task {
            let outcome = await outcome(client, call, options)
            loop.execute { end(outcome) }
        }
    }

    private static func outcome(
        _ client: WireClient, _ call: MessageLane.Call, _ options: WireCallOptions
    ) async -> MessageLane.Outcome {
        do {
            _ = try await client.unary(path(isShard: call.isShard), call.bytes, options: options)
            return .taken
        } catch {
            return MessageLane.Outcome(error as? GRPCStatus ?? GRPCStatus(.unknown, "\(error)"))
        }
    }
}
