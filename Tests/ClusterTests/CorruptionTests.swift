// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms
import Testing

/// A cluster whose third member was made of another snapshot, as an operator's mistake would make it.
@Suite("members that hold different things", .serialized, .timeLimit(.minutes(30)))
struct CorruptionTests {
    private let folder: TemporaryFolder

    init() async throws {
        folder = try TemporaryFolder()
        for value in ["right", "wrong"] {
            try await EtcdProcess.with(.martlet) { server in
                let client = try Self.client(server)
                try await client.put("k", value)
                await client.close()
                try await output(
                    of: BuiltBinary.path,
                    ["snapshot", "save", folder.file(value), "--endpoints", server.endpoint])
            }
        }
    }

    private static func client(_ server: EtcdProcess) throws -> EtcdClient {
        var configuration = EtcdClient.Configuration(endpoints: [server.endpoint])
        configuration.timeout = patience
        return try EtcdClient(configuration)
    }

    /// Restores each member's data; the arguments by which it starts on it.
    private func restore(_ members: [(name: String, peerURL: String)]) async throws -> [[String]] {
        let cluster = members.map { "\($0.name)=\($0.peerURL)" }.joined(separator: ",")
        var arguments: [[String]] = []
        for (number, member) in members.enumerated() {
            let data = folder.file("data-\(member.name)")
            try await output(
                of: BuiltBinary.path,
                [
                    "snapshot", "restore", folder.file(number == 2 ? "wrong" : "right"), "--name", member.name,
                    "--initial-cluster", cluster, "--initial-advertise-peer-urls", member.peerURL,
                    "--data-dir", data,
                ])
            arguments.append(["--data-dir", data])
        }
        return arguments
    }

    @Test("the leader finds who differs, and nothing more is taken")
    func leaderFindsIt() async throws {
        try await EtcdProcess.withCluster(
            .martlet, arguments: ["--corrupt-check-time", "200ms"], prepare: restore
        ) { members in
            let client = try Self.client(members[0])
            let odd = try await client.cluster.members().first { $0.name == "test3" }
            var alarms: [EtcdAlarm] = []
            #expect(
                try await eventually {
                    alarms = try await client.maintenance.alarms()
                    return !alarms.isEmpty
                })
            #expect(alarms.map(\.member) == [odd?.id] && alarms.map(\.kind) == [.corrupt])
            let error = await #expect(throws: EtcdError.self) { try await client.put("k", "more") }
            #expect(error?.message == "etcdserver: corrupt cluster")
            await client.close()
        }
    }

    @Test("what was kept at the last compaction is compared likewise")
    func compactionsAreCompared() async throws {
        try await EtcdProcess.withCluster(
            .martlet, arguments: ["--feature-gates=CompactHashCheck=true", "--compact-hash-check-time", "200ms"],
            prepare: restore
        ) { members in
            let client = try Self.client(members[0])
            let put = try await client.put("other", "v")
            #expect(try await client.maintenance.alarms().isEmpty)
            try await client.compact(to: put.revision)
            #expect(try await eventually { try await !client.maintenance.alarms().isEmpty })
            await client.close()
        }
    }

    @Test("a member that compares itself at its start doesn't serve")
    func memberFindsIt() async throws {
        let failure = await #expect(throws: EtcdProcess.NotStarted.self) {
            try await EtcdProcess.withCluster(
                .martlet,
                prepare: { members in
                    var arguments = try await restore(members)
                    arguments[2].append("--initial-corrupt-check")
                    return arguments
                }
            ) { _ in }
        }
        #expect(failure?.log.contains("found data inconsistency with peers") == true, "\(failure?.log ?? "")")
    }
}
