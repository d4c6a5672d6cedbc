// SPDX-License-Identifier: Apache-2.0

package import Logging
package import MartletGRPCWire
package import MartletRaft
package import NIOCore

/// The streams by which a member speaks to all others. Confined to its loop, where its connections are, too.
package final class PeerLinks {
    /// How to reach a member: at any of its advertised peer URLs.
    package struct Peer: Hashable, Sendable {
        package var id: MemberID
        package var addresses: [WireAddress]
        package var isEncrypted: Bool

        package init(id: MemberID, addresses: [WireAddress], isEncrypted: Bool) {
            self.id = id
            self.addresses = addresses
            self.isEncrypted = isEncrypted
        }
    }

    private struct Link {
        var peer: Peer
        var lanes: [PeerLane]
        var clients: [WireClient]
        var batches: [[UInt8]] = Array(repeating: [], count: PeerLane.Purpose.allCases.count)
        var openSince: NIODeadline?

        /// The lane that knows best where the peer is reached.
        var guide: PeerLane? { lanes.first(where: \.isOpen) ?? lanes.first }
    }

    private let cluster: UInt64
    private let own: MemberID
    private let configuration: WireClientConfiguration
    private let group: any EventLoopGroup
    private let loop: any EventLoop
    private let logger: Logger
    private var links: [Link] = []
    /// A peer can't be reached, or not any more; see `RaftNode`'s handling of it. Not with each message that is lost.
    package var onUnreachable: (MemberID) -> Void = { _ in }
    /// A peer's process has ended, as far as its machine can tell.
    package var onGone: (MemberID) -> Void = { _ in }
    /// A peer says that this member was removed. It may not learn it otherwise: nobody sends it the log any more.
    package var onRemoved: () -> Void = {}

    /// - Parameters:
    ///   - configuration: how peers are connected to; its TLS is used for those whose URLs ask for it.
    ///   - loop: the member's, which is a group of one.
    package init(
        cluster: UInt64, own: MemberID, configuration: WireClientConfiguration, on loop: any EventLoop, logger: Logger
    ) {
        self.cluster = cluster
        self.own = own
        var configuration = configuration
        configuration.connectTimeout = PeerLane.connectTimeout
        configuration.backoff.initial = PeerLane.pause
        configuration.backoff.maximum = PeerLane.pause
        // A peer that is quiet is still a peer.
        configuration.idleTimeout = nil
        configuration.maximumMessageBytes = PeerFormat.messageBytesMax
        self.configuration = configuration
        self.group = loop
        self.loop = loop
        self.logger = logger
    }

    /// Takes these for the peers, and nobody else any more. Links that stay are left alone.
    package func update(_ peers: [Peer]) {
        for index in links.indices.reversed() where !peers.contains(links[index].peer) {
            close(links.remove(at: index))
        }
        for peer in peers where !peer.addresses.isEmpty && !links.contains(where: { $0.peer.id == peer.id }) {
            do {
                links.append(try link(to: peer))
            } catch {
                logger.error("can't speak to a peer", metadata: ["peer": "\(peer.id)", "error": "\(error)"])
            }
        }
    }

    private func link(to peer: Peer) throws -> Link {
        var configuration = configuration
        if !peer.isEncrypted { configuration.tls = nil }
        let hello = PeerHello(cluster: cluster, from: own, to: peer.id)
        var link = Link(peer: peer, lanes: [], clients: [])
        for purpose in PeerLane.Purpose.allCases {
            let clients = try peer.addresses.map {
                try WireClient($0, configuration: configuration, eventLoopGroup: group, logger: logger)
            }
            let lane = PeerLane(purpose, hello, clients: clients, on: loop, logger: logger) { [weak self] in
                self?.note($1, of: $0, to: peer.id)
            }
            link.clients += clients
            link.lanes.append(lane)
            lane.connect()
        }
        return link
    }

    private func note(_ change: PeerLane.Change, of lane: PeerLane, to peer: MemberID) {
        guard let index = links.firstIndex(where: { $0.peer.id == peer }) else { return }
        let isOpen = links[index].lanes.allSatisfy(\.isOpen)
        switch change {
        case .opened:
            guard isOpen, links[index].openSince == nil else { return }
            links[index].openSince = .now()
            logger.info("established connection with a peer", metadata: ["remote-peer-id": "\(peer)"])
        case .broke(let status):
            links[index].openSince = nil
            logger.warning(
                "lost connection with a peer",
                metadata: [
                    "remote-peer-id": "\(peer)", "stream": "\(lane.purpose)", "error": "\(status.message)",
                ])
            onUnreachable(peer)
            if status.code == .permissionDenied { onRemoved() }
        case .refused:
            onGone(peer)
        }
    }

    /// Hands each message to its receiver's stream; those to nobody known are dropped.
    package func send(_ messages: [Message]) {
        for message in messages {
            guard let link = links.firstIndex(where: { $0.peer.id == message.to }) else { continue }
            let lane = PeerLane.Purpose(message) == .control ? 0 : 1
            MessageCoding.append(message, to: &links[link].batches[lane])
            if links[link].batches[lane].count >= PeerFormat.batchBytes { sendBatch(link, lane) }
        }
        for link in links.indices {
            for lane in links[link].lanes.indices where !links[link].batches[lane].isEmpty { sendBatch(link, lane) }
        }
    }

    private func sendBatch(_ link: Int, _ lane: Int) {
        let batch = links[link].batches[lane]
        links[link].batches[lane] = []
        links[link].lanes[lane].send(batch)
    }

    /// Since when a peer can be spoken to without a break; nil: it can't.
    package func openSince(_ peer: MemberID) -> NIODeadline? {
        links.first { $0.peer.id == peer }?.openSince
    }

    /// For calls beside the streams, at the address where a stream is open or tried next: an address that is dead is
    /// left as the streams leave it. What goes there doesn't hold up messages.
    package func client(of peer: MemberID) -> WireClient? {
        links.first { $0.peer.id == peer }?.guide?.client
    }

    /// A client with a connection of its own, for what takes long; nil for a peer that isn't known. Its user closes it.
    /// The address is that of `client(of:)`.
    ///
    /// - Parameter group: whose loop gets the connection.
    package func newClient(
        of peer: MemberID, on group: any EventLoopGroup
    ) -> Result<WireClient?, any Error> {
        guard let link = links.first(where: { $0.peer.id == peer }), let address = link.guide?.client.target else {
            return .success(nil)
        }
        var configuration = configuration
        if !link.peer.isEncrypted { configuration.tls = nil }
        return Result {
            try WireClient(address, configuration: configuration, eventLoopGroup: group, logger: logger)
        }
    }

    package func close() {
        for link in links { close(link) }
        links = []
    }

    private func close(_ link: Link) {
        for lane in link.lanes { lane.close() }
        let clients = link.clients
        Task { for client in clients { await client.close() } }
    }
}
