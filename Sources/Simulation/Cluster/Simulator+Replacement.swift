// SPDX-License-Identifier: Apache-2.0

import MartletRaft
import MartletReplica

/// Voters that learners take the place of, and what happens in the middle of that.
extension Simulator {
    /// In one run: learners that are let in, and requests to put one in a voter's place.
    private static let replacementsMax = 40

    func planReplacement() {
        guard conditions.replacesMembers, hosts.count > 1, counts.replacementActs < Self.replacementsMax else { return }
        plan(.nemesisReplaces, in: nemesis.number(20_000...400_000))
    }

    /// Any voter goes, the leader too. A learner that isn't ready is refused, and asked for again.
    func replaceMember() throws(Violation) {
        guard case .busy = part else { return }
        counts.replacementActs += 1
        defer { planReplacement() }
        guard let leader = leadersLife else { return }
        let members = leader.replica.cluster.members
        guard let learner = members.first(where: \.isLearner), let new = host(learner.id) else {
            if hosts.count < Self.hostsMax { try ask(leader, for: addHost(isLearner: true)) }
            return
        }
        let old = nemesis.once(in: 3) ? leader.host.id : nemesis.pick(members.filter { !$0.isLearner }).id
        if !nemesis.once(in: 3) {
            // About as long as it takes to enter the joint configuration, and to leave it.
            let time = 2 * (conditions.networkDelay + conditions.diskTime)
            plan(.nemesisStrikes(at: new.place), in: nemesis.number(0...time))
        }
        try ask(leader, for: .replace(old, by: learner.id))
    }

    /// If the request was taken: crashes, and cuts that leave a majority of one half of the joint configuration
    /// together.
    func strikeReplacement(by new: Host) throws(Violation) {
        guard case .busy = part, let leader = leadersLife, Self.isReplacing(leader) else { return }
        let others = hosts.filter { $0 !== leader.host && $0 !== new }
        switch nemesis.number(0...7) {
        case 0: try die(nemesis.flag() ? .power : .process, leader)
        case 1: try die(nemesis.flag() ? .power : .process, nemesis.pick(hosts).life)
        case 2: isolate(new)
        case 3:
            for one in [leader.host, new] {
                for other in others {
                    network.cut(from: one.place, to: other.place)
                    network.cut(from: other.place, to: one.place)
                }
            }
            plan(.nemesisHeals, in: nemesis.number(1_000_000...4_000_000))
        default:
            // What they answer arrives; they don't hear that what enters the joint configuration is committed.
            guard now >= quietUntil else { return }
            network.heal()
            for other in others { network.cut(from: leader.host.place, to: other.place) }
            plan(.nemesisHeals, in: nemesis.number(2_000_000...5_000_000))
            quietUntil = now + 5_000_000
        }
    }

    private static func isReplacing(_ leader: Life) -> Bool {
        let node = leader.replica.node
        if node.configuration.isJoint { return true }
        var index = node.log.applied + 1
        while index <= node.log.last {
            if node.log[index].kind == .jointChange { return true }
            index = index + 1
        }
        return false
    }
}
