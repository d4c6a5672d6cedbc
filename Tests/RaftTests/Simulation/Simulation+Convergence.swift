// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

extension Simulation {
    /// Rounds, each with a tick, within which a healthy cluster must elect, commit and answer a read. A few elections
    /// fit, and sending a lagging member everything entry by entry.
    private static let roundsMax = 3000

    /// Nothing fails any more: the cluster must get a leader that commits something new and answers a read, and
    /// all its members must have applied the same.
    mutating func converge() {
        heal()
        options.losses = 0
        options.doubles = 0
        packets += late
        late = []
        for member in members.indices where members[member].node == nil { start(member) }
        var isProposed = false
        var target = LogIndex.zero
        let readsBefore = checks.answeredReads
        for _ in 0..<Self.roundsMax {
            round()
            if checks.violation != nil { return }
            guard let leader = soleLeader else { continue }
            if !isProposed || (target > .zero && members[leader].node!.log.term(at: target) == nil) {
                propose(leader)
                target = members[leader].node!.log.last
                isProposed = true
            }
            if checks.answeredReads == readsBefore { read(leader) }
            let configuration = members[leader].node!.configuration
            let isDone = members.allSatisfy { member in
                !configuration.contains(member.id) || UInt64(member.state.count) >= target.rawValue
            }
            if isDone, checks.answeredReads > readsBefore { return checks.compareStates(members) }
        }
        checks.violation = "no progress in \(Self.roundsMax) rounds: \(members.map { $0.summary })"
    }

    /// Everything under way is delivered, everything written is synced, everything committed is applied; one tick.
    private mutating func round() {
        let underWay = packets
        packets = []
        for packet in underWay { deliver(packet) }
        for member in members.indices {
            tick(member)
            touched(member, takesOrders: true)
            let pending = members[member].disk.pending.count
            if pending > 0 { members[member].sync(pending, sabotage: sabotage) }
            touched(member, takesOrders: true)
            let unapplied = members[member].unapplied.count
            if unapplied > 0 {
                members[member].apply(unapplied)
                checks.applied(members[member])
            }
            touched(member, takesOrders: true)
        }
    }

    private var soleLeader: Int? {
        let leaders = members.indices.filter { members[$0].node!.role == .leader }
        return leaders.count == 1 ? leaders[0] : nil
    }
}

extension SimulatedMember {
    var summary: String {
        guard let node else { return "\(id): down" }
        return "\(id): \(node.role) of term \(node.term), log \(node.log.base.index)...\(node.log.last), committed "
            + "\(node.log.committed), applied \(node.log.applied), voters \(node.configuration.voters), learners "
            + "\(node.configuration.learners), outgoing \(node.configuration.outgoing)"
    }
}
