// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import Testing

/// Changes of the cluster of one member.
@Suite struct MemberTests {
    private let own = MemberID(7)

    private func ask(_ member: inout TestMember, _ request: MemberRequest) -> Result<WriteResponse, ReplicaError>? {
        member.outcome(of: .changeMembers(request, waiter: WaiterID(.max)))
    }

    @Test func peerURLsAreChanged() throws {
        var member = try TestMember()
        member.settle()
        #expect(member.replica.cluster.member(own)?.peerURLs == ["http://127.0.0.1:2380"])
        let outcome = ask(&member, .update(own, peerURLs: ["http://a:1", "http://b:2"]))
        #expect(outcome == .success(.members(member.replica.cluster.members)))
        #expect(member.replica.cluster.members.map(\.peerURLs) == [["http://a:1", "http://b:2"]])
        // Its name and client URLs are its own affair.
        #expect(member.replica.cluster.member(own)?.attributes?.name == "default")
        try member.checkRestarts()
        member.pass(.seconds(1))
        member.writeCheckpoint()
        try member.checkRestarts()
        #expect(member.replica.isLeader)
    }

    @Test func whatCanNotBeIsRefused() throws {
        var member = try TestMember()
        member.step(.changeMembers(.remove(own), waiter: WaiterID(1)))
        member.step(.turnEnded)
        #expect(member.replies.map(\.result) == [.failure(.noLeader)])
        member.settle()
        let index = member.replica.applied.index
        for (request, error): (MemberRequest, MembershipError) in [
            (.add(MemberID(8), peerURLs: ["http://x", "http://127.0.0.1:2380"], isLearner: true), .peerURLExists),
            (.add(own, peerURLs: ["http://x"], isLearner: false), .memberExists),
            (.remove(own), .notEnoughStartedMembers), (.remove(MemberID(8)), .memberNotFound),
            (.update(MemberID(8), peerURLs: []), .memberNotFound), (.promote(MemberID(8)), .memberNotFound),
            (.promote(own), .notLearner),
        ] {
            #expect(ask(&member, request) == .failure(.membership(error)))
        }
        #expect(member.replica.applied.index == index)
    }

    /// One is under way at a time; the others wait, and writes pass them.
    @Test func changesFollowEachOther() throws {
        var configuration = TestMember.configuration
        configuration.limits.pendingChangesMax = 3
        var member = try TestMember(configuration)
        member.settle()
        for number in 1...4 {
            member.step(.changeMembers(.update(own, peerURLs: ["http://\(number)"]), waiter: WaiterID(UInt64(number))))
        }
        member.step(.propose(put("a", "1"), waiter: WaiterID(9)))
        member.step(.turnEnded)
        #expect(member.replies.map(\.waiter.rawValue) == [4] && member.replies[0].result.failure == .tooManyRequests)
        member.settle()
        #expect(member.replies.map(\.waiter.rawValue) == [4, 9, 1, 2, 3])
        #expect(member.replies.dropFirst().allSatisfy { $0.result.failure == nil })
        #expect(member.replica.cluster.member(own)?.peerURLs == ["http://3"])
        try member.checkRestarts(configuration)
        member.replies = []
        for number in 1...2 {
            member.step(.changeMembers(.update(own, peerURLs: ["http://\(number)"]), waiter: WaiterID(UInt64(number))))
        }
        member.step(.turnEnded)
        member.step(.stop)
        #expect(member.replies.map(\.result) == [.failure(.stopped), .failure(.stopped)])
    }

    @Test func theClusterFollowsItsOnlyMembersVersion() throws {
        var configuration = TestMember.configuration
        configuration.clusterVersion = "3.5.0"
        var member = try TestMember(configuration)
        member.settle()
        #expect(member.replica.cluster.version == "3.5.0")
        let newer = try member.restarted()
        #expect(newer.replica.cluster.version == "3.6.0")
        let older = try newer.restarted(configuration)
        #expect(older.replica.cluster.version == "3.6.0")
    }

    @Test func downgradesAreChecked() throws {
        var member = try TestMember()
        member.settle()
        func error(_ version: String) -> DowngradeError? { downgradeError(member.replica.cluster, version) }
        #expect(downgradeError(ClusterState(), "3.5") == .versionUnknown)
        for malformed in ["abc", "3", "", "3.x", "3..1", "3.5.0.1", "-3.5", "3.99999999999"] {
            #expect(error(malformed) == .malformedVersion)
        }
        for wrong in ["3.0", "3.6.0", "3.4", "2.5", "4.5", "3.7"] { #expect(error(wrong) == .invalidTarget) }
        for right in ["3.5", "3.5.0", "3.5.9-rc.1"] {
            #expect(try member.replica.cluster.checkDowngrade(to: right) == "3.5.0")
        }
        let info = DowngradeInfo(isEnabled: true, targetVersion: "3.5.0")
        #expect(member.outcome(of: .downgrade(info)) == .success(.downgrade(info)))
        #expect(member.replica.cluster.downgrade == info && error("3.5") == .underway)
        try member.checkRestarts()
        member.pass(.seconds(1))
        member.writeCheckpoint()
        try member.checkRestarts()
        #expect(member.outcome(of: .downgrade(DowngradeInfo()))?.failure == nil)
        #expect(member.replica.cluster.downgrade == DowngradeInfo())
    }

    private func downgradeError(_ cluster: ClusterState, _ version: String) -> DowngradeError? {
        do throws(DowngradeError) {
            _ = try cluster.checkDowngrade(to: version)
            return nil
        } catch {
            return error
        }
    }
}
