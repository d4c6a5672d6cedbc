// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import MartletEtcdClient
import MartletTestPrograms
import Testing

/// Members that find each other in another cluster.
@Suite(.timeLimit(.minutes(30))) struct DiscoveryTests {
    private static func found(_ id: String, _ revision: Int64) -> DiscoveredMembers.Found {
        DiscoveredMembers.Found(id: id, text: "\(id)=http://\(id)", createRevision: revision)
    }

    @Test func whoComesFirstIsAMember() {
        let none = DiscoveredMembers(size: 2, [])
        #expect(none.state(for: "a") == .unknown)
        let one = DiscoveredMembers(size: 2, [Self.found("a", 5)])
        #expect(one.state(for: "a") == .waiting(known: 1))
        #expect(one.state(for: "b") == .unknown)
        let more = DiscoveredMembers(size: 2, [Self.found("a", 7), Self.found("b", 5), Self.found("c", 6)])
        #expect(more.state(for: "b") == .complete("b=http://b,c=http://c"))
        #expect(more.state(for: "c") == .complete("b=http://b,c=http://c"))
        #expect(more.state(for: "a") == .full)
        #expect(more.state(for: "d") == .full)
    }

    @Test(arguments: [
        ["--discovery-token=t"], ["--discovery-endpoints=127.0.0.1:1"],
        ["--discovery-token=t", "--discovery-endpoints=127.0.0.1:1", "--initial-cluster=default=http://127.0.0.1:1"],
    ])
    func flagsThatContradict(_ arguments: [String]) throws {
        let flags = try ServerFlags(arguments: arguments)
        #expect(throws: ServerFlagError.self) { try ServerOptions(flags) }
    }

    private static func client(_ endpoint: String) throws -> EtcdClient {
        var configuration = EtcdClient.Configuration(endpoints: [endpoint])
        configuration.timeout = patience
        return try EtcdClient(configuration)
    }

    @Test(arguments: EtcdProcess.Kind.available) func membersFindEachOther(_ kind: EtcdProcess.Kind) async throws {
        try await EtcdProcess.with(kind) { registry in
            let client = try Self.client(registry.endpoint)
            let refused = try await run(
                BuiltBinary.path,
                [
                    "server", "--discovery-token", "none", "--discovery-endpoints", registry.endpoint,
                    "--data-dir", try TemporaryFolder().file("data"), "--listen-client-urls", "http://127.0.0.1:0",
                    "--listen-peer-urls", "http://127.0.0.1:0",
                ])
            #expect(!refused.isSuccess && refused.output.contains("discovery: size key not found"), "\(refused.output)")
            try await client.put("/_etcd/registry/t/_config/size", "3")
            try await EtcdProcess.withCluster(
                .martlet, arguments: ["--discovery-token", "t", "--discovery-endpoints", registry.endpoint],
                isDiscovered: true
            ) { members in
                let own = try Self.client(members[0].endpoint)
                try await own.put("k", "v")
                let names = try await own.cluster.members().map(\.name).sorted()
                #expect(names == ["test1", "test2", "test3"])
                await own.close()
                // It is a member, and asks nobody about it any more.
                try await client.delete(.prefix("/_etcd/"))
                try await members[1].restart()
                let again = try Self.client(members[1].endpoint)
                #expect(try await again.get("k").keyValues.map(\.valueText) == ["v"])
                await again.close()
            }
            await client.close()
        }
    }
}
