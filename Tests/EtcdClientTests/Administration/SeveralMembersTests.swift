// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms
import Synchronization
import Testing

/// The client of a cluster of several members: of etcd's, and of Martlet's own.
@Suite(.serialized, .timeLimit(.minutes(30))) struct SeveralMembersTests {
    static let servers = EtcdProcess.Kind.available

    /// The endpoint of the leader and of some other member.
    static func leader(_ client: EtcdClient, _ members: [EtcdProcess]) async throws -> (EtcdProcess, EtcdProcess) {
        var leader: EtcdProcess?
        var other: EtcdProcess?
        // Between two of them there may be none.
        _ = try await eventually {
            leader = nil
            for member in members {
                if try await client.maintenance.status(of: member.endpoint).isLeader {
                    leader = member
                } else {
                    other = member
                }
            }
            return leader != nil && other != nil
        }
        return (try #require(leader), try #require(other))
    }

    @Test(arguments: Self.servers)
    func leadersAreMoved(kind: EtcdProcess.Kind) async throws {
        try await EtcdProcess.withCluster(kind) { members in
            let client = try EtcdClient(.patient(members.map(\.endpoint)))
            #expect(try await client.cluster.members().count == 3)
            // Members that have no turn elect another leader meanwhile: then all of it is asked again.
            let isMoved = try await eventually {
                let (leader, other) = try await Self.leader(client, members)
                let next = try await client.maintenance.status(of: other.endpoint).member
                do {
                    try await client.maintenance.moveLeader(to: next, from: other.endpoint)
                    // Only the leader can.
                    return false
                } catch let error as EtcdError {
                    guard error.code == .invalidRequest else { return false }
                }
                guard (try? await client.maintenance.moveLeader(to: next, from: leader.endpoint)) != nil else {
                    return false
                }
                for _ in 0..<100 {
                    if (try? await client.maintenance.status(of: other.endpoint).isLeader) == true { return true }
                    try await Task.sleep(for: .milliseconds(20))
                }
                return false
            }
            #expect(isMoved)
            await client.close()
        }
    }

    /// The leader is killed while a lock is held, a key is watched, and other keys are written and read.
    @Test(arguments: Self.servers)
    func allGoesOnWithoutTheLeader(kind: EtcdProcess.Kind) async throws {
        try await EtcdProcess.withCluster(kind) { members in
            let client = try EtcdClient(.patient(members.map(\.endpoint)))
            let (leader, _) = try await Self.leader(client, members)
            // The client talks to the leader: its endpoint is first.
            let first = try EtcdClient(
                .patient([leader.endpoint] + members.map(\.endpoint).filter { $0 != leader.endpoint }))
            let start = try await first.put("w", "0").revision
            var watch = first.watch("w", from: start).makeAsyncIterator()
            #expect(try await EtcdClientTests.take(1, &watch).map(\.keyValue.valueText) == ["0"])
            try await first.withLock("job", ttlSeconds: 120) { lock in
                await leader.kill()
                // Reads need no help.
                #expect(try await first.get("w").keyValues.map(\.valueText) == ["0"])
                // A write that may have been done isn't repeated by the client; here it may be.
                let isWritten = try await eventually { (try? await first.put("w", "1")) != nil }
                #expect(isWritten)
                #expect(try await first.keepAliveOnce(lock.session.leaseID) == 120)
                let guarded = try await first.transaction(when: [lock.condition], then: [.put("by", "holder")])
                #expect(guarded.succeeded)
            }
            #expect(try await EtcdClientTests.take(1, &watch).map(\.keyValue.valueText) == ["1"])
            try await leader.restart()
            await first.close()
            await client.close()
        }
    }

    @Test(arguments: Self.servers)
    func aMemberThatIsStoppedIsLeft(kind: EtcdProcess.Kind) async throws {
        try await EtcdProcess.withCluster(kind) { members in
            let client = try EtcdClient(.patient(members.map(\.endpoint)))
            try await client.put("k", "1")
            let lease = try await client.grantLease(ttlSeconds: 900)
            let (_, follower) = try await Self.leader(client, members)
            var configuration = EtcdClient.Configuration(
                endpoints: [follower.endpoint] + members.map(\.endpoint).filter { $0 != follower.endpoint })
            // Half of it goes to the one that is stopped.
            configuration.timeout = .seconds(40)
            let first = try EtcdClient(configuration)
            #expect(try await first.get("k").count == 1)
            follower.freeze()
            #expect(try await first.get("k").count == 1)
            try await first.put("k", "2")
            #expect(try await first.keepAliveOnce(lease.id) == 900)
            follower.thaw()
            await first.close()
            await client.close()
        }
    }

    @Test(arguments: Self.servers)
    func learnersArePromoted(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, first in
            // Changes that etcd never answers (see ``ClusterTests``) must end in time to be made again.
            let hasty = try EtcdClient(endpoints: first.endpoint)
            for number in 0..<20 { try await client.put("k\(number)", "1") }
            let newcomer = try EtcdProcess.Newcomer(kind)
            let others = try await client.cluster.members().map { (name: $0.name, peerURL: $0.peerURLs[0]) }
            let learner = try await client.cluster.addMember(peerURLs: [newcomer.peerURL], isLearner: true)
            try await newcomer.run(joining: others) { server in
                let own = try EtcdClient.patient(server.endpoint)
                #expect(try await own.maintenance.status().isLearner)
                // It has the data, and serves it to whoever doesn't mind its age.
                #expect(try await eventually { (try? await own.get("k19") { $0.isSerializable = true }.count) == 1 })
                #expect(try await eventually { (try? await hasty.cluster.promoteMember(learner.id)) != nil })
                #expect(try await client.cluster.members().allSatisfy { !$0.isLearner })
                #expect(try await eventually { (try? await own.get("k19").count) == 1 })
                #expect(try await client.cluster.useMembersAsEndpoints().count == 2)
                await own.close()
                // Back to one, while there are two to agree; they must have known each other for a while.
                #expect(try await eventually { (try? await hasty.cluster.removeMember(learner.id)) != nil })
            }
            #expect(try await eventually { (try? await client.cluster.members().count) == 1 })
            await hasty.close()
        }
    }
}
