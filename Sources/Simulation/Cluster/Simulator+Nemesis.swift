// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import MartletReplica
import MartletSimulatedDisk

/// What goes wrong among members, and is done to them by hand.
extension Simulator {
    /// In one run; then the network is whole, and it must get somewhere.
    private static let nemesisActsMax = 30

    func planNemesis() {
        guard let time = conditions.partitionTime, hosts.count > 1 else { return }
        if counts.nemesisActs >= Self.nemesisActsMax { return network.heal() }
        plan(.nemesisActs, in: max(0, quietUntil - now) + nemesis.number(1...time * 2))
    }

    func actAsNemesis() throws(Violation) {
        guard case .busy = part else { return }
        counts.nemesisActs += 1
        defer { planNemesis() }
        switch nemesis.number(0...16) {
        case 0...1: isolate(nemesis.pick(present))
        case 2: split()
        case 3: cutOneWay()
        case 4: cutSome()
        case 5...7: network.heal()
        case 8: pause(nemesis.pick(hosts))
        case 9...10: try transferLeadership()
        case 11...12: if conditions.changesMembers { try changeMembers() }
        case 13...14: strandLeader()
        // Of whomever, and it need not be so.
        case 15: plan(.memberIsGone(nemesis.pick(hosts).place), in: nemesis.number(0...100_000))
        default:
            // The leader, of all.
            if let leader = leadersLife { try die(nemesis.flag() ? .power : .process, leader) }
        }
        trace.note(now, "nemesis", network.messageCount)
    }

    /// Machines that belong to the cluster as far as they know.
    var present: [Host] { hosts.filter { !$0.isGone } }

    /// Of who leads in the latest term and has begun it.
    var leadersLife: Life? {
        hosts.compactMap(\.life).filter { $0.replica.status.countsLeases }
            .max { $0.replica.term < $1.replica.term }
    }

    func isolate(_ host: Host) {
        for other in hosts where other !== host {
            network.cut(from: host.place, to: other.place)
            network.cut(from: other.place, to: host.place)
        }
    }

    /// What others say to the leader takes long; then nothing new is said at all. It goes on leading on old words while
    /// the others make another.
    private func strandLeader() {
        guard let leader = leadersLife?.host else { return }
        for other in hosts where other !== leader {
            network.slow(from: other.place, to: leader.place, by: 6_000_000)
        }
        plan(.nemesisIsolates(leader.place), in: nemesis.number(1...1_000_000))
        quietUntil = now + 5_000_000
    }

    /// Cuts a new leader off, at once or when it has done something, and lets those before it come back: terms follow
    /// each other in which little is replicated. Source: Raft figure 8.
    func overthrow(_ host: Host) {
        guard case .busy = part, conditions.overthrows > 0, counts.nemesisActs < Self.nemesisActsMax,
            now >= quietUntil, nemesis.number(1...100) <= conditions.overthrows
        else { return }
        counts.nemesisActs += 1
        network.heal()
        if nemesis.flag() {
            isolate(host)
        } else {
            plan(.nemesisIsolates(host.place), in: nemesis.number(1...1_000_000))
        }
    }

    func cutOff(_ host: Host) {
        if case .busy = part, counts.nemesisActs < Self.nemesisActsMax { isolate(host) }
    }

    private func split() {
        let sides = hosts.map { _ in nemesis.flag() }
        for one in hosts {
            for other in hosts where sides[one.place] != sides[other.place] {
                network.cut(from: one.place, to: other.place)
            }
        }
    }

    private func cutOneWay() {
        let host = nemesis.pick(hosts)
        for other in hosts where other !== host && !nemesis.once(in: 4) {
            network.cut(from: host.place, to: other.place)
        }
    }

    private func cutSome() {
        for one in hosts {
            for other in hosts where other !== one && nemesis.once(in: 3) {
                network.cut(from: one.place, to: other.place)
            }
        }
    }

    private func pause(_ host: Host) {
        host.pausedUntil = now + nemesis.number(10_000...nemesis.pick([200_000, 3_000_000]))
    }

    private func transferLeadership() throws(Violation) {
        guard let leader = leadersLife else { return }
        let target = nemesis.once(in: 3) ? nil : nemesis.pick(hosts).id
        counts.transfers += 1
        if flaw == .leasesThroughTransfers { return handOver(leader, to: target) }
        try step(.transferLeadership(to: target, waiter: WaiterID(.max)), leader)
    }

    // MARK: Members

    static let hostsMax = 7

    private func changeMembers() throws(Violation) {
        guard let leader = leadersLife else { return }
        let members = leader.replica.cluster.members
        let request: MemberRequest
        if let learner = members.first(where: \.isLearner), nemesis.flag() {
            request = .promote(learner.id)
        } else if hosts.count < Self.hostsMax, members.count <= conditions.members, nemesis.flag() {
            request = addHost()
        } else if members.count > 2 {
            request = .remove(nemesis.pick(members).id)
        } else {
            return
        }
        try ask(leader, for: request)
    }

    func ask(_ leader: Life, for request: MemberRequest) throws(Violation) {
        counts.memberChanges += 1
        trace.note(now, "members", leader.host.place, leader.replica.cluster.members.count, "\(request)")
        try step(.changeMembers(request, waiter: WaiterID(.max)), leader)
        openTurn(leader)
    }

    /// A new machine, whose member waits to be let in. If it isn't, it waits for good.
    ///
    /// - Parameter isLearner: `nil`: by chance.
    func addHost(isLearner: Bool? = nil) -> MemberRequest {
        let place = hosts.count
        let host = Host(
            place: place, id: Self.memberID(place), beginning: .joining, disk: SimulatedDisk(seed: nemesis.next()))
        hosts.append(host)
        plan(.restart(place), in: nemesis.number(1_000...500_000))
        return .add(host.id, peerURLs: [Self.peerURL(place)], isLearner: isLearner ?? nemesis.flag())
    }
}
