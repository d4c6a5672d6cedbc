// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletHTTP2Session
import MartletTestPrograms
import NIOCore
import SwiftProtobuf
import Testing

/// What a member answers others beside their streams, and to whom.
@Suite(.timeLimit(.minutes(30))) struct PeerCallTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A member with data, asked as another would ask it.
    private static func with(
        _ body: (_ fixture: ServerFixture, _ ask: (String, [UInt8], [String: String]) async throws -> [UInt8])
            async throws -> Void
    ) async throws {
        try await ServerFixture.with(in: try TemporaryFolder(), loopCount: 1) { fixture in
            var router = GRPCRouter()
            try await fixture.server.addPeerRoutes(to: &router)
            let loop = try await fixture.server.member.eventLoop
            let wire = try WireServer(
                router: router, configuration: WireServerConfiguration(), eventLoopGroup: loop, logger: logger)
            let port = try await wire.bind(.hostPort("127.0.0.1", 0)).port ?? 0
            let client = try WireClient(.hostPort("127.0.0.1", port), logger: logger)
            do {
                try await body(fixture) { name, message, headers in
                    var options = WireCallOptions()
                    for (name, value) in headers { options.metadata.append(name, value) }
                    return try await client.unary("/martlet.v1.Peer/\(name)", message, options: options).message
                }
            } catch {
                Issue.record(error)
            }
            await client.close()
            await wire.close()
        }
    }

    private static func cluster(of fixture: ServerFixture) -> String { String(fixture.server.clusterID, radix: 16) }

    @Test(arguments: ["HashKV", "Forward", "Members"])
    func anotherClustersMembersAreRefused(_ name: String) async throws {
        try await Self.with { fixture, ask in
            let wrong = ["x-etcd-cluster-id": "1", "x-server-from": "2"]
            let refusal = await #expect(throws: GRPCStatus.self) { _ = try await ask(name, [], wrong) }
            #expect(refusal?.code == .failedPrecondition)
            #expect(refusal?.message == "etcdserver: cluster ID mismatch")
            // What can't be read is nobody's cluster.
            for cluster in ["", "no number", String(repeating: "f", count: 1_000)] {
                let refusal = await #expect(throws: GRPCStatus.self) {
                    _ = try await ask(name, [], ["x-etcd-cluster-id": cluster])
                }
                #expect(refusal?.code == .failedPrecondition)
            }
            // A member, and one that has yet to learn what its cluster is.
            for headers in [["x-etcd-cluster-id": Self.cluster(of: fixture), "x-server-from": "2"], [:]] {
                do {
                    let answer = try await ask(name, [], headers)
                    #expect(!answer.isEmpty)
                } catch let status as GRPCStatus {
                    #expect(name == "Forward" && status.message == "no call that is sent on", "\(status)")
                }
            }
        }
    }

    @Test func removedMembersAreRefused() async throws {
        try await Self.with { fixture, ask in
            let client = try WireClient(.hostPort("127.0.0.1", fixture.port), logger: Self.logger)
            var addition = Etcdserverpb_MemberAddRequest()
            addition.peerUrls = ["http://127.0.0.1:1"]
            addition.isLearner = true
            let added = try Etcdserverpb_MemberAddResponse(
                serializedBytes: try await client.unary(
                    "/etcdserverpb.Cluster/MemberAdd", try addition.serializedBytes()
                ).message)
            let headers = [
                "x-etcd-cluster-id": Self.cluster(of: fixture), "x-server-from": String(added.member.id, radix: 16),
            ]
            #expect(try await !ask("Members", [], headers).isEmpty)
            var removal = Etcdserverpb_MemberRemoveRequest()
            removal.id = added.member.id
            _ = try await client.unary("/etcdserverpb.Cluster/MemberRemove", try removal.serializedBytes())
            for name in ["HashKV", "Forward", "Members"] {
                let refusal = await #expect(throws: GRPCStatus.self) { _ = try await ask(name, [], headers) }
                #expect(refusal?.code == .permissionDenied)
                #expect(refusal?.message == "the member has been permanently removed from the cluster")
            }
            await client.close()
        }
    }
}
