// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRaft
import MartletReplica
import MartletWALCodec
import Testing

/// A voter makes room for a learner in one step. Source: Raft §6; thesis §4.3.
@Suite struct ClusterReplacementTests {
    private static let new = TestCluster.id(4)

    private func change(
        _ cluster: inout TestCluster, _ number: Int, _ request: MemberRequest
    ) -> Result<WriteResponse, ReplicaError>? {
        cluster.outcome(number, of: .changeMembers(request, waiter: WaiterID(.max)))
    }

    private func add(_ number: Int) -> MemberRequest {
        .add(TestCluster.id(number), peerURLs: ["http://m\(number):2380"], isLearner: true)
    }

    /// A cluster whose learner, 4, has caught up.
    private func ready(
        _ count: Int = 3, change: (inout ReplicaConfiguration) -> Void = { _ in }
    ) throws -> (cluster: TestCluster, leader: Int) {
        var cluster = try TestCluster(count, change: change)
        let leader = cluster.elect()
        cluster.tick(60)
        #expect(self.change(&cluster, leader, add(4))?.failure == nil)
        try cluster.join(4)
        cluster.tick(60)
        return (cluster, leader)
    }

    private func replace(
        _ cluster: inout TestCluster, _ old: Int, askedOf leader: Int
    ) -> Result<WriteResponse, ReplicaError>? {
        change(&cluster, leader, .replace(TestCluster.id(old), by: Self.new))
    }

    private func isWritten(_ cluster: inout TestCluster, _ number: Int) -> Bool {
        if case .success? = cluster.write(number, "a") { true } else { false }
    }

    @Test func aLearnerTakesAVotersPlace() throws {
        var (cluster, leader) = try ready()
        let old = cluster.follower(but: 4)
        guard case .success(.members(let members))? = replace(&cluster, old, askedOf: leader) else {
            Issue.record("not replaced: \(cluster[leader].replies)")
            return
        }
        // The answer comes when it has ended.
        #expect(members.count == 3 && members.allSatisfy { !$0.isLearner && $0.id != TestCluster.id(old) })
        #expect(cluster[leader].replica.cluster.removed == [TestCluster.id(old)])
        #expect(cluster[leader].replica.node.configuration == cluster[leader].replica.cluster.configuration)
        #expect(!cluster[leader].replica.node.configuration.isJoint)
        // It has heard, and goes on telling it until somebody refuses it.
        #expect(cluster[old].replica.cluster.removed == [TestCluster.id(old)])
        cluster.tick(12)
        #expect(cluster[old].failure == nil && cluster[old].replica.node.role == .follower)
        cluster.isDown.insert(TestCluster.id(old))
        // The newcomer counts: with it two of three are a majority.
        let other = cluster.order.map { Int($0.rawValue) }.first { ![leader, old, 4].contains($0) }
        cluster.crash(try #require(other))
        #expect(isWritten(&cluster, leader))
        cluster.checkEqual()
    }

    @Test func theLeaderItselfIsReplaced() throws {
        var (cluster, leader) = try ready()
        guard case .success? = replace(&cluster, leader, askedOf: leader) else {
            Issue.record("not replaced")
            return
        }
        #expect(!cluster[leader].replica.isLeader)
        cluster.isDown.insert(TestCluster.id(leader))
        let next = cluster.elect(not: leader)
        #expect(isWritten(&cluster, next))
        cluster.tick(2)
        cluster.checkEqual()
        for number in 1...4 where number != leader {
            #expect(cluster[number].replica.node.configuration.voters.count == 3)
        }
    }

    /// Also where it is the only one, or one of two: those who are left can't know without it that they are alone.
    @Test(arguments: [1, 2]) func aSmallClustersLeaderIsReplaced(count: Int) throws {
        var (cluster, leader) = try ready(count) { $0.isStrictAboutMembers = false }
        cluster.step(leader, .changeMembers(.replace(TestCluster.id(leader), by: Self.new), waiter: WaiterID(5)))
        cluster.step(leader, .turnEnded)
        // Until it knows that it is out, and before the others do.
        var rounds = 0
        while cluster[leader].replica.cluster.removed.isEmpty, rounds < 100 {
            cluster.settle(rounds: 1)
            rounds += 1
        }
        #expect(cluster[leader].replica.cluster.removed == [TestCluster.id(leader)])
        let left = cluster.order.map { Int($0.rawValue) }.filter { $0 != leader }
        #expect(left.allSatisfy { cluster[$0].replica.cluster.removed.isEmpty })
        cluster.isolate(leader)
        cluster.tick(60)
        #expect(cluster[leader].failure == nil)
        cluster.cut = []
        cluster.tick(60)
        #expect(cluster[leader].replica.cluster.member(TestCluster.id(leader)) == nil)
        cluster.isDown.insert(TestCluster.id(leader))
        let next = cluster.elect()
        #expect(isWritten(&cluster, next))
        #expect(cluster[next].replica.cluster.members.count == count)
    }

    @Test func whatCannotBeReplacedIsSaid() throws {
        var (cluster, leader) = try ready()
        let (one, two, nobody) = (TestCluster.id(1), TestCluster.id(2), TestCluster.id(9))
        for (request, error): (MemberRequest, MembershipError) in [
            (.replace(one, by: nobody), .memberNotFound), (.replace(nobody, by: Self.new), .memberNotFound),
            (.replace(one, by: two), .notLearner), (.replace(Self.new, by: Self.new), .notVoter),
            (.replace(one, by: one), .notLearner),
        ] {
            #expect(change(&cluster, leader, request) == .failure(.membership(error)), "\(request)")
        }
        #expect(
            replace(&cluster, 1, askedOf: cluster.follower()) == .failure(.notLeader(TestCluster.id(leader))))
    }

