// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft
import MartletReplica

/// Reads by lease: in a run that has them, members' clocks run apart as far as leaders allow for, and now and then a
/// member promises nothing.
extension Simulator {
    /// So that this draws none of the numbers that the rest of a run does.
    static let leasingSeed: UInt64 = 0x6C65_6173_6521_6C65

    private static let tickTime = 100_000
    /// Of the fastest clock. Those by which leaders count are right.
    private static let leastTickTime = 80_000

    private func leasing(_ host: Host) -> SeededRandom? {
        leaseSeed.map { SeededRandom(seed: $0 &+ UInt64(host.place)) }
    }

    /// Microseconds between two ticks.
    func tickTime(_ host: Host) -> Int {
        guard var random = leasing(host) else { return Self.tickTime }
        return random.flag() ? Self.leastTickTime : random.number(Self.leastTickTime...Self.tickTime)
    }

    func lease(_ host: Host) -> LeaseSettings? {
        guard var random = leasing(host) else { return nil }
        var choosing = random.split()
        return choosing.once(in: 10) ? nil : LeaseSettings(tick: .microseconds(Self.tickTime))
    }

    /// Those of a step; a few of them may have had a round.
    func countLeasedReads(_ life: Life) {
        guard leaseSeed != nil, !life.effects.reads.isEmpty else { return }
        guard life.replica.node.holdsLease(at: moment(of: life).monotonic) else { return }
        counts.leasedReads += life.effects.reads.count { $0.error == nil }
    }

    // MARK: Flaws

    func noteRound(of message: Message, _ life: Life) {
        guard case .heartbeat(_, let round) = message.body else { return }
        let key = [message.term.rawValue, round.rawValue]
        if life.roundsBegan[key] == nil { life.roundsBegan[key] = now }
    }

    /// By the time that the answer was under way, and what a leader takes off of that.
    func lengthened(_ message: Message, to life: Life) -> Message {
        guard case .heartbeatAnswer(let round, let promise?) = message.body,
            let began = life.roundsBegan[[message.term.rawValue, round.rawValue]]
        else { return message }
        var message = message
        let longer = promise + .microseconds((now - began) * 5 / 4)
        message.body = .heartbeatAnswer(round: round, promise: longer)
        return message
    }

    /// The word to stand comes to a follower, and the leader doesn't know that it has said it; then it is cut off.
    func handOver(_ leader: Life, to target: MemberID?) {
        let others = present.filter { $0 !== leader.host }
        guard !others.isEmpty else { return }
        let target = target.flatMap(host) ?? nemesis.pick(others)
        send(
            Message(from: leader.host.id, to: target.id, term: leader.replica.term, body: .timeoutNow), from: leader)
        plan(.nemesisIsolates(leader.host.place), in: nemesis.number(1...conditions.networkDelay * 2))
    }
}
