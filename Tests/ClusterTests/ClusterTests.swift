// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletEtcdClient
import MartletTestPrograms
import Testing

/// Real processes, several of one cluster, and real faults.
@Suite("a cluster of processes", .serialized, .timeLimit(.minutes(30)))
struct ClusterTests {
    static let kind = EtcdProcess.Kind.martlet

    @Test("what one member takes all others answer, to etcd's own tool")
    func allAnswer() async throws {
        try await EtcdProcess.withCluster(Self.kind) { members in
            for (number, member) in members.enumerated() {
                #expect(try await ProcessCluster.put([member], "k\(number)", "v\(number)"))
            }
            for member in members {
                #expect(
                    try await ProcessCluster.control([member], "get", "k", "--prefix")
                        == "k0\nv0\nk1\nv1\nk2\nv2")
            }
            let list = try await ProcessCluster.control(members, "member", "list")
            #expect(list.split(separator: "\n").count == 3)
            #expect(list.split(separator: "\n").allSatisfy { $0.contains("started") })
            let status = try await ProcessCluster.control(members, "endpoint", "status")
            #expect(status.split(separator: "\n").filter { $0.contains(", true, false,") }.count == 1, "\(status)")
            let health = try await ProcessCluster.control(members, "endpoint", "health")
            #expect(health.components(separatedBy: "is healthy").count == 4, "\(health)")
            let hashes = try await ProcessCluster.control(members, "endpoint", "hashkv").split(separator: "\n")
                .map { $0.split(separator: ",").last.map(String.init) ?? "" }
            #expect(Set(hashes).count == 1, "\(hashes)")
        }
    }

    @Test("nothing acknowledged is lost when the leader is killed again and again")
    func leaderKilled() async throws {
        try await EtcdProcess.withCluster(Self.kind) { members in
            let client = try ProcessCluster.client(members)
            let ledger = Ledger()
            try await ledger.whileWriting(by: client) {
                for _ in 0..<4 {
                    let (leader, _) = try await ProcessCluster.split(members)
                    let before = ledger.acknowledged.count
                    await leader.kill()
                    #expect(try await eventually { ledger.acknowledged.count > before + 20 })
                    try await leader.restart()
                }
            }
            let kept = ledger.acknowledged
            for member in members {
                let own = try ProcessCluster.client([member])
                var found: [String: Int64] = [:]
                for pair in try await own.get(.prefix("w")).keyValues { found[pair.keyText] = pair.modRevision }
                for (key, revision) in kept {
                    #expect(found[key] == revision, "\(key) at \(member.endpoint)")
                }
                await own.close()
            }
            #expect(kept.count > 100)
            await client.close()
        }
    }

    @Test("a leader that is asked to end hands over first")
    func terminatedLeader() async throws {
        // Longer than a busy machine keeps anybody waiting: nobody else begins an election meanwhile.
        let flags = ["--election-timeout", "8000", "--heartbeat-interval", "100"]
        try await EtcdProcess.withCluster(Self.kind, arguments: flags) { members in
            var isHandedOver = false
            // A machine that has no turn for the others for so long lets the attempt end: then it is done again.
            for _ in 0..<5 where !isHandedOver {
                let (leader, others) = try await ProcessCluster.split(members)
                let client = try ProcessCluster.client(others)
                let term = try await client.maintenance.status(of: others[0].endpoint).raftTerm
                await leader.terminate()
                try await client.put("k", "v")
                let terms = try await client.maintenance.status(of: others[0].endpoint).raftTerm
                isHandedOver = leader.log.contains("leadership transfer finished") && terms == term + 1
                await client.close()
                if !isHandedOver { try await leader.restart() }
            }
            #expect(isHandedOver)
        }
    }

    @Test("a leader that reads by lease and had no turn for a while reads nothing old")
    func stoppedLeaderReads() async throws {
        try await EtcdProcess.withCluster(Self.kind, arguments: ["--lease-reads"]) { members in
            let (leader, others) = try await ProcessCluster.split(members)
            let (old, client) = (try ProcessCluster.client([leader]), try ProcessCluster.client(others))
            try await client.put("k", "before")
            for _ in 0..<100 {
                let read = try await old.get("k").keyValues.map(\.valueText)
                #expect(read == ["before"])
            }
            leader.freeze()
            #expect(try await eventually { (try? await client.put("k", "after")) != nil })
            // It lies there when the leader that was goes on.
            async let waiting = try? old.get("k")
            leader.thaw()
            if let response = await waiting { #expect(response.keyValues.map(\.valueText) == ["after"]) }
            var read: [String] = []
            _ = try await eventually {
                guard let response = try? await old.get("k") else { return false }
                read = response.keyValues.map(\.valueText)
                return true
            }
            #expect(read == ["after"])
            await old.close()
            await client.close()
        }
    }

    @Test("a member that joins late gets all of the state, and one that was removed ends")
    func lateMember() async throws {
        try await EtcdProcess.withCluster(Self.kind) { members in
            let client = try ProcessCluster.client(members)
            // More than the log keeps for members that lag.
            let value = String(repeating: "v", count: 100)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        for number in 0..<1_000 { try await client.put("k\(writer)-\(number)", value) }
                    }
                }
                try await group.waitForAll()
            }
            try await client.put("counted", "yes")
            let newcomer = try EtcdProcess.Newcomer(Self.kind)
            // Members must have known each other for five seconds.
            var added: EtcdMemberID?
            _ = try await eventually {
                added = try? await client.cluster.addMember(peerURLs: [newcomer.peerURL]).id
                return added != nil
            }
            let id = try #require(added)
            let others = try await client.cluster.members().filter { $0.id != id }
                .map { (name: $0.name, peerURL: $0.peerURLs[0]) }
            try await newcomer.run(joining: others) { server in
                let own = try ProcessCluster.client([server])
                #expect(try await own.get(.prefix("k")) { $0.isCountOnly = true }.count == 8_000)
                #expect(try await own.get("counted").keyValues.map(\.valueText) == ["yes"])
                #expect(try await eventually { (try? await client.cluster.removeMember(id)) != nil })
                #expect(try await eventually { server.hasEnded })
                #expect(server.log.contains("the member has been permanently removed from the cluster"))
                await own.close()
            }
            try await client.put("k", "after")
            await client.close()
        }
    }

    @Test("a member that has lost its data doesn't begin anew among those who know it")
    func alreadyBootstrapped() async throws {
        try await EtcdProcess.withCluster(Self.kind) { members in
            let lost = members[2]
            // Whichever of the others is asked has heard of it.
            var id: EtcdMemberID?
            for other in members.dropLast() {
                let client = try ProcessCluster.client([other])
                _ = try await eventually {
                    id = try await client.cluster.members().first { $0.name == "test3" }?.id
                    return id != nil
                }
                await client.close()
            }
            let member = try #require(id)
            try await lost.loseData()
            for _ in 0..<2 {
                let failure = await #expect(throws: EtcdProcess.NotStarted.self) { try await lost.restart() }
                let text = "member \(member) has already been bootstrapped"
                #expect(failure?.log.contains(text) == true, "\(failure?.log ?? "")")
            }
            #expect(try await ProcessCluster.put(Array(members.dropLast()), "k", "v"))
        }
    }
}
