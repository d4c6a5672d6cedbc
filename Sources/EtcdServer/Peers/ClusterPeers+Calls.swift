// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletHTTP2Session
import MartletPeerWire
import MartletRaft
import NIOCore

/// Members' unary calls. Each says in its headers, by etcd's names for them, which cluster and which member asks. Who
/// says nothing is answered: a member that is to join doesn't know its cluster yet.
extension ClusterPeers {
    private static let clusterHeader = PeerEndpoints.clusterHeader.lowercased()
    private static let memberHeader = "x-server-from"

    /// For a call of this member.
    func callOptions(_ headers: HeaderBlock = HeaderBlock(), timeout: Duration) -> WireCallOptions {
        var options = WireCallOptions()
        options.timeout = timeout
        options.metadata = headers
        options.metadata.append(Self.clusterHeader, String(clusterID, radix: 16))
        options.metadata.append(Self.memberHeader, "\(memberID)")
        return options
    }

    /// Adds a route that members ask; those of another cluster, and removed ones, are refused.
    static func add(
        _ path: String, to router: inout GRPCRouter, _ peers: NIOLoopBound<ClusterPeers>,
        _ answer: @escaping @Sendable (ServerCall, [UInt8]) -> Void
    ) {
        router.add(
            path,
            .unaryEvent { call, message in
                if let refusal = peers.value.refusal(of: call.metadata) { return call.finish(refusal) }
                answer(call, message)
            })
    }

    private func refusal(of headers: HeaderBlock) -> GRPCStatus? {
        let cluster = headers.first(Self.clusterHeader)
        let peer = PeerRefusals.Peer(
            member: headers.first(Self.memberHeader).flatMap { UInt64($0, radix: 16) },
            cluster: cluster.flatMap { UInt64($0, radix: 16) })
        let refusal: GRPCStatus
        // What says of itself what can't be read is no member.
        if cluster != nil, peer.cluster != clusterID {
            refusal = EtcdError.clusterIDMismatch.status
        } else if let member = peer.member, isRemoved(MemberID(member)) {
            refusal = PeerService.removed
        } else {
            return nil
        }
        noteRefusal(of: peer, refusal)
        return refusal
    }
}
