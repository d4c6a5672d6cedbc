// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyspace
import MartletRaft
import MartletReplica
import Testing

/// Members of several versions in one cluster.
@Suite struct MemberVersionTests {
    /// A cluster of three whose second member's server is of an earlier version.
    private func mixed(_ change: @escaping (inout ReplicaConfiguration) -> Void) throws -> TestCluster {
        var cluster = try TestCluster(3) { configuration in
            if configuration.member == TestCluster.id(2) { change(&configuration) }
        }
        cluster.elect()
        cluster.tick(80)
        return cluster
    }

    private func versions(_ cluster: TestCluster) -> [String] {
        (1...3).map { cluster[$0].replica.cluster.version }
    }

    /// Ends the second member and begins it anew, of another version.
    private func exchange(
        _ cluster: inout TestCluster, _ change: (inout ReplicaConfiguration) -> Void
    ) throws {
        var configuration = cluster[2].configuration
        change(&configuration)
        cluster[2] = try ClusterMember(configuration, disk: cluster[2].disk, at: cluster.moment)
        cluster.settle()
        cluster.tick(80)
    }

    /// Up with the last of them, and never down.
    @Test func theClustersVersionIsTheLowestOfItsMembers() throws {
        var cluster = try mixed { $0.clusterVersion = "3.5.0" }
        #expect(versions(cluster) == ["3.5.0", "3.5.0", "3.5.0"])
        try exchange(&cluster) { $0.clusterVersion = "3.6.0" }
        #expect(versions(cluster) == ["3.6.0", "3.6.0", "3.6.0"])
        try exchange(&cluster) { $0.clusterVersion = "3.5.0" }
        #expect(versions(cluster) == ["3.6.0", "3.6.0", "3.6.0"])
        cluster.checkEqual()
    }

    /// The removal of the last old member raises it, too.
    @Test func anOldMemberThatGoesHoldsNobodyUp() throws {
        var cluster = try mixed { $0.clusterVersion = "3.5.0" }
        let leader = try #require(cluster.leader)
        cluster.step(leader, .changeMembers(.remove(TestCluster.id(2)), waiter: WaiterID(7)))
        cluster.settle()
        cluster.tick(80)
        let now = try #require(cluster.leader)
        #expect(cluster[now].replica.cluster.members.count == 2)
        #expect(cluster[now].replica.cluster.version == "3.6.0")
    }

    /// A version that finds no room in the log is proposed again. It finds none where another write leaves less than it
    /// needs, for some size of that.
    @Test func aVersionThatWasRefusedIsProposedAgain() throws {
        var ready = try TestCluster(3) { configuration in
            configuration.raft.limits.uncommittedBytesMax = 300
            if configuration.member == TestCluster.id(2) { configuration.clusterVersion = "3.5.0" }
        }
        ready.elect()
        ready.tick(80)
        let leader = try #require(ready.leader)
        #expect(versions(ready) == ["3.5.0", "3.5.0", "3.5.0"])
        for size in stride(from: 200, to: 300, by: 3) {
            var cluster = ready
            cluster.step(leader, .changeMembers(.remove(TestCluster.id(2)), waiter: WaiterID(7)))
            cluster.step(leader, .turnEnded)
            cluster.step(leader, .propose(put("k", text(size)), waiter: WaiterID(50)))
            cluster.settle()
            cluster.tick(3)
            let now = cluster.leader ?? leader
            #expect(cluster[now].replica.cluster.members.count == 2)
            #expect(cluster[now].replica.cluster.version == "3.6.0", "beside a write of \(size) bytes")
        }
    }

    private func text(_ count: Int) -> String { String(repeating: "x", count: count) }

    /// Who waits for what isn't there may wait until members have changed.
    @Test func recordsOfThoseWhoWaitAreRefusedToo() throws {
        var cluster = try mixed { _ in }
        let leader = try #require(cluster.leader)
        func change(_ request: AuthRequest) throws {
            let identity = AuthIdentity(name: .root, revision: cluster[leader].replica.auth.revision)
            let write = Write(.auth(request), identity: identity)
            let outcome = cluster.outcome(leader, of: .propose(write, waiter: WaiterID(.max)))
            #expect(outcome == .success(.auth(.done)), "\(request)")
        }
        for request: AuthRequest in [
            .userAdd(name: "root", hash: "aGFzaA==", options: nil), .userGrantRole(user: "root", role: "root"),
            .enable,
        ] { try change(request) }
        #expect(cluster.ask(1, client: 1, "XGROUP CREATE s g $ MKSTREAM") == "")
        cluster.settle()
        #expect(cluster.ask(1, client: 2, as: "root", "XREADGROUP GROUP g c BLOCK 0 STREAMS s >") == "")
        #expect(cluster.ask(1, client: 3, "XREADGROUP GROUP g d BLOCK 0 STREAMS s >") == "")
        cluster.settle()
        #expect(cluster[1].replica.blockedClients == 2)
        try exchange(&cluster) { $0.recordFormat = KeyspaceRecord.Format.first.rawValue }
        #expect(cluster.ask(1, client: 4, "XADD s 1-1 f v") == "")
        cluster.settle()
        #expect(cluster.told(1, client: 4) == "$3\r\n1-1\r\n")
        #expect(cluster.told(1, client: 2).hasPrefix("-TRYAGAIN a member of an earlier version is in the cluster"))
        // Nobody's record all can read.
        cluster.tick(2)
        #expect(cluster.told(1, client: 3).contains("1-1"))
        #expect(cluster[1].replica.blockedClients == 0)
        cluster.checkEqual()
    }

