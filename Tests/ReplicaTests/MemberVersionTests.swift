// SPDX-License-Identifier: Apache-2.0

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

    /// Who says nothing reads what was written before it could be said; who was never started is not asked.
    @Test func whoSaysNothing() {
        let founders = (1...2).map { MemberContext(member: TestCluster.id($0)) }
        let state = ClusterState(founding: founders)
        #expect(state.reads(.storesAndUsers, own: 2, of: TestCluster.id(1)))
        #expect(state.reads(.first, own: 1, of: TestCluster.id(1)))
        #expect(!state.reads(.storesAndUsers, own: 1, of: TestCluster.id(1)))
    }
}
