// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import Testing

/// What a leader gives a member that has fallen behind, step by step.
@Suite struct CatchUpTests {
    private let limit = 10_000
    private let value = String(repeating: "v", count: 3_000)

    /// A leader of three, and a member that was away for so many writes and is heard again.
    private func laggard(after writes: Int) throws -> (cluster: TestCluster, leader: Int, laggard: Int) {
        var cluster = try TestCluster(3) { $0.limits.catchUpBytesPerStep = limit }
        let leader = cluster.elect()
        cluster.tick(3)
        let laggard = cluster.follower()
        cluster.isolate(laggard)
        cluster.step(leader, .peerUnreachable(TestCluster.id(laggard)))
        for number in 0..<writes { _ = cluster.write(leader, "k\(number)", value) }
        cluster.cut = []
        let (id, leaderID) = (TestCluster.id(laggard), TestCluster.id(leader))
        // The question where it stands, and its answer; nothing follows from that yet.
        for _ in 0..<20 where cluster[leader].replica.node.progress(of: id)?.state != .replicate {
            cluster.members[leaderID]!.step(.tick, at: cluster.moment)
            pass(&cluster, from: leaderID, to: id)
            while let event = cluster.members[id]!.nextOwnEvent() {
                cluster.members[id]!.step(event, at: cluster.moment)
            }
            pass(&cluster, from: id, to: leaderID)
        }
        #expect(cluster[leader].replica.node.progress(of: id)?.state == .replicate)
        return (cluster, leader, laggard)
    }

    /// What one has to say to another arrives; what it says to others is lost.
    private func pass(_ cluster: inout TestCluster, from sender: MemberID, to receiver: MemberID) {
        for message in cluster.members[sender]!.takeMessages() where message.to == receiver {
            cluster.members[receiver]!.step(.received(message), at: cluster.moment)
        }
        cluster.members[receiver]!.step(.turnEnded, at: cluster.moment)
    }

    /// Bytes of entries for a member in what the leader says to an event.
    private func given(_ cluster: inout TestCluster, _ leader: Int, to member: Int, _ event: Event) -> Int {
        let id = TestCluster.id(leader)
        cluster.members[id]!.step(event, at: cluster.moment(of: id))
        var count = 0
        for message in cluster.members[id]!.takeMessages() where message.to == TestCluster.id(member) {
            guard case .append(_, let entries, _) = message.body else { continue }
            count += entries.reduce(0) { $0 + $1.data.count }
        }
        return count
    }

    @Test func aStepGivesSoMuch() throws {
        var (cluster, leader, laggard) = try laggard(after: 100)
        // What its answer has called for: one entry, to see that it is taken.
        _ = given(&cluster, leader, to: laggard, .turnEnded)
        var sum = 0
        for _ in 0..<5 {
            let other = given(&cluster, leader, to: laggard, .turnEnded)
            #expect(other == 0)
            let bytes = given(&cluster, leader, to: laggard, .work)
            // One entry passes whole.
            #expect(bytes > limit - 4_000 && bytes < limit + 4_000)
            sum += bytes
        }
        #expect(sum < 100_000)
    }

    /// Where turns are long much is appended in each: who lags gets more than that.
    @Test func whatIsAppendedDoesNotRunAway() throws {
        var (cluster, leader, laggard) = try laggard(after: 200)
        _ = given(&cluster, leader, to: laggard, .work)
        for round in 0..<5 {
            for number in 0..<20 {
                let waiter = WaiterID(UInt64(1_000 + round * 20 + number))
                cluster.members[TestCluster.id(leader)]!.step(
                    .propose(put("n\(number)", value), waiter: waiter), at: cluster.moment)
            }
            let other = given(&cluster, leader, to: laggard, .turnEnded)
            #expect(other == 0)
            let bytes = given(&cluster, leader, to: laggard, .work)
            #expect(bytes > 20 * 3_000)
        }
    }

    /// It ends, and everybody holds the same.
    @Test func itCatchesUp() throws {
        var (cluster, _, laggard) = try laggard(after: 300)
        cluster.settle()
        cluster.tick(5)
        #expect(cluster[laggard].replica.store.revision >= 300)
        cluster.checkEqual()
    }
}