    /// Nothing is decided before all have told.
    @Test func whoHasNotStartedIsWaitedFor() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        let missing = cluster.follower()
        cluster.tick(80)
        #expect(cluster[leader].replica.cluster.version == "3.6.0")
        var state = cluster[leader].replica.cluster
        let own = TestCluster.id(leader)
        #expect(state.lowestVersion("3.6.0", of: own) == "3.6.0")
        #expect(state.lowestVersion("3.4", of: own) == "3.4.0")
        #expect(state.lowestVersion("none", of: own) == nil)
        #expect(state.nextVersion("3.6.0", of: own) == nil)
        state = ClusterState(founding: [leader, missing].map { MemberContext(member: TestCluster.id($0)) })
        #expect(state.lowestVersion("3.6.0", of: own) == nil)
        #expect(state.nextVersion("3.6.0", of: own) == nil)
        state = ClusterState(founding: [MemberContext(member: own)])
        #expect(state.nextVersion("3.6.0", of: own) == "3.6.0")
    }

    /// A transaction over keys and streams is refused as long as somebody is there who could not read it.
    @Test func recordsThatAMemberCantReadAreRefused() throws {
        var cluster = try mixed { $0.recordFormat = KeyspaceRecord.Format.first.rawValue }
        func answers(_ waiter: UInt64) throws -> [Bool] {
            for number in 1...3 {
                let request = try StoreRequest(
                    wire: StoreWire.transaction(
                        then: [StoreWire.put("k\(number)", "v"), StoreWire.append("s", "x")]))
                cluster[number].transact(request, WaiterID(waiter), at: cluster.moment)
            }
            cluster.settle()
            cluster.tick(3)
            return try (1...3).map { number in
                switch cluster[number].replies.first(where: { $0.waiter == WaiterID(waiter) })?.result {
                case .success(.transact): true
                case .failure(.notCapable): false
                default: throw TestError()
                }
            }
        }
        #expect(try answers(1001) == [false, false, false])
        // What all read is taken.
        let plain = cluster.write(1, "plain")
        #expect(plain != nil)
        try exchange(&cluster) { $0.recordFormat = KeyspaceRecord.Format.latest.rawValue }
        #expect(try answers(1002) == [true, true, true])
        cluster.checkEqual()
        let state = cluster[1].replica.cluster
        #expect(!state.reads(.storesAndUsers, own: 1, of: TestCluster.id(1)))
        #expect(state.reads(.storesAndUsers, own: 2, of: TestCluster.id(1)))
    }

    /// So is a job whose entries have a priority, by itself or in a transaction; other jobs are taken.
    @Test func jobsThatAMemberCantReadAreRefused() throws {
        var cluster = try mixed { $0.recordFormat = KeyspaceRecord.Format.storesAndUsers.rawValue }
        let refused = "-TRYAGAIN a member of an earlier version is in the cluster: the command took no effect\r\n"
        let (plain, urgent) = ("XCRON SET s p @daily * f v", "XCRON SET s u @daily PRIORITY 3 * f v")
        for number in 1...3 {
            let answer = cluster.ask(number, client: 10, urgent)
            cluster.exec(number, client: 11, "XADD s * f v", urgent)
            #expect(answer == refused && cluster.told(number, client: 11) == refused)
        }
        let taken = cluster.ask(1, client: 12, plain)
        cluster.settle()
        cluster.tick(3)
        #expect(taken == "" && cluster.told(1, client: 12).hasPrefix(":"))
        try exchange(&cluster) { $0.recordFormat = KeyspaceRecord.Format.latest.rawValue }
        let now = cluster.ask(2, client: 13, urgent)
        cluster.settle()
        cluster.tick(3)
        #expect(now == "" && cluster.told(2, client: 13).hasPrefix(":"))
        cluster.checkEqual()
    }

    /// What a checkpoint brings back knows it, too.
    @Test func aRestoredClusterKnowsWhoReadsWhat() throws {
        let cluster = try mixed { $0.recordFormat = KeyspaceRecord.Format.storesAndUsers.rawValue }
        let (state, own) = (cluster[1].replica.cluster, KeyspaceRecord.Format.latest.rawValue)
        var batch = TableBatch()
        state.add(to: &batch)
        var restored: ClusterState?
        batch.forEach { _, value in
            if let value { restored = ClusterState(record: value) }
        }
        for state in [state, try #require(restored)] {
            #expect(state.reads(.storesAndUsers, own: own, of: TestCluster.id(1)))
            #expect(!state.reads(.latest, own: own, of: TestCluster.id(1)))
            // Whatever it has said before it was started anew.
            #expect(state.reads(.latest, own: own, of: TestCluster.id(2)))
        }
        #expect(restored == state)
    }

    /// Who says nothing reads what was written before it could be said; who was never started is not asked.
    @Test func whoSaysNothing() {
        let founders = (1...2).map { MemberContext(member: TestCluster.id($0)) }
        let state = ClusterState(founding: founders)
        #expect(state.reads(.storesAndUsers, own: 2, of: TestCluster.id(1)))
        #expect(state.reads(.first, own: 1, of: TestCluster.id(1)))
        #expect(!state.reads(.storesAndUsers, own: 1, of: TestCluster.id(1)))
    }
}
