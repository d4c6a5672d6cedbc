// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletEtcdClient
import MartletTestPrograms
import Synchronization
import Testing

/// Real processes, several of one cluster, and real faults.
@Suite("a cluster of processes", .serialized, .timeLimit(.minutes(4)))
struct ClusterTests {
    static let kind = EtcdProcess.Kind.martlet

    private static func client(_ members: [EtcdProcess]) throws -> EtcdClient {
        var configuration = EtcdClient.Configuration(endpoints: members.map(\.endpoint))
        configuration.timeout = .seconds(20)
        return try EtcdClient(configuration)
    }

    /// The leader, and the others.
    private static func split(_ members: [EtcdProcess]) async throws -> (EtcdProcess, [EtcdProcess]) {
        let client = try client(members)
        var leader: EtcdProcess?
        _ = try await eventually {
            for member in members where (try? await client.maintenance.status(of: member.endpoint))?.isLeader == true {
                leader = member
            }
            return leader != nil
        }
        await client.close()
        let found = try #require(leader)
        return (found, members.filter { $0 !== found })
    }

    private static func control(_ members: [EtcdProcess], _ arguments: String...) async throws -> String {
        let program = try #require(EtcdProcess.control)
        return try await output(
            of: "/usr/bin/env",
            ["ETCDCTL_API=3", program, "--endpoints=" + members.map(\.endpoint).joined(separator: ",")] + arguments)
    }

    @Test("what one member takes all others answer, to etcd's own tool")
    func allAnswer() async throws {
        try await EtcdProcess.withCluster(Self.kind) { members in
            for (number, member) in members.enumerated() {
                #expect(try await Self.control([member], "put", "k\(number)", "v\(number)") == "OK")
            }
            for member in members {
                #expect(
                    try await Self.control([member], "get", "k", "--prefix")
                        == "k0\nv0\nk1\nv1\nk2\nv2")
            }
            let list = try await Self.control(members, "member", "list")
            #expect(list.split(separator: "\n").count == 3)
            #expect(list.split(separator: "\n").allSatisfy { $0.contains("started") })
            let status = try await Self.control(members, "endpoint", "status")
            #expect(status.split(separator: "\n").filter { $0.contains(", true, false,") }.count == 1, "\(status)")
            let health = try await Self.control(members, "endpoint", "health")
            #expect(health.components(separatedBy: "is healthy").count == 4, "\(health)")
            let hashes = try await Self.control(members, "endpoint", "hashkv").split(separator: "\n")
                .map { $0.split(separator: ",").last.map(String.init) ?? "" }
            #expect(Set(hashes).count == 1, "\(hashes)")
        }
    }

    @Test("nothing acknowledged is lost when the leader is killed again and again")
    func leaderKilled() async throws {
        try await EtcdProcess.withCluster(Self.kind) { members in
            let client = try Self.client(members)
            let ledger = Ledger()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<4 {
                    group.addTask {
                        var number = 0
                        while !ledger.isClosed {
                            let key = "w\(writer)-\(number)"
                            number += 1
                            if let put = try? await client.put(key, "v") {
                                ledger.note(key, put.revision)
                            }
                        }
                    }
                }
                for _ in 0..<4 {
                    let (leader, _) = try await Self.split(members)
                    let before = ledger.acknowledged.count
                    await leader.kill()
                    #expect(try await eventually { ledger.acknowledged.count > before + 20 })
                    try await leader.restart()
                }
                ledger.close()
                try await group.waitForAll()
            }
            let kept = ledger.acknowledged
            for member in members {
                let own = try Self.client([member])
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
        // Longer than a busy machine keeps anybody waiting.
        let flags = ["--election-timeout", "8000", "--heartbeat-interval", "100"]
        try await EtcdProcess.withCluster(Self.kind, arguments: flags) { members in
            let (leader, others) = try await Self.split(members)
            let client = try Self.client(others)
            try await client.put("k", "1")
            await leader.terminate()
            let start = ContinuousClock.now
            try await client.put("k", "2")
            // An election would begin after the time for one, counted from the last sign of a leader.
            #expect(ContinuousClock.now - start < .seconds(6))
            await client.close()
        }
    }

    @Test("a member that joins late gets all of the state, and one that was removed ends")
    func lateMember() async throws {
        try await EtcdProcess.withCluster(Self.kind) { members in
            let client = try Self.client(members)
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
                let own = try Self.client([server])
                #expect(try await own.get(.prefix("k")) { $0.isCountOnly = true }.count == 8_000)
                #expect(try await own.get("counted").keyValues.map(\.valueText) == ["yes"])
                #expect(try await eventually { (try? await client.cluster.removeMember(id)) != nil })
                #expect(try await eventually { server.hasEnded })
                await own.close()
            }
            try await client.put("k", "after")
            await client.close()
        }
    }
}

/// What writers were told, by key; until it is closed.
private final class Ledger: Sendable {
    private let state = Mutex<(acknowledged: [String: Int64], isClosed: Bool)>(([:], false))

    var acknowledged: [String: Int64] { state.withLock { $0.acknowledged } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func note(_ key: String, _ revision: Int64) { state.withLock { $0.acknowledged[key] = revision } }
    func close() { state.withLock { $0.isClosed = true } }
}
