// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import MartletWALCodec
import Testing

/// Changes of a cluster's members, states sent to those who lag, and leadership handed over.
@Suite struct ClusterMembersTests {
    private func change(
        _ cluster: inout TestCluster, _ number: Int, _ request: MemberRequest
    ) -> Result<WriteResponse, ReplicaError>? {
        cluster.outcome(number, of: .changeMembers(request, waiter: WaiterID(.max)))
    }

    private func add(_ number: Int, isLearner: Bool = false) -> MemberRequest {
        .add(TestCluster.id(number), peerURLs: ["http://m\(number):2380"], isLearner: isLearner)
    }

    // MARK: Members

    @Test func aLoneMemberGetsCompany() throws {
        var cluster = try TestCluster(1)
        cluster.tick()
        #expect(cluster.write(1, "a")?.failure == nil)
        // Neither can do without the other now: so it must come.
        #expect(change(&cluster, 1, add(2))?.failure == nil)
        #expect(cluster.write(1, "b") == nil)
        try cluster.join(2)
        cluster.tick(4)
        #expect(cluster[1].replies.last?.result.failure == nil)
        #expect(cluster[2].isReady)
        #expect(cluster.write(2, "c")?.failure == nil)
        cluster.tick(2)
        cluster.checkEqual()
        #expect(cluster[2].replica.node.configuration.voters.count == 2)
    }

