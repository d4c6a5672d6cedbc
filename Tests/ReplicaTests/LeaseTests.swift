// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletReplica
import Testing

/// What the log is told of leases' terms.
@Suite struct LeaseTests {
    private let lease = LeaseID(5)

    private func member() throws -> TestMember {
        var member = try TestMember()
        member.settle()
        #expect(member.outcome(of: .leaseGrant(lease, ttlSeconds: 1000))?.failure == nil)
        #expect(member.outcome(of: .leaseGrant(LeaseID(6), ttlSeconds: 300))?.failure == nil)
        return member
    }

    private func pass(_ member: inout TestMember, seconds: Int64) {
        for _ in 0..<seconds { member.pass(.seconds(1)) }
        member.settle()
    }

    private func remaining(_ member: TestMember) -> Int64? {
        member.replica.store.leaseStatus(lease, now: member.moment.monotonic, includingKeys: false)?.remainingSeconds
    }

    @Test func aLongLeaseDoesNotBeginAnew() throws {
        var member = try member()
        pass(&member, seconds: 299)
        #expect(member.replica.store.notedLeaseRemaining(lease) == 0)
        pass(&member, seconds: 2)
        #expect(member.replica.store.notedLeaseRemaining(lease) == 700)
        pass(&member, seconds: 300)
        let noted = member.replica.store.notedLeaseRemaining(lease)
        #expect(399...400 ~= noted)
        // Shorter ones than the interval are not worth it: that one is gone.
        #expect(member.replica.store.leaseCount == 1)
        pass(&member, seconds: 50)
        for again in [try member.restarted(), try member.restarted(ignoresTables: true)] {
            #expect(again.replica.store.notedLeaseRemaining(lease) == noted)
            // A second more for the time in which nobody counted.
            #expect(remaining(again) == noted + 1)
        }
        try member.checkRestarts()
        member.writeCheckpoint()
        #expect(remaining(try member.restarted()) == noted + 1)
    }

