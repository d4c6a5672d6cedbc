// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletBasics
import MartletEtcdServer
import MartletGRPCWire
import MartletKeyValue
import MartletNode
import MartletPeerWire
import MartletRaft
import MartletReplica
import MartletTestPrograms
import MartletWALCodec
import NIOCore
import NIOPosix
import Testing

/// A member of one, in a folder, that sends its state or takes another's.
final class StateMember: Sendable {
    static let cluster: UInt64 = 5

    /// Touched on the loop only.
    private final class Host: PeerHost {
        let clusterID = StateMember.cluster
        let memberID: MemberID

        init(_ member: MemberID) { memberID = member }

        func isRemoved(_ member: MemberID) -> Bool { false }
        func receive(_ messages: [Message]) {}
        func refused(_ hello: PeerHello, _ status: GRPCStatus) { Issue.record("refused: \(status)") }
    }

    let id: MemberID
    let port: Int
    private let group: MultiThreadedEventLoopGroup
    private let member: NIOLoopBound<Member>
    private let host: NIOLoopBound<Host>
    private let server: WireServer
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private init(
        _ id: MemberID, _ port: Int, _ group: MultiThreadedEventLoopGroup, _ member: NIOLoopBound<Member>,
        _ host: NIOLoopBound<Host>, _ server: WireServer
    ) {
        (self.id, self.port, self.group) = (id, port, group)
        (self.member, self.host, self.server) = (member, host, server)
    }

    static func start(_ number: UInt64, in path: String) async throws -> StateMember {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let configuration = ReplicaConfiguration(
            member: MemberID(number), name: "n", clientURLs: [], peerURLs: ["http://localhost:2380"], seed: 1)
        let data = try DataFolder(path: path).open(
            configuration, new: WALMetadata(memberID: number, clusterID: cluster),
            at: Moment(monotonic: .zero, wallMilliseconds: Member.wallMilliseconds()))
        let (member, host, receiver) = try await loop.submit {
            let member = Member(
                data.replica, data: data, configuration: MemberConfiguration(), logger: logger, eventLoop: loop)
            let host = Host(MemberID(number))
            try member.start()
            return (
                NIOLoopBound(member, eventLoop: loop), NIOLoopBound(host, eventLoop: loop),
                StateReceiver(member, host)
            )
        }.get()
        try await loop.flatSubmit { member.value.ready }.get()
        var router = GRPCRouter()
        receiver.addRoute(to: &router)
        var settings = WireServerConfiguration()
        settings.maximumMessageBytes = PeerFormat.messageBytesMax
        let server = try WireServer(router: router, configuration: settings, eventLoopGroup: group, logger: logger)
        let address = try await server.bind(.hostPort("127.0.0.1", 0))
        return StateMember(MemberID(number), address.port ?? 0, group, member, host, server)
    }

    func put(_ key: String, _ value: [UInt8]) async throws {
        let loop = group.next()
        try await loop.flatSubmit { [member] () -> EventLoopFuture<Void> in
            let promise = loop.makePromise(of: Void.self)
            member.value.propose(Write(.put(PutRequest(key: Array(key.utf8), value: value)))) { result in
                promise.completeWith(result.map { _ in () }.mapError { $0 as any Error })
            }
            return promise.futureResult
        }.get()
    }

    func makeDump(for other: MemberID) async throws -> StateDump {
        try await group.next().flatSubmit { [member] in member.value.makeStateDump(for: other) }.get()
    }

    func hello(to other: MemberID) -> PeerHello { PeerHello(cluster: Self.cluster, from: id, to: other) }

    /// Sends `dump` to `other`, by way of a port of this machine.
    func send(_ dump: StateDump, to other: MemberID, port: Int) async throws {
        var sender = StateSender(dump, hello(to: other), order: Term(1), logger: Self.logger) { [group] in
            try Self.client(of: port, on: group)
        }
        // It ends what hangs, and nothing else.
        sender.patience = .seconds(300)
        try await sender.send()
    }

    static func client(of port: Int, on group: MultiThreadedEventLoopGroup) throws -> WireClient {
        try WireClient(.hostPort("127.0.0.1", port), eventLoopGroup: group, logger: logger)
    }

    func stop() async throws {
        try await group.next().flatSubmit { [member] in member.value.stop() }.get()
        await server.close()
        try await group.shutdownGracefully()
    }
}
