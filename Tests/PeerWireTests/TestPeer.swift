// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletBasics
import MartletGRPCWire
import MartletPeerWire
import MartletRaft
import NIOCore
import NIOPosix

/// A member that does nothing but speak and listen.
final class TestPeer: Sendable {
    /// What it heard. Touched on the loop only.
    final class Host: PeerHost {
        let clusterID: UInt64
        let memberID: MemberID
        var removed: Set<MemberID> = []
        var received: [Message] = []
        var unreachable: [MemberID] = []
        var gone: [MemberID] = []
        /// Whether it was told that it was removed.
        var isRemoved = false
        /// Why peers were told that they aren't taken.
        var refusals: [String] = []
        var links: PeerLinks?

        init(cluster: UInt64, member: MemberID) {
            clusterID = cluster
            memberID = member
        }

        func isRemoved(_ member: MemberID) -> Bool { removed.contains(member) }
        func refused(_ hello: PeerHello, _ status: GRPCStatus) { refusals.append(status.message) }
        func receive(_ messages: [Message]) { received += messages }
    }

    let id: MemberID
    let address: WireAddress
    let logger: Logger
    private let group: MultiThreadedEventLoopGroup
    private let server: WireServer
    private let host: NIOLoopBound<Host>

    private init(
        _ id: MemberID, _ address: WireAddress, _ logger: Logger, _ group: MultiThreadedEventLoopGroup,
        _ server: WireServer, _ host: NIOLoopBound<Host>
    ) {
        self.id = id
        self.address = address
        self.logger = logger
        self.group = group
        self.server = server
        self.host = host
    }

    static func start(_ number: UInt64, cluster: UInt64 = 1, port: Int = 0) async throws -> TestPeer {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let id = MemberID(number)
        let logger = Logger(label: "peer \(number)") { _ in SwiftLogNoOpLogHandler() }
        let (host, service) = try await loop.submit {
            let host = Host(cluster: cluster, member: id)
            let links = PeerLinks(
                cluster: cluster, own: id, configuration: WireClientConfiguration(), on: loop, logger: logger)
            links.onUnreachable = { [weak host] in host?.unreachable.append($0) }
            links.onGone = { [weak host] in host?.gone.append($0) }
            links.onRemoved = { [weak host] in host?.isRemoved = true }
            host.links = links
            return (NIOLoopBound(host, eventLoop: loop), PeerService(host, on: loop))
        }.get()
        var router = GRPCRouter()
        service.addRoutes(to: &router)
        var configuration = WireServerConfiguration()
        configuration.maximumMessageBytes = PeerFormat.messageBytesMax
        let server = try WireServer(
            router: router, configuration: configuration, eventLoopGroup: group, logger: logger)
        let bound = try await server.bind(.hostPort("127.0.0.1", port))
        return TestPeer(id, .hostPort("127.0.0.1", bound.port ?? 0), logger, group, server, host)
    }

    @discardableResult
    func with<Result: Sendable>(_ body: @escaping @Sendable (Host) throws -> Result) async throws -> Result {
        try await group.next().submit { [host] in try body(host.value) }.get()
    }

    /// Makes these its peers.
    func know(_ peers: [TestPeer]) async throws {
        try await know(peers.map { PeerLinks.Peer(id: $0.id, addresses: [$0.address], isEncrypted: false) })
    }

    func know(_ peers: [PeerLinks.Peer]) async throws {
        try await with { $0.links?.update(peers) }
    }

    func send(_ body: Message.Body, to peer: MemberID) async throws {
        let id = id
        try await with { $0.links?.send([Message(from: id, to: peer, term: Term(1), body: body)]) }
    }

    func stop() async throws {
        try await with {
            $0.links?.close()
            $0.links = nil
        }
        await server.close()
        server.executors.stop()
        try await group.shutdownGracefully()
    }
}

/// Waits until something holds; a test that waits too long fails with what didn't.
func eventually(_ what: String, _ holds: () async throws -> Bool) async throws {
    struct Late: Error, CustomStringConvertible { let description: String }
    let end = ContinuousClock.now + .seconds(300)
    while try await !holds() {
        guard ContinuousClock.now < end else { throw Late(description: "not in time: \(what)") }
        try await Task.sleep(for: .milliseconds(5))
    }
}
