// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletEtcdClient
import MartletTestPrograms
import Testing

/// Who belongs to a cluster, changed by etcd's own tool, by flags and by restarts.
@Suite("members of a cluster of processes", .serialized, .timeLimit(.minutes(30)))
struct MembershipTests {
    private static let kind = EtcdProcess.Kind.martlet

    /// The line of `member list` that tells of a peer URL; its fields.
    private static func line(_ members: [EtcdProcess], of url: String) async throws -> [String] {
        let list = try await ProcessCluster.control(members, "member", "list")
        let line = list.split(separator: "\n").first { $0.contains(url) }
        return line.map { $0.components(separatedBy: ", ") } ?? []
    }

    @Test("etcd's tool adds, promotes, moves to, updates and removes a member")
    func byEtcdctl() async throws {
        try await EtcdProcess.withCluster(Self.kind) { members in
            #expect(try await ProcessCluster.put(members, "k", "v"))
            let newcomer = try EtcdProcess.Newcomer(Self.kind)
            let others = try await ProcessCluster.named(members)
            // Members must have known each other for five seconds.
            var added = ""
            _ = try await eventually {
                added =
                    (try? await ProcessCluster.control(
                        members, "member", "add", "newcomer", "--learner", "--peer-urls=" + newcomer.peerURL)) ?? ""
                return !added.isEmpty
            }
            let words = added.split(separator: " ").map(String.init)
            let isAdded = words.count > 1 && words[0] == "Member" && added.contains(" added to cluster ")
            try #require(isAdded, "\(added)")
            let id = words[1]
            // One by one: there may be one learner.
            let second = try await run(
                try #require(EtcdProcess.control),
                ["--endpoints=" + members[0].endpoint, "member", "add", "other", "--learner", "--peer-urls=http://h:1"])
            #expect(second.output.contains("etcdserver: too many learner members in cluster"), "\(second.output)")
            try await newcomer.run(joining: others) { server in
                let all = members + [server]
                #expect(try await Self.line(members, of: newcomer.peerURL).last == "true")
                // Not before it has caught up.
                #expect(
                    try await eventually {
                        (try? await ProcessCluster.control(members, "member", "promote", id))?
                            .hasPrefix("Member \(id) promoted in cluster ") == true
                    })
                let line = try await Self.line(members, of: newcomer.peerURL)
                #expect(line[0...2] == [id, "started", "newcomer"] && line.last == "false", "\(line)")
                #expect(try await ProcessCluster.control([server], "get", "k") == "k\nv")

                try await Self.move(all, to: server, id)
                // Another name of the same place.
                let url = newcomer.peerURL.replacing("127.0.0.1", with: "localhost")
                let updated = try await ProcessCluster.control(members, "member", "update", id, "--peer-urls=" + url)
                #expect(updated.hasPrefix("Member \(id) updated in cluster "), "\(updated)")
                #expect(try await Self.line(members, of: url).first == id)
                #expect(try await ProcessCluster.put([members[0]], "k", "w"))
                #expect(try await ProcessCluster.control([server], "get", "k") == "k\nw")

                var removed = ""
                _ = try await eventually {
                    removed = (try? await ProcessCluster.control(members, "member", "remove", id)) ?? ""
                    return !removed.isEmpty
                }
                #expect(removed.hasPrefix("Member \(id) removed from cluster "), "\(removed)")
                #expect(try await eventually { server.hasEnded })
            }
            // It led: the others lead on.
            #expect(try await ProcessCluster.put(members, "k", "x"))
            #expect(try await Self.line(members, of: id).isEmpty)
        }
    }

    /// Moves leadership to a member; whoever doesn't lead refuses to.
    private static func move(_ members: [EtcdProcess], to server: EtcdProcess, _ id: String) async throws {
        // A member may come to lead by itself while the others are busy: then they are tried again.
        var text = ""
        _ = try await eventually {
            let (leader, followers) = try await ProcessCluster.split(members)
            if leader === server { return true }
            let refusal = try await run(
                try #require(EtcdProcess.control), ["--endpoints=" + followers[0].endpoint, "move-leader", id])
            guard refusal.output.contains("no leader endpoint given at") else { return false }
            text = (try? await ProcessCluster.control(members, "move-leader", id)) ?? ""
            return text.hasPrefix("Leadership transferred from ")
        }
        #expect(text.isEmpty || text.hasSuffix(" to \(id)"), "\(text)")
        #expect(try await eventually { try await ProcessCluster.split(members).0 === server })
    }

    @Test("what is left of a cluster goes on alone, with its data")
    func forcedNewCluster() async throws {
        try await EtcdProcess.withCluster(Self.kind) { members in
            let client = try ProcessCluster.client(members)
            let put = try await client.put("k", "v")
            // A member alone has it for sure when it answers reads of its own.
            let survivor = try ProcessCluster.client([members[0]])
            #expect(try await survivor.get("k").keyValues.map(\.valueText) == ["v"])
            await client.close()
            for member in members { await member.kill() }
            for arguments in [["--force-new-cluster"], []] {
                try await members[0].restart(adding: arguments)
                let answer = try await survivor.get("k")
                #expect(answer.keyValues.map(\.modRevision) == [put.revision])
                let list = try await survivor.cluster.members()
                #expect(list.map(\.name) == ["test1"] && list.map { $0.peerURLs } == [[members[0].peerURL]])
                try await survivor.put("more", "\(arguments.count)")
            }
            await survivor.close()
            // Those that it has left come back without it, and don't disturb it.
            try await members[1].restart(until: "permanently removed")
        }
    }

    @Test("who has data stays who it is, whatever later starts say of its cluster")
    func laterFlagsDoNotCount() async throws {
        try await EtcdProcess.withCluster(Self.kind) { members in
            #expect(try await ProcessCluster.put(members, "k", "v"))
            let list = try await ProcessCluster.control(members, "member", "list")
            await members[2].terminate()
            try await members[2].restart(
                adding: [
                    "--initial-cluster-token", "another", "--initial-cluster",
                    "test3=http://127.0.0.1:9,nobody=http://127.0.0.1:10",
                ])
            #expect(try await ProcessCluster.control([members[2]], "get", "k") == "k\nv")
            #expect(try await ProcessCluster.control([members[2]], "member", "list") == list)
        }
    }

    @Test("members of another cluster are refused, and both sides say so")
    func anotherClustersMember() async throws {
        try await EtcdProcess.withCluster(Self.kind) { members in
            try await members[2].loseData()
            try await members[2].restart(
                adding: ["--initial-cluster-token", "another"], until: "rafthttp: request cluster ID mismatch")
            for member in members.dropLast() {
                #expect(
                    try await eventually {
                        member.log.contains("rejected a request of a peer")
                            && member.log.contains("rafthttp: request cluster ID mismatch")
                    })
            }
            #expect(!members[2].log.contains("ready to serve client requests"))
            #expect(try await ProcessCluster.put(Array(members.dropLast()), "k", "v"))
        }
    }

    @Test(
        "a new member that is not who its flags say ends with etcd's words",
        arguments: [
            ("b=http://127.0.0.1:1", "couldn't find local name \\\"a\\\" in the initial cluster configuration"),
            (
                "a=http://127.0.0.1:2",
                "--initial-cluster has a=http://127.0.0.1:2 but missing from "
                    + "--initial-advertise-peer-urls=http://127.0.0.1:1 "
                    + "(resolved urls: \\\"http://127.0.0.1:1\\\" != \\\"http://127.0.0.1:2\\\")"
            ),
            (
                "a=http://127.0.0.1:1,b=http://127.0.0.1:1",
                "initial cluster a=http://127.0.0.1:1,b=http://127.0.0.1:1 has duplicate url"
            ),
        ])
    func initialURLs(_ cluster: String, _ text: String) async throws {
        let folder = try TemporaryFolder()
        let ended = try await run(
            BuiltBinary.path,
            [
                "server", "--name", "a", "--data-dir", folder.file("data"), "--listen-client-urls",
                "http://127.0.0.1:0", "--listen-peer-urls", "http://127.0.0.1:0", "--initial-advertise-peer-urls",
                "http://127.0.0.1:1", "--initial-cluster", cluster,
            ])
        #expect(!ended.isSuccess && ended.output.contains(text), "\(ended.output)")
    }
}
