// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import Testing

/// Reads by lease; the rules are tested with Raft. Here time is the monotonic clock's, whatever ticks came.
@Suite struct LeaseReadTests {
    private static func cluster(_ count: Int) throws -> TestCluster {
        try TestCluster(count) { $0.raft.lease = LeaseSettings(tick: .milliseconds(100)) }
    }

    /// Asks a member by itself, so long after the last tick.
    ///
    /// - Returns: how many of three reads were answered within the turn, and what was sent for them.
    private static func ask(
        _ cluster: TestCluster, _ number: Int, later: Duration = .zero
    ) -> (answered: Int, sent: [Message.Body]) {
        var member = cluster[number]
        var moment = cluster.moment
        moment.monotonic += later
        for waiter in UInt64(1_000)..<1_003 { member.step(.read(waiter: WaiterID(waiter)), at: moment) }
        member.step(.turnEnded, at: moment)
        let answered = member.reads.count { $0.waiter.rawValue >= 1_000 && $0.error == nil }
        return (answered, member.takeMessages().map(\.body))
    }

    private static func isQuestion(_ body: Message.Body) -> Bool {
        switch body {
        case .heartbeat, .readIndex: true
        default: false
        }
    }

    @Test(arguments: [3, 5]) func aLeaderReadsWithoutAMessage(count: Int) throws {
        var cluster = try Self.cluster(count)
        let leader = cluster.elect()
        #expect(cluster.write(leader, "a")?.failure == nil)
        cluster.tick(2)
        let outcome = Self.ask(cluster, leader)
        #expect(outcome.answered == 3 && outcome.sent == [])
        // A follower asks it, once, and is answered as soon.
        let follower = cluster.follower()
        #expect(Self.ask(cluster, follower).sent.count(where: Self.isQuestion) == 1)
        #expect(cluster.reads(follower) == [nil])
        cluster.checkEqual()
    }

    @Test func withoutTheSettingEachReadHasItsRound() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        cluster.tick(2)
        let outcome = Self.ask(cluster, leader)
        #expect(outcome.answered == 0 && outcome.sent.count(where: Self.isQuestion) == 2)
    }

    /// Ticks are behind: the process had no turn. Its clock knows.
    @Test func aPauseEndsTheLease() throws {
        var cluster = try Self.cluster(3)
        let leader = cluster.elect()
        cluster.tick(2)
        #expect(Self.ask(cluster, leader, later: .milliseconds(719)).answered == 3)
        let outcome = Self.ask(cluster, leader, later: .milliseconds(720))
        #expect(outcome.answered == 0 && outcome.sent.count(where: Self.isQuestion) == 2)
    }

    /// Whoever led and is cut off answers nothing by the time that another leads.
    @Test func aLeaderThatIsCutOffReadsNothingOld() throws {
        for seed in UInt64(0)..<20 {
            var cluster = try TestCluster(3) {
                $0.raft.lease = LeaseSettings(tick: .milliseconds(100))
                $0.seed &+= seed &* 1_000_003
            }
            let first = cluster.elect()
            cluster.tick(2)
            cluster.isolate(first)
            cluster.elect(not: first)
            #expect(Self.ask(cluster, first).answered == 0, "seed \(seed)")
        }
    }

    /// What it has promised before it doesn't know.
    @Test func aMemberThatStartsAgainKeepsQuiet() throws {
        var cluster = try Self.cluster(3)
        let leader = cluster.elect()
        cluster.tick(2)
        let follower = cluster.follower()
        cluster.isolate(follower)
        cluster.crash(follower)
        try cluster.restart(follower)
        #expect(cluster[follower].replica.node.isBound)
        cluster.tick(9)
        #expect(cluster[follower].replica.node.isBound && cluster[follower].replica.node.role == .follower)
        cluster.tick(11)
        #expect(!cluster[follower].replica.node.isBound)
        #expect(cluster[leader].replica.isLeader)
    }

    /// Nobody else can have led.
    @Test func aMemberThatWasAlwaysAloneWaitsForNothing() throws {
        var cluster = try Self.cluster(1)
        #expect(cluster.leader == 1 && cluster.write(1, "a")?.failure == nil)
        cluster.crash(1)
        try cluster.restart(1)
        #expect(cluster.leader == 1 && cluster.reads(1) == [nil])
        // Also when a checkpoint holds its first entries.
        cluster.tick(20)
        cluster.crash(1)
        try cluster.restart(1)
        #expect(cluster.leader == 1)
    }

    @Test func aMemberThatWasNotAlwaysAloneWaits() throws {
        var cluster = try Self.cluster(1)
        let addition = MemberRequest.add(TestCluster.id(2), peerURLs: ["http://m2:2380"], isLearner: true)
        for change in [addition, .remove(TestCluster.id(2))] {
            let outcome = cluster.outcome(1, of: .changeMembers(change, waiter: WaiterID(.max)))
            #expect(outcome != nil && outcome?.failure == nil)
        }
        cluster.crash(1)
        try cluster.restart(1)
        #expect(cluster.leader == nil && cluster[1].replica.node.isBound)
        #expect(cluster.elect() == 1)
    }

    /// Whoever has sent another ahead counts on nobody any more; its successor does.
    @Test func aTransferEndsTheLease() throws {
        var cluster = try Self.cluster(3)
        let leader = cluster.elect()
        cluster.tick(2)
        let follower = cluster.follower()
        cluster.step(leader, .transferLeadership(to: TestCluster.id(follower), waiter: WaiterID(5)))
        #expect(Self.ask(cluster, leader).answered == 0)
        cluster.settle()
        cluster.tick(2)
        #expect(cluster.leader == follower)
        #expect(Self.ask(cluster, follower).answered == 3)
    }
}