    @Test func aLearnerThatLagsIsNotReady() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        cluster.tick(60)
        #expect(change(&cluster, leader, add(4))?.failure == nil)
        #expect(
            replace(&cluster, cluster.follower(), askedOf: leader) == .failure(.membership(.learnerNotReady)))
    }

    /// One that isn't there can be replaced, but not so that a half is left without a majority.
    @Test func bothHalvesMustBeThere() throws {
        var (cluster, leader) = try ready()
        let gone = cluster.follower(but: 4)
        cluster.crash(gone)
        cluster.tick(15)
        let other = cluster.order.map { Int($0.rawValue) }.first { ![leader, gone, 4].contains($0) }
        var learnerGone = cluster
        learnerGone.crash(4)
        learnerGone.tick(15)
        #expect(
            replace(&learnerGone, try #require(other), askedOf: leader)
                == .failure(.membership(.notEnoughConnectedMembers)))
        guard case .success? = replace(&cluster, gone, askedOf: leader) else {
            Issue.record("not replaced")
            return
        }
        #expect(isWritten(&cluster, leader))
    }

    /// Between the two entries, held there by links that are cut.
    ///
    /// - Parameter isStopped: as soon as the leader counts by the joint configuration: the entry that leaves it is in
    ///   no other's log.
    private func halfway(isStopped: Bool = false) throws -> (cluster: TestCluster, leader: Int, old: Int) {
        var (cluster, leader) = try ready()
        let old = cluster.follower(but: 4)
        let other = try #require(cluster.order.map { Int($0.rawValue) }.first { ![leader, old, 4].contains($0) })
        // With the old one it is a majority of the old half; with neither of the others one of the new half.
        cluster.isolate(other)
        cluster.isolate(4)
        cluster.step(leader, .changeMembers(.replace(TestCluster.id(old), by: Self.new), waiter: WaiterID(5)))
        cluster.step(leader, .turnEnded)
        for _ in 0..<100 where !cluster[leader].replica.node.configuration.isJoint { cluster.settle(rounds: 1) }
        if !isStopped { cluster.settle() }
        #expect(cluster[leader].replica.node.configuration.isJoint)
        #expect(cluster[leader].replica.cluster.replacement != nil)
        #expect(cluster[leader].replica.cluster.configuration == cluster[leader].replica.node.configuration)
        return (cluster, leader, old)
    }

    @Test func nothingElseChangesMeanwhile() throws {
        var (cluster, leader, old) = try halfway()
        for request: MemberRequest in [
            .remove(TestCluster.id(old)), .replace(TestCluster.id(leader), by: TestCluster.id(old)), add(5),
            .update(Self.new, peerURLs: ["http://elsewhere:2380"]),
        ] {
            #expect(change(&cluster, leader, request) == .failure(.membership(.changeUnderway)), "\(request)")
        }
        #expect(cluster[leader].replies.allSatisfy { $0.waiter != WaiterID(5) })
        #expect(cluster.write(leader, "a") == nil)
        cluster.cut = []
        cluster.tick(5)
        guard case .success? = cluster[leader].replies.last(where: { $0.waiter == WaiterID(5) })?.result else {
            Issue.record("not replaced")
            return
        }
        #expect(cluster[leader].replica.cluster.members.count == 3)
    }

    /// Whoever asked is told when the time for it is over, and the replacement goes on.
    @Test func whoAskedWaitsNoLongerThanForAWrite() throws {
        var (cluster, leader, old) = try halfway()
        // Only the old half is heard: the leader steps down, and nobody follows it.
        cluster.tick(cluster[leader].configuration.requestTicks + 2)
        let results = cluster[leader].replies.filter { $0.waiter == WaiterID(5) }.map(\.result)
        guard results.count == 1, case .timedOut? = results[0].failure else {
            Issue.record("\(results)")
            return
        }
        cluster.cut = []
        // If it is the old one that leads, it gives up when it has ended it.
        cluster.elect()
        cluster.tick(20)
        let next = cluster.elect()
        #expect(cluster[next].replica.cluster.removed == [TestCluster.id(old)])
        #expect(isWritten(&cluster, next))
    }

    /// A crash in the middle: what is on disk, in the log or in a checkpoint, is the joint configuration, and whoever
    /// leads next ends it.
    @Test(arguments: [false, true]) func aNewLeaderEndsIt(checkpoints: Bool) throws {
        var (cluster, leader, old) = try halfway()
        if checkpoints {
            // A checkpoint takes the joint configuration along, and the log before it goes.
            cluster.tick(30)
            #expect(cluster[old].disk.checkpointIndex > LogIndex(0))
        }
        cluster.crash(leader)
        cluster.cut = []
        try cluster.restart(old)
        #expect(cluster[old].replica.cluster.replacement != nil || !checkpoints)
        cluster.elect(not: leader)
        cluster.tick(20)
        let next = cluster.elect(not: leader)
        #expect(cluster[next].replica.cluster.replacement == nil)
        #expect(cluster[next].replica.cluster.removed == [TestCluster.id(old)])
        try cluster.restart(leader)
        cluster.isDown.insert(TestCluster.id(old))
        cluster.tick(20)
        let last = cluster.elect()
        #expect(isWritten(&cluster, last))
        cluster.tick(3)
        cluster.checkEqual()
    }

    /// Whoever reads no entries of joint configurations could not go on.
    @Test func allMembersMustReadIt() throws {
        var (cluster, leader) = try ready { configuration in
            if configuration.member == TestCluster.id(2) {
                configuration.recordFormat = KeyspaceRecord.Format.clocks.rawValue
            }
        }
        #expect(replace(&cluster, cluster.follower(but: 4), askedOf: leader) == .failure(.notCapable))
        #expect(cluster[leader].replica.cluster.members.count == 4)
    }

    // MARK: Forms

    @Test func aReplacementIsEtcdsConfChangeV2() throws {
        let replacement = MemberReplacement.begin(old: MemberID(3), new: MemberID(300))
        #expect(
            replacement.encoded() == [0x08, 0, 0x12, 5, 0x08, 0, 0x10, 0xAC, 2, 0x12, 4, 0x08, 1, 0x10, 3])
        #expect(try MemberReplacement(replacement.encoded()) == replacement)
        #expect(MemberReplacement.end.encoded() == [0x08, 0])
        #expect(try MemberReplacement([0x08, 0]) == .end)
        for bytes: [UInt8] in [
            // Another transition, one change alone, the wrong order, the same member, nobody, cut short.
            [0x08, 1], [0x12, 4, 0x08, 1, 0x10, 3], [0x12, 4, 0x08, 1, 0x10, 3, 0x12, 4, 0x08, 0, 0x10, 4],
            [0x12, 4, 0x08, 0, 0x10, 3, 0x12, 4, 0x08, 1, 0x10, 3],
            [0x12, 4, 0x08, 0, 0x10, 0, 0x12, 4, 0x08, 1, 0x10, 3], [0x12, 5, 0x08, 0],
        ] {
            #expect(throws: RecordError.self, "\(bytes)") { try MemberReplacement(bytes) }
        }
    }

    /// The last member of a cluster goes on alone, also when it was about to make room.
    @Test func aLoneMemberLeavesTheJointConfigurationFirst() throws {
        let (cluster, _, old) = try halfway(isStopped: true)
        var disk = cluster[old].disk
        let configuration = cluster[old].configuration
        let state = try disk.state(configuration, at: cluster.moment)
        let log = try disk.log(after: state.applied.index)
        let alone = try #require(try LoneMember(configuration, state, log))
        #expect(alone.entries.first?.kind == .configurationChangeV2)
        #expect(alone.entries.first?.data == JointChange.leavingData)
        disk.submit(alone.batch, BatchNumber(.max))
        _ = disk.sync(.max)
        var member = try ClusterMember(configuration, disk: disk, at: cluster.moment)
        for _ in 0..<40 {
            member.step(.tick, at: cluster.moment)
            while let event = member.nextOwnEvent() { member.step(event, at: cluster.moment) }
        }
        #expect(member.failure == nil && member.replica.isLeader)
        #expect(member.replica.cluster.members.map(\.id) == [TestCluster.id(old)])
        #expect(member.replica.node.configuration == Configuration(voters: [TestCluster.id(old)]))
    }
}
