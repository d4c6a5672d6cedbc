// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica

extension Simulator {
    func host(_ member: MemberID) -> Host? { hosts.first { $0.id == member } }

    func send(_ original: Message, from life: Life) {
        guard let target = host(original.to) else { return }
        let message = spoiled(original, of: life)
        if flaw == .leasesFromAnswers { noteRound(of: message, life) }
        network.messageCount += 1
        if network.isCut(from: life.host.place, to: target.place) || chance(network.losses) { return }
        post(message, from: life.host.place, to: target.place)
        // It would take effect twice; connections don't do that.
        if case .proposal = message.body { return }
        if chance(network.doubles) { post(message, from: life.host.place, to: target.place) }
    }

    private func chance(_ thousandths: Int) -> Bool {
        thousandths > 0 && networking.number(1...1_000) <= thousandths
    }

    private func post(_ message: Message, from: Int, to: Int) {
        var delay = networking.number(1...network.delay)
        if chance(network.lateness) { delay += networking.number(100_000...3_000_000) }
        let slowness = network.slowness(from: from, to: to)
        if slowness > 0 { delay += networking.number(1...slowness) }
        let arrival = network.arrival(from: from, to: to, at: now + delay)
        let number = nextPacket
        nextPacket += 1
        packets[number] = message
        plan(.packetArrives(number, to: to), in: arrival - now)
    }

    /// What is under way when a link is cut still arrives.
    func receive(_ number: Int, at place: Int) throws(Violation) {
        guard var message = packets.removeValue(forKey: number) else { return }
        guard let life = hosts[place].life, let sender = host(message.from) else { return }
        if life.replica.cluster.removed.contains(message.from) {
            // It is told that it is no member any more.
            sender.isGone = true
            return try die(.process, sender.life)
        }
        if flaw == .answersLaterRounds, case .heartbeatAnswer = message.body {
            message.body = .heartbeatAnswer(round: life.replica.node.currentReadRound)
        }
        if flaw == .leasesFromAnswers { message = lengthened(message, to: life) }
        counts.messages += 1
        try step(.received(message), life)
        openTurn(life)
    }

    // MARK: States

    func send(_ order: Effects.SnapshotOrder, from life: Life) {
        plan(.stateLeaves(order), in: networking.number(1...network.delay * 10), of: life)
    }

    /// The tables as they are now travel at once, but take their time before.
    func transmit(_ order: Effects.SnapshotOrder, from life: Life) throws(Violation) {
        let sender = life.host
        guard let target = host(order.to), let receiver = target.life, !receiver.isReceiving, target.staged == nil,
            !network.isCut(from: sender.place, to: target.place), !chance(network.losses * 3), !sender.tables.isEmpty
        else { return try step(.snapshotSent(to: order.to, upTo: nil), life) }
        var tables = sender.tables
        tables.capacity = nil
        let state = try restoredState(of: tables, target, at: moment(of: receiver))
        let index = state.applied.index
        trace.note(now, "state", target.place, Int(index.rawValue))
        target.staged = tables
        receiver.isReceiving = true
        counts.states += 1
        try step(.snapshotArrived(state, from: sender.id, term: order.term), receiver)
        if life.isAlive { try step(.snapshotSent(to: order.to, upTo: index), life) }
    }

    /// The state that has arrived takes the place of the tables.
    func installState(_ life: Life) throws(Violation) {
        guard let staged = life.host.staged else { throw Violation("no state is there to be installed") }
        life.host.tables = staged
        life.host.staged = nil
        guard try survives(life) else { return }
        life.isReceiving = false
        try step(.snapshotInstalled, life)
    }
}
