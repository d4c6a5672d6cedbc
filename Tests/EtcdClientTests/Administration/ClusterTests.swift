// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletEtcdClient
import MartletGRPCWire
import MartletTestPrograms
import SwiftProtobuf
import Synchronization
import Testing

@Suite(.serialized, .timeLimit(.minutes(30))) struct ClusterTests {
    @Test(arguments: EtcdProcess.Kind.available)
    func membersTellWhereTheyAre(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, server in
            for isLinearizable in [true, false] {
                let members = try await client.cluster.members(isLinearizable: isLinearizable)
                #expect(members.map(\.name) == ["test"])
                #expect(members.map(\.clientURLs) == [["http://\(server.endpoint)"]])
                #expect(members.map(\.isLearner) == [false])
                #expect(members.map(\.id) == [try await client.maintenance.status().member])
            }
        }
    }

    /// Martlet's own server runs alone.
    @Test(arguments: EtcdProcess.Kind.original)
    func learnersComeAndGo(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { calm, server in
            // One of the usual patience: some changes are never answered, and are made again.
            let client = try EtcdClient(endpoints: server.endpoint)
            let url = "http://127.0.0.1:\(try freePort())"
            let learner = try await calm.cluster.addMember(peerURLs: [url], isLearner: true)
            #expect(learner.isLearner)
            #expect(learner.peerURLs == [url])
            #expect(learner.name == "")
            #expect(try await calm.cluster.members().map(\.id).contains(learner.id))
            // It hasn't even started.
            await EtcdClientTests.expect(.invalidRequest) {
                _ = try await Self.insisting { try await client.cluster.promoteMember(learner.id) }
            }
            let moved = "http://127.0.0.1:\(try freePort())"
            let members = try await Self.insisting {
                try await client.cluster.updateMember(learner.id, peerURLs: [moved])
            }
            #expect(members.first { $0.id == learner.id }?.peerURLs == [moved])
            do {
                #expect(try await client.cluster.removeMember(learner.id).map(\.name) == ["test"])
            } catch let error as EtcdError where Self.isLate(error) {}
            // Once it is gone, and it goes once.
            await EtcdClientTests.expect(.notFound) {
                try await Self.insisting { while true { try await client.cluster.removeMember(learner.id) } }
            }
            #expect(try await calm.cluster.members().map(\.name) == ["test"])
            await EtcdClientTests.expect(.invalidRequest) { _ = try await calm.cluster.addMember(peerURLs: ["x"]) }
            await client.close()
        }
    }

    /// etcd answers a change of members before its consensus has heard that it is made. Another that comes in between
    /// is dropped there without a word, and its request waits until the client gives up.
    private static func isLate(_ error: EtcdError) -> Bool { error.code == .timeout || error.code == .unavailable }

    /// Repeats what came too late.
    private static func insisting<Result>(_ change: () async throws -> Result) async throws -> Result {
        let end = ContinuousClock.now + patience
        while true {
            do {
                return try await change()
            } catch let error as EtcdError where isLate(error) && ContinuousClock.now < end {}
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func endpointsAreTakenFromTheMembers(kind: EtcdProcess.Kind) async throws {
        try await EtcdProcess.with(kind) { server in
            let relay = try CuttingRelay(to: server.endpoint)
            let client = try EtcdClient.patient(try await relay.start())
            var watch = client.watch("k", from: 1).makeAsyncIterator()
            try await client.put("k", "1")
            #expect(try await EtcdClientTests.take(1, &watch).map(\.keyValue.valueText) == ["1"])
            #expect(try await client.cluster.useMembersAsEndpoints().map(\.name) == ["test"])
            await relay.stop()
            // By the straight way now, the watch as well.
            try await client.put("k", "2")
            #expect(try await EtcdClientTests.take(1, &watch).map(\.keyValue.valueText) == ["2"])
            #expect(try await client.maintenance.status(of: server.endpoint).isLeader)
            await client.close()
        }
    }

    @Test func learnersAreNoEndpoints() async throws {
        let list: ScriptedEtcd.Unary = { _ in
            try Etcdserverpb_MemberListResponse.with { response in
                response.members = [
                    .with {
                        $0.id = 1
                        $0.clientUrls = ["http://127.0.0.1:1"]
                        $0.isLearner = true
                    }
                ]
            }.serializedBytes()
        }
        try await ScriptedEtcd.with(unary: ["/etcdserverpb.Cluster/MemberList": list]) { server in
            try await HostileServerTests.withClient(server) { client in
                for _ in 0..<2 {
                    let members = try await client.cluster.useMembersAsEndpoints()
                    #expect(members.map(\.isLearner) == [true])
                }
                #expect(server.calls("/etcdserverpb.Cluster/MemberList") == 2)
            }
        }
    }
}