    @Test func membersComeAndGo() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        cluster.tick(60)
        #expect(change(&cluster, leader, add(4))?.failure == nil)
        try cluster.join(4)
        cluster.tick(5)
        #expect(cluster[4].isReady && cluster.write(4, "a")?.failure == nil)
        let gone = cluster.follower(but: 4)
        #expect(change(&cluster, leader, .remove(TestCluster.id(gone)))?.failure == nil)
        cluster.tick(3)
        #expect(cluster[leader].replica.cluster.removed == [TestCluster.id(gone)])
        // It hears of it, and ends.
        cluster.tick(12)
        #expect(cluster[gone].failure == .removed)
        cluster.isDown.insert(TestCluster.id(gone))
        // Its number is used up.
        #expect(change(&cluster, leader, add(gone)) == .failure(.membership(.memberNotFound)))
        // The leader itself, once those who stay were there for long enough.
        cluster.tick(50)
        #expect(change(&cluster, leader, .remove(TestCluster.id(leader)))?.failure == nil)
        cluster.tick(15)
        #expect(cluster[leader].failure == .removed)
        cluster.isDown.insert(TestCluster.id(leader))
        let next = cluster.elect()
        #expect(next != leader && cluster.write(next, "b")?.failure == nil)
        cluster.tick(2)
        cluster.checkEqual()
    }

    /// Of two voters the leader goes, and the other one hears of it late.
    @Test func theLastVoterHearsThatItIsAlone() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        cluster.tick(60)
        let gone = cluster.follower()
        #expect(change(&cluster, leader, .remove(TestCluster.id(gone)))?.failure == nil)
        cluster.tick(3)
        cluster.isDown.insert(TestCluster.id(gone))
        let last = cluster.follower(but: gone)
        cluster.tick(50)
        // The entry arrives, and what was said of it; not that it is committed.
        cluster.step(leader, .changeMembers(.remove(TestCluster.id(leader)), waiter: WaiterID(5)))
        cluster.step(leader, .turnEnded)
        cluster.settle(rounds: 2)
        #expect(cluster[leader].replica.cluster.removed.contains(TestCluster.id(leader)))
        #expect(!cluster[last].replica.cluster.removed.contains(TestCluster.id(leader)))
        cluster.isolate(leader)
        cluster.tick(40)
        #expect(cluster[leader].failure == nil && cluster.leader == nil)
        cluster.cut = []
        // As soon as it stands for election again.
        cluster.tick(25)
        #expect(cluster[last].replica.isLeader && cluster.write(last, "a")?.failure == nil)
        #expect(cluster[last].replica.cluster.removed.contains(TestCluster.id(leader)))
    }

    /// Of two voters one goes, and the leader loses power before its disk says that this is committed.
    @Test(arguments: 1...8) func theLastVoterFindsAgainThatItIsAlone(seed: UInt64) throws {
        var cluster = try TestCluster(2)
        let leader = cluster.elect()
        cluster.tick(60)
        let gone = cluster.follower()
        cluster.step(leader, .changeMembers(.remove(TestCluster.id(gone)), waiter: WaiterID(5)))
        cluster.step(leader, .turnEnded)
        // The entry is durable on both, and the answer is under way.
        cluster.settle(rounds: 1)
        cluster[leader].holdsSyncs = true
        cluster.settle()
        let log = cluster[leader].replica.node.log
        #expect(log.committed == log.last && log.settled < log.last)
        cluster.tick(5)
        for member in [leader, gone] { #expect(cluster[member].replica.cluster.removed.isEmpty) }
        #expect(cluster[leader].replies.allSatisfy { $0.waiter != WaiterID(5) })
        cluster.crash(leader)
        var random = SeededRandom(seed: seed)
        cluster[leader].disk.crash(&random)
        // Had it heard of its removal it would be gone, and nobody could lead.
        cluster.tick(20)
        if cluster[gone].failure != nil { cluster.crash(gone) }
        try cluster.restart(leader)
        cluster.elect()
        cluster.tick(30)
        #expect(cluster[leader].replica.cluster.removed == [TestCluster.id(gone)])
        #expect(cluster.write(leader, "a")?.failure == nil)
    }

    /// What a follower said of itself is lost, and before it says so again its leader is removed.
    @Test func theLastVoterTellsOfItselfThoughItIsAlone() throws {
        var cluster = try TestCluster(2)
        let leader = cluster.elect()
        cluster.tick(60)
        let last = cluster.follower()
        cluster.crash(last)
        cluster.cut.insert([TestCluster.id(last), TestCluster.id(leader)])
        try cluster.restart(last)
        cluster.tick(2)
        cluster.cut = []
        cluster.tick(50)
        #expect(!cluster[last].isReady)
        #expect(change(&cluster, leader, .remove(TestCluster.id(leader)))?.failure == nil)
        cluster.tick(100)
        #expect(cluster[last].replica.isLeader && cluster[last].isReady)
        #expect(cluster.write(last, "a")?.failure == nil)
    }

    @Test func onlyTheLeaderChangesMembers() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        let outcome = change(&cluster, cluster.follower(), add(4))
        #expect(outcome == .failure(.notLeader(TestCluster.id(leader))))
    }

    @Test func changesThatCouldStopTheClusterAreRefused() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        let follower = cluster.follower()
        // Nobody was heard for five seconds yet.
        #expect(change(&cluster, leader, add(4)) == .failure(.membership(.notEnoughConnectedMembers)))
        cluster.tick(60)
        cluster.crash(follower)
        cluster.tick(15)
        // Two of three are left: with a fourth that isn't there it would be two of four.
        #expect(change(&cluster, leader, add(4)) == .failure(.membership(.notEnoughConnectedMembers)))
        let other = cluster.follower()
        #expect(
            change(&cluster, leader, .remove(TestCluster.id(other)))
                == .failure(.membership(.notEnoughConnectedMembers)))
        // Who isn't there can go.
        #expect(change(&cluster, leader, .remove(TestCluster.id(follower)))?.failure == nil)
        // Without the checks it is the user's affair.
        var loose = try TestCluster(3) { $0.isStrictAboutMembers = false }
        let loosely = loose.elect()
        #expect(change(&loose, loosely, add(4))?.failure == nil)
        #expect(change(&loose, loosely, add(5))?.failure == nil)
    }

    @Test func votersThatWereNeverSeenCountAgainstOthers() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        cluster.tick(60)
        #expect(change(&cluster, leader, add(4))?.failure == nil)
        #expect(change(&cluster, leader, add(4)) == .failure(.membership(.memberExists)))
        #expect(change(&cluster, leader, add(5))?.failure == nil)
        // Three of six that were ever seen are no majority.
        #expect(change(&cluster, leader, add(6)) == .failure(.membership(.notEnoughStartedMembers)))
    }

    @Test func learnersArePromotedWhenTheyAreReady() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        cluster.tick(60)
        let learner = TestCluster.id(4)
        #expect(change(&cluster, leader, .promote(learner)) == .failure(.membership(.memberNotFound)))
        #expect(change(&cluster, leader, add(4, isLearner: true))?.failure == nil)
        #expect(change(&cluster, leader, add(5, isLearner: true)) == .failure(.membership(.tooManyLearners)))
        #expect(change(&cluster, leader, .promote(learner)) == .failure(.membership(.learnerNotReady)))
        try cluster.join(4)
        cluster.tick(3)
        // It counts for nothing, and leads never.
        #expect(cluster[4].replica.cluster.member(learner)?.isLearner == true && cluster[4].isReady)
        cluster.step(leader, .transferLeadership(to: learner, waiter: WaiterID(3)))
        #expect(cluster[leader].transfers.map(\.error) == [.badTransferee])
        #expect(change(&cluster, leader, .promote(learner))?.failure == nil)
        #expect(change(&cluster, leader, .promote(learner)) == .failure(.membership(.notLearner)))
        cluster.tick(2)
        #expect(cluster[4].replica.node.configuration.voters.count == 4)
        cluster.checkEqual()
    }

    /// Two that are asked for together are each fine by themselves.
    @Test func changesAreCheckedAgainWhenTheirTurnComes() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        cluster.tick(60)
        cluster.step(leader, .changeMembers(add(4, isLearner: true), waiter: WaiterID(1)))
        cluster.step(leader, .changeMembers(add(5, isLearner: true), waiter: WaiterID(2)))
        cluster.settle()
        #expect(cluster[leader].replies.first { $0.waiter == WaiterID(1) }?.result.failure == nil)
        #expect(
            cluster[leader].replies.first { $0.waiter == WaiterID(2) }?.result.failure
                == .membership(.tooManyLearners))
    }

    // MARK: Restarts

    /// The first write of a new cluster is torn: what is there begins again, and never goes on alone.
    @Test func aTornBeginningBeginsAgain() throws {
        var random = SeededRandom(seed: testSeed("aTornBeginning"))
        for _ in 0..<40 {
            var cluster = try TestCluster(3)
            let configuration = TestCluster.configuration(1, of: 3)
            var member = try ClusterMember(configuration, at: cluster.moment)
            member.disk.crash(&random)
            cluster[1] = try ClusterMember(configuration, disk: member.disk, at: cluster.moment)
            cluster.crash(2)
            cluster.crash(3)
            cluster.settle()
            cluster.tick(40)
            #expect(!cluster[1].replica.isLeader)
            try cluster.restart(2)
            try cluster.restart(3)
            cluster.elect()
            cluster.tick(3)
            cluster.checkEqual()
        }
    }

    @Test func everybodyMayRestartAtOnce() throws {
        var cluster = try TestCluster(3)
        cluster.elect()
        for number in 1...9 { #expect(cluster.write(number % 3 + 1, "k\(number)")?.failure == nil) }
        for round in 1...3 {
            if round > 1 { cluster.tick(12) }
            for number in 1...3 { cluster.crash(number) }
            for number in 1...3 { try cluster.restart(number) }
            cluster.elect()
            cluster.tick(3)
            cluster.checkEqual()
            #expect(cluster[1].replica.store.revision == 10 && cluster[1].isReady)
        }
    }

    // MARK: States

    /// The leader keeps what somebody lacks, within limits.
    @Test func whoLagsGetsTheRestOfTheLog() throws {
        var cluster = try TestCluster(3) { $0.limits.keptEntries = 3 }
        let leader = cluster.elect()
        #expect(cluster.write(leader, "a")?.failure == nil)
        let away = cluster.follower()
        cluster.tick(12)
        cluster.crash(away)
        for number in 0..<50 { #expect(cluster.write(leader, "k\(number % 7)", "\(number)")?.failure == nil) }
        cluster.tick(25)
        try cluster.restart(away)
        cluster.tick(5)
        #expect(cluster.sentSnapshots == 0)
        cluster.checkEqual()
        cluster.tick(15)
        #expect(cluster.write(leader, "z")?.failure == nil)
        cluster.tick(15)
        let log = cluster[leader].replica.node.log
        #expect(log.last - log.base.index < 10, "\(leader) \(cluster.leader ?? 0) \(log.base) \(log.last)")
    }

    /// What is in a checkpoint goes from the log in portions, so that no step takes long.
    @Test(arguments: [1, 3]) func aStepLetsGoOfSoMuchAtMost(count: Int) throws {
        let (limit, kept) = (7, count == 1 ? 0 : 3)
        var cluster = try TestCluster(count) { configuration in
            configuration.limits.keptEntries = 3
            configuration.limits.trimmedPerStep = limit
        }
        let leader = cluster.elect()
        cluster.tick(15)
        for number in 0..<60 { #expect(cluster.write(leader, "k\(number % 7)")?.failure == nil) }
        // From here on by itself, step by step.
        var member = cluster[leader]
        cluster.moment.monotonic += .seconds(2)
        cluster.moment.wallMilliseconds += 2000
        let total = Int(member.replica.node.log.last - member.replica.node.log.base.index) - kept
        var portions: [Int] = []
        var next: Event? = .tick
        while let event = next {
            let base = member.replica.node.log.base.index
            member.step(event, at: cluster.moment)
            let portion = Int(member.replica.node.log.base.index - base)
            if portion > 0 { portions.append(portion) }
            next = member.nextOwnEvent()
        }
        #expect(total > 5 * limit && portions.reduce(0, +) == total, "\(portions) of \(total)")
        #expect(portions.dropLast().allSatisfy { $0 == limit } && portions.last.map { $0 <= limit } == true)
    }

    @Test func whoLagsTooFarGetsTheWholeState() throws {
        var cluster = try TestCluster(3) { $0.limits.keptBytes = 1 }
        let leader = cluster.elect()
        let away = cluster.follower()
        cluster.tick(12)
        let second = try watch(&cluster, away)
        cluster.isolate(away)
        for number in 0..<50 { #expect(cluster.write(leader, "k\(number % 7)", "\(number)")?.failure == nil) }
        cluster.tick(25)
        cluster.cut = []
        cluster.tick(8)
        #expect(cluster.sentSnapshots == 1)
        cluster.checkEqual()
        // Watches go on without a gap.
        var seen: [Int64] = []
        while cluster[away].replica.store.hasWatchesToCatchUp { cluster[away].replica.store.catchUpWatches() }
        for delivery in cluster[away].replica.store.drainWatchDeliveries() {
            #expect(delivery.stream == second.0 && delivery.watch == second.1)
            if case .events(let events) = delivery.content { seen += events.map(\.revision.main) }
        }
        let last = cluster[leader].replica.store.revision
        #expect(seen == Array(last - 49...last))
        // It survives a restart: tables and log agree.
        cluster.crash(away)
        try cluster.restart(away)
        cluster.tick(5)
        #expect(cluster.write(away, "z")?.failure == nil)
        cluster.tick(2)
        cluster.checkEqual()
    }

    private func watch(_ cluster: inout TestCluster, _ number: Int) throws -> (WatchStreamID, WatchID) {
        let stream = cluster[number].replica.store.openWatchStream()
        let request = WatchRequest(key: [0], rangeEnd: [0])
        return (stream, try cluster[number].replica.store.createWatch(request, on: stream))
    }

    /// A member whose log has entries that nobody committed, at the place where the state ends.
    @Test func aStateReplacesEntriesThatDiffer() throws {
        var cluster = try TestCluster(3) { $0.limits.keptBytes = 1 }
        let first = cluster.elect()
        cluster.tick(12)
        cluster.isolate(first)
        for number in 0..<30 {
            cluster.step(first, .propose(put("lost\(number)", "v"), waiter: WaiterID(UInt64(number))))
        }
        cluster.settle()
        let second = cluster.elect(not: first)
        for number in 0..<10 { #expect(cluster.write(second, "k\(number)")?.failure == nil) }
        cluster.tick(25)
        cluster.cut = []
        cluster.tick(8)
        #expect(cluster.sentSnapshots > 0)
        cluster.checkEqual()
        // Of some the outcome is not known: the state may have held them. Those behind are lost.
        let errors = cluster[first].replies.filter { $0.waiter.rawValue < 30 }.map(\.result.failure)
        #expect(errors.count == 30)
        #expect(errors.allSatisfy { $0 == .timedOut(.leaderFailed) || $0 == .leaderChanged })
        cluster.crash(first)
        try cluster.restart(first)
        cluster.tick(3)
        cluster.checkEqual()
        let log = try cluster[first].disk.log(after: LogIndex(0))
        #expect(log.entries.allSatisfy { $0.term == cluster[second].replica.term || $0.index <= log.after })
    }

    // MARK: Transfer

    @Test func leadershipIsHandedOver() throws {
        var cluster = try TestCluster(3)
        let first = cluster.elect()
        let target = cluster.follower()
        cluster.step(first, .transferLeadership(to: TestCluster.id(target), waiter: WaiterID(1)))
        // What comes meanwhile is not lost.
        cluster.step(first, .propose(put("a", "v"), waiter: WaiterID(2)))
        cluster.settle()
        cluster.tick(2)
        #expect(cluster.leader == target)
        #expect(cluster[first].transfers.map(\.error) == [nil])
        #expect(cluster[first].replies.map(\.result.failure) == [nil])
        // To whoever is there.
        let third = cluster.follower(but: first)
        cluster.crash(first)
        cluster.tick(13)
        cluster.step(target, .transferLeadership(to: nil, waiter: WaiterID(1)))
        cluster.settle()
        cluster.tick(2)
        #expect(cluster.leader == third && cluster[target].transfers.map(\.error) == [nil])
        // Only the leader can, and only to a voter.
        cluster.step(target, .transferLeadership(to: nil, waiter: WaiterID(2)))
        #expect(cluster[target].transfers.last?.error == .notLeader(TestCluster.id(third)))
        cluster.step(third, .transferLeadership(to: MemberID(77), waiter: WaiterID(2)))
        #expect(cluster[third].transfers.last?.error == .badTransferee)
        // One that doesn't take over.
        cluster.step(third, .transferLeadership(to: TestCluster.id(first), waiter: WaiterID(3)))
        cluster.step(third, .propose(put("b", "v"), waiter: WaiterID(4)))
        cluster.tick(13)
        #expect(cluster[third].transfers.last?.error == .timedOut(.transfer))
        #expect(cluster[third].replies.last?.result.failure == nil && cluster.leader == third)
    }

    @Test func aLoneMemberHasNobodyToHandOverTo() throws {
        var cluster = try TestCluster(1)
        cluster.step(1, .transferLeadership(to: nil, waiter: WaiterID(1)))
        #expect(cluster[1].transfers.map(\.error) == [.badTransferee])
    }
}