    /// Many that end together go in portions, each as soon as the one before is done, and a write gets in between.
    @Test func leasesThatEndTogetherAreGoneSoon() throws {
        var configuration = TestMember.configuration
        configuration.limits.leasesPerScan = 10
        var member = try TestMember(configuration)
        member.settle()
        for id in 1...95 { #expect(member.outcome(of: .leaseGrant(LeaseID(Int64(id)), ttlSeconds: 5))?.failure == nil) }
        #expect(member.replica.store.leaseCount == 95)
        member.moment.monotonic += .seconds(20)
        member.step(.tick)
        // The first portion is proposed; no more before it is applied.
        #expect(member.disk.waiting.count == 1)
        member.step(.work)
        #expect(member.replica.store.leaseCount == 95)
        member.step(.propose(put("a", "1"), waiter: WaiterID(1)))
        member.step(.turnEnded)
        member.replies = []
        var leasesAtReply: Int?
        for _ in 0..<1_000 where member.replica.store.leaseCount > 0 {
            if let batch = member.disk.sync(1) { member.step(.synced(batch)) } else { member.step(.work) }
            if !member.replies.isEmpty, leasesAtReply == nil { leasesAtReply = member.replica.store.leaseCount }
        }
        #expect(member.replica.store.leaseCount == 0)
        #expect(try #require(leasesAtReply) >= 75)
        member.settle()
        #expect(!member.hasWork)
        try member.checkRestarts()
    }

    @Test func aRenewalIsAnsweredWhenTheLogSaysSo() throws {
        var member = try member()
        func renew(_ id: LeaseID) -> Result<WriteResponse, ReplicaError>? {
            member.outcome(of: .renewLease(id, waiter: WaiterID(.max)))
        }
        let index = member.replica.applied.index
        #expect(renew(lease) == .success(.leaseRenewal(ttlSeconds: 1000)))
        #expect(renew(LeaseID(77)) == .success(.leaseRenewal(ttlSeconds: nil)))
        #expect(member.replica.applied.index == index)
        pass(&member, seconds: 301)
        #expect(member.replica.store.notedLeaseRemaining(lease) > 0)
        member.replies = []
        member.step(.renewLease(lease, waiter: WaiterID(1)))
        member.step(.turnEnded)
        #expect(member.replies.isEmpty)
        #expect(try #require(remaining(member)) < 1000)
        member.settle()
        #expect(member.replies.map(\.result) == [.success(.leaseRenewal(ttlSeconds: 1000))])
        #expect(remaining(member) == 1000 && member.replica.store.notedLeaseRemaining(lease) == 0)
        // So a restart takes nothing away.
        #expect(remaining(try member.restarted(ignoresTables: true)) == 1001)
        // And the log is told again.
        pass(&member, seconds: 301)
        #expect(700...701 ~= member.replica.store.notedLeaseRemaining(lease))
        try member.checkRestarts()
    }

    /// What is left of a lease is not noted behind an entry that says that it is whole.
    @Test func timeThatPassesBeforeARenewalIsAppliedIsNotTheLeases() throws {
        var member = try member()
        pass(&member, seconds: 301)
        member.replies = []
        member.step(.renewLease(lease, waiter: WaiterID(1)))
        member.step(.turnEnded)
        member.moment.monotonic += .seconds(300)
        member.step(.tick)
        #expect(member.replies.isEmpty)
        member.settle()
        #expect(member.replies.map(\.result) == [.success(.leaseRenewal(ttlSeconds: 1000))])
        #expect(remaining(member) == 1000 && member.replica.store.notedLeaseRemaining(lease) == 0)
        // It ends when that is over.
        member.moment.monotonic += .seconds(998)
        pass(&member, seconds: 1)
        #expect(member.replica.store.leaseCount == 1)
        pass(&member, seconds: 10)
        #expect(member.replica.store.leaseCount == 0)
        try member.checkRestarts()
    }

    /// A client ends a lease and grants it anew; before that is applied the first one is over by itself.
    @Test func whatEndsALeaseDoesNotEndTheNextOneOfItsName() throws {
        var member = try TestMember()
        member.settle()
        #expect(member.outcome(of: .leaseGrant(lease, ttlSeconds: 10))?.failure == nil)
        member.replies = []
        member.step(.propose(Write(.leaseRevoke(lease)), waiter: WaiterID(1)))
        member.step(.propose(Write(.leaseGrant(lease, ttlSeconds: 60)), waiter: WaiterID(2)))
        member.step(.turnEnded)
        member.moment.monotonic += .seconds(11)
        member.step(.tick)
        member.settle()
        #expect(member.replies.allSatisfy { $0.result.failure == nil } && member.replies.count == 2)
        #expect(remaining(member) == 60)
        pass(&member, seconds: 58)
        #expect(member.replica.store.leaseCount == 1)
        pass(&member, seconds: 10)
        #expect(member.replica.store.leaseCount == 0)
        try member.checkRestarts()
    }

    /// The same; and before that is applied somebody renews the lease, whose first term is over by then.
    @Test func aRenewalDoesNotEndTheNextLeaseOfItsName() throws {
        var member = try TestMember()
        member.settle()
        #expect(member.outcome(of: .leaseGrant(lease, ttlSeconds: 10))?.failure == nil)
        member.replies = []
        member.step(.propose(Write(.leaseRevoke(lease)), waiter: WaiterID(1)))
        member.step(.propose(Write(.leaseGrant(lease, ttlSeconds: 60)), waiter: WaiterID(2)))
        member.step(.turnEnded)
        member.moment.monotonic += .seconds(11)
        member.step(.renewLease(lease, waiter: WaiterID(3)))
        member.step(.turnEnded)
        member.settle()
        #expect(member.replies.allSatisfy { $0.result.failure == nil } && member.replies.count == 3)
        #expect(member.replies.last?.result == .success(.leaseRenewal(ttlSeconds: 60)))
        #expect(remaining(member) == 60)
        pass(&member, seconds: 58)
        #expect(member.replica.store.leaseCount == 1)
        try member.checkRestarts()
    }

    @Test func onlyTheLeaderRenews() throws {
        var member = try TestMember()
        #expect(member.replica.isLeader == false)
        member.step(.renewLease(lease, waiter: WaiterID(1)))
        member.step(.turnEnded)
        #expect(member.replies.map(\.result) == [.failure(.noLeader)])
        member.step(.stop)
        member.step(.renewLease(lease, waiter: WaiterID(2)))
        member.step(.stop)
        #expect(member.replies.last?.result == .failure(.stopped))
    }

    @Test func aLeaseThatIsGoneIsNotNoted() throws {
        var configuration = TestMember.configuration
        configuration.limits.leaseNotesPerScan = 7
        var member = try TestMember(configuration)
        member.settle()
        for number in 1...500 {
            #expect(member.outcome(of: .leaseGrant(lease, ttlSeconds: 1000))?.failure == nil)
            if number < 500 { #expect(member.outcome(of: .leaseRevoke(lease))?.failure == nil) }
        }
        for number in 10..<40 {
            #expect(member.outcome(of: .leaseGrant(LeaseID(Int64(number)), ttlSeconds: 400))?.failure == nil)
        }
        let index = member.replica.applied.index
        pass(&member, seconds: 310)
        // 31 leases by seven.
        #expect(member.replica.applied.index.rawValue - index.rawValue <= 20)
        #expect(member.replica.store.notedLeaseRemaining(lease) > 0)
        for number in 10..<40 { #expect(member.replica.store.notedLeaseRemaining(LeaseID(Int64(number))) > 0) }
        configuration.leaseNoteInterval = nil
        var silent = try TestMember(configuration)
        silent.settle()
        #expect(silent.outcome(of: .leaseGrant(lease, ttlSeconds: 1000))?.failure == nil)
        let last = silent.replica.applied.index
        pass(&silent, seconds: 400)
        #expect(silent.replica.applied.index == last)
    }
}
