// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletEtcdClient
import MartletTestPrograms
import Testing

@Suite("members of a cluster of processes that make room", .serialized, .timeLimit(.minutes(30)))
struct ReplacementTests {
    /// The leader goes: who leads after it ends what it began, if it didn't get so far.
    @Test("a learner takes the leader's place while clients write, and the old member ends by itself")
    func leaderReplaced() async throws {
        try await EtcdProcess.withCluster(ClusterTests.kind) { members in
            let client = try ProcessCluster.client(members)
            let ledger = Ledger()
            try await ledger.whileWriting(by: client) { try await Self.replaceLeader(members, client, ledger) }
            await client.close()
        }
    }

    private static func replaceLeader(
        _ members: [EtcdProcess], _ client: EtcdClient, _ ledger: Ledger
    ) async throws {
        let newcomer = try EtcdProcess.Newcomer(ClusterTests.kind)
        // Members must have known each other for five seconds.
        var added: EtcdMemberID?
        _ = try await eventually {
            added = try? await client.cluster.addMember(peerURLs: [newcomer.peerURL], isLearner: true).id
            return added != nil
        }
        let new = try #require(added)
        let others = try await client.cluster.members().filter { $0.id != new }
            .map { (name: $0.name, peerURL: $0.peerURLs[0]) }
        try await newcomer.run(joining: others) { server in
            let (leader, rest) = try await ProcessCluster.split(members)
            let old = try await client.maintenance.status(of: leader.endpoint).member
            // Asked of any member; the learner may not have caught up yet, and an answer may be lost.
            let isReplaced = try await eventually {
                _ = try? await client.cluster.replaceMember(old, by: new)
                let now = try? await client.cluster.members()
                return now?.contains { $0.id == old } == false
            }
            #expect(isReplaced)
            let after = try await client.cluster.members()
            #expect(after.count == 3 && after.allSatisfy { !$0.isLearner } && after.contains { $0.id == new })
            #expect(try await eventually { leader.hasEnded })
            #expect(leader.log.contains("the member has been permanently removed from the cluster"))
            let before = ledger.acknowledged.count
            #expect(try await eventually { ledger.acknowledged.count > before + 20 })
            ledger.close()
            // What was acknowledged is there, at those who stayed and at the one that came.
            let kept = ledger.acknowledged
            for member in rest + [server] {
                let own = try ProcessCluster.client([member])
                var found: [String: Int64] = [:]
                for pair in try await own.get(.prefix("w")).keyValues { found[pair.keyText] = pair.modRevision }
                for (key, revision) in kept { #expect(found[key] == revision, "\(key) at \(member.endpoint)") }
                await own.close()
            }
            // The newcomer ends with this: the others are no majority of three without one of them.
            #expect(rest.count == 2 && kept.count > 20)
        }
    }

    @Test("what can't be replaced is said by an error")
    func refusals() async throws {
        try await EtcdProcess.withCluster(ClusterTests.kind) { members in
            let client = try ProcessCluster.client(members)
            let ids = try await client.cluster.members().map(\.id)
            let unknown = EtcdMemberID(rawValue: 1)
            for (old, new, text) in [
                (ids[0], unknown, "member not found"), (unknown, ids[0], "member not found"),
                (ids[0], ids[1], "can only promote a learner member"),
            ] {
                let error = await #expect(throws: EtcdError.self) {
                    try await client.cluster.replaceMember(old, by: new)
                }
                #expect(error?.message.contains(text) == true, "\(String(describing: error))")
            }
            await client.close()
        }
    }
}
