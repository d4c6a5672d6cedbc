// SPDX-License-Identifier: Apache-2.0

package import Logging
package import MartletGRPCWire
package import MartletNode
package import MartletPeerWire
package import MartletRaft
import MartletReplica
import NIOCore

/// A member among others: its streams to them, what it takes from theirs, and what it asks its leader for.
///
/// Confined to the member's loop, on which the peers' connections are, too: between a message and the replica there is
/// no queue.
package final class ClusterPeers: PeerHost {
    package let clusterID: UInt64
    package let memberID: MemberID
    let member: Member
    let links: PeerLinks
    let logger: Logger
    /// See `EtcdServerConfiguration.knownMembers`.
    private let known: [ClusterList.Member]
    private let isEncryptable: Bool
    /// Whether this member only learns: it may not serve what it may not know of.
    private(set) var isLearner = false
    private var refusals = PeerRefusals()

    package init(
        _ member: Member, _ identity: MemberIdentity, known: [ClusterList.Member], tls: WireClientTLS?, logger: Logger
    ) {
        self.member = member
        self.known = known
        self.logger = logger
        clusterID = identity.clusterID
        memberID = MemberID(identity.memberID)
        var configuration = WireClientConfiguration()
        configuration.tls = tls
        isEncryptable = tls != nil
        links = PeerLinks(
            cluster: clusterID, own: memberID, configuration: configuration, on: member.eventLoop, logger: logger)
        links.onRemoved = { [weak member] in member?.leave() }
        links.onUnreachable = { [weak member] in member?.peerUnreachable($0) }
        links.onGone = { [weak member] in member?.peerGone($0) }
        member.onMessages = { [links] in links.send($0) }
        let fan = MessageFan(self)
        member.onPublish = { fan.send($0) }
        member.onMembersChange = { [weak self] in self?.follow() }
        member.onStateWanted = { [weak self] in self?.send($0) }
        follow()
    }

    /// Speaks to those who are members now.
    private func follow() {
        let cluster = member.cluster
        let own = cluster.members.first { $0.id == memberID }
        isLearner = own?.isLearner ?? known.contains { MemberID($0.id) == memberID && $0.isLearner }
        var peers: [MemberID: [String]] = [:]
        if own == nil { for other in known { peers[MemberID(other.id)] = other.peerURLs } }
        for other in cluster.members { peers[other.id] = other.peerURLs }
        peers[memberID] = nil
        links.update(peers.sorted { $0.key < $1.key }.map { peer($0.key, $0.value) })
    }

    private func peer(_ id: MemberID, _ peerURLs: [String]) -> PeerLinks.Peer {
        let urls = peerURLs.compactMap(PeerURL.init)
        return PeerLinks.Peer(
            id: id, addresses: urls.map(\.address),
            isEncrypted: isEncryptable && urls.contains(where: \.isEncrypted))
    }

    package func isRemoved(_ member: MemberID) -> Bool { self.member.cluster.removed.contains(member) }

    package func receive(_ messages: [Message]) { member.receive(messages) }

    package func refused(_ hello: PeerHello, _ status: GRPCStatus) {
        // Of another format nothing more can be read.
        let isReadable = hello.version == PeerFormat.version
        noteRefusal(
            of: PeerRefusals.Peer(
                member: isReadable ? hello.from.rawValue : nil, cluster: isReadable ? hello.cluster : nil), status)
    }

    /// Says in the log why a peer isn't answered.
    func noteRefusal(of peer: PeerRefusals.Peer, _ status: GRPCStatus) {
        guard let heldBack = refusals.admit(peer, status.message, at: .now()) else { return }
        var metadata: Logger.Metadata = [
            "local-member-id": "\(memberID)", "local-member-cluster-id": "\(String(clusterID, radix: 16))",
            "error": "\(status.message)",
        ]
        metadata["remote-peer-id"] = peer.member.map { "\(MemberID($0))" }
        metadata["remote-peer-cluster-id"] = peer.cluster.map { "\(String($0, radix: 16))" }
        if heldBack > 0 { metadata["others-not-logged"] = "\(heldBack)" }
        logger.warning("rejected a request of a peer", metadata: metadata)
    }

    func close() { links.close() }
}

/// A URL at which a member is reached: `http://host:port`, `https://…`, `unix://path` or `unixs://…`.
struct PeerURL {
    var address: WireAddress
    var isEncrypted: Bool

    init?(_ text: String) {
        guard let separator = text.firstRange(of: "://") else { return nil }
        var rest = text[separator.upperBound...]
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        let scheme = text[..<separator.lowerBound]
        let place = scheme.hasPrefix("unix") ? "unix:\(rest)" : String(rest)
        guard ["http", "https", "unix", "unixs"].contains(scheme), let address = WireAddress(place) else { return nil }
        self.address = address
        isEncrypted = scheme.hasSuffix("s")
    }
}
