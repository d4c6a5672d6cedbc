// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

/// A cluster with a lossy network, crashing members and slow disks, in which everything follows from one seed.
struct Simulation {
    /// More under way are dropped: a network has no endless memory.
    static let packetsMax = 150

    var options: Options
    let sabotage: Sabotage?
    var random: SeededRandom
    var members: [SimulatedMember]
    var packets: [Packet] = []
    /// Come much later.
    var late: [Packet] = []
    /// From member, to member: nothing that is sent now arrives.
    var isCut: [[Bool]]
    var checks: SimulationChecks
    var coverage = SimulationCoverage()
    private var nextCommand: UInt64 = 0

    init(options: Options, random: SeededRandom, sabotage: Sabotage? = nil) {
        self.options = options
        self.sabotage = sabotage
        self.random = random
        let ids = (1...options.members).map { MemberID(UInt64($0)) }
        let initial = Configuration(voters: ids)
        members = ids.map { SimulatedMember(id: $0, initial: initial) }
        isCut = Array(repeating: Array(repeating: false, count: options.members), count: options.members)
        checks = SimulationChecks(checksPromises: sabotage == nil)
        for member in members.indices { start(member) }
    }

    /// The faulty phase, then the phase in which nothing fails and the cluster must work again.
    ///
    /// - Returns: the first violation, if any.
    mutating func run() -> String? {
        for step in 0..<options.steps {
            self.step()
            if let violation = checks.violation { return "step \(step): \(violation)" }
        }
        coverage.commits = checks.truth.count
        coverage.elections = checks.elections
        coverage.reads = checks.answeredReads
        converge()
        return checks.violation.map { "after healing: \($0)" }
    }

    // MARK: Steps

    private mutating func step() {
        let member = random.below(members.count)
        let kind = random.below(10_000)
        var below = options.crashes
        if kind < below { return crash(member) }
        below += options.partitions
        if kind < below { return cut() }
        below += options.changes
        if kind < below { return change(member) }
        below += options.transfers
        if kind < below { return transfer(member) }
        below += options.checkpoints
        if kind < below { return checkpoint(member) }
        below += options.heals
        if kind < below { return heal() }
        below += 100 + 2 * options.crashes
        if kind < below { return members[member].node == nil ? start(member) : () }
        switch random.below(100) {
        case ..<1: deliverLate()
        case ..<55: deliver()
        case ..<(55 + options.ticks): tick(member)
        case ..<78: sync(member)
        case ..<85: apply(member)
        case ..<90: propose(member)
        case ..<95: read(member)
        default: take(member)
        }
    }

    mutating func start(_ member: Int) {
        members[member].start(settings: options.settings, seed: random.next())
        touched(member)
    }

    private mutating func crash(_ member: Int) {
        guard members[member].node != nil else { return }
        members[member].crash(random: &random, sabotage: sabotage)
        checks.crashed(members[member])
    }

    /// Sometimes in one direction only.
    private mutating func cut() {
        let from = random.below(members.count)
        let isOneWay = random.chance(1, in: 3)
        for to in members.indices where to != from && random.chance(2, in: 3) {
            isCut[from][to] = true
            if !isOneWay { isCut[to][from] = true }
        }
    }

    mutating func heal() {
        for from in members.indices {
            for to in members.indices { isCut[from][to] = false }
        }
    }

    private mutating func change(_ member: Int) {
        let kinds: [ConfigurationChange.Kind] = [.addVoter, .addVoter, .remove, .addLearner, .update]
        let change = ConfigurationChange(kinds[random.below(kinds.count)], members[random.below(members.count)].id)
        guard members[member].node?.role == .leader else { return }
        var proposal = change.proposal
        if options.jointChanges > 0, random.below(100) < options.jointChanges { proposal = jointChange().proposal }
        _ = try? members[member].node!.propose([proposal])
        touched(member)
    }

    /// Of any members, whatever they are: what makes no sense together must do nothing.
    private mutating func jointChange() -> JointChange {
        let kinds: [ConfigurationChange.Kind] = [.addVoter, .addVoter, .addVoter, .remove, .addLearner]
        return .enter(
            (0...random.below(4)).map { _ in
                ConfigurationChange(kinds[random.below(kinds.count)], members[random.below(members.count)].id)
            })
    }

    private mutating func transfer(_ member: Int) {
        guard members[member].node != nil else { return }
        try? members[member].node!.transferLeadership(to: members[random.below(members.count)].id)
        touched(member)
    }

    private mutating func checkpoint(_ member: Int) {
        guard members[member].node != nil else { return }
        members[member].checkpoint(random: &random)
        touched(member)
    }

    mutating func tick(_ member: Int) {
        guard members[member].node != nil else { return }
        members[member].node!.tick()
        touched(member)
    }

    private mutating func sync(_ member: Int) {
        guard members[member].node != nil, !members[member].disk.pending.isEmpty else { return }
        let count = 1 + random.below(members[member].disk.pending.count)
        members[member].sync(count, sabotage: sabotage)
        touched(member)
    }

    private mutating func apply(_ member: Int) {
        guard members[member].node != nil, !members[member].unapplied.isEmpty else { return }
        members[member].apply(1 + random.below(members[member].unapplied.count))
        checks.applied(members[member])
        touched(member)
    }

    mutating func propose(_ member: Int) {
        guard members[member].node != nil else { return }
        let proposals = (0...random.below(3)).map { _ in
            nextCommand += 1
            return Proposal(data: bytes("\(nextCommand)" + String(repeating: ".", count: random.below(12))))
        }
        _ = try? members[member].node!.propose(proposals)
        touched(member)
    }

    mutating func read(_ member: Int) {
        guard members[member].node != nil else { return }
        let context = checks.beginRead()
        try? members[member].node!.readIndex(context)
        touched(member)
    }

    private mutating func take(_ member: Int) {
        guard members[member].node != nil else { return }
        touched(member, takesOrders: true)
    }

    private mutating func deliver() {
        guard !packets.isEmpty else { return }
        let offset = options.reorders ? random.below(packets.count) : 0
        let packet = packets.remove(at: offset)
        if random.below(1000) < options.losses { return }
        if random.below(1000) < options.delays { return late.append(packet) }
        if random.below(1000) < options.doubles { packets.append(packet) }
        deliver(packet)
    }

    private mutating func deliverLate() {
        guard !late.isEmpty else { return }
        deliver(late.remove(at: random.below(late.count)))
    }

    mutating func deliver(_ packet: Packet) {
        let to = Int(packet.message.to.rawValue) - 1
        guard members[to].node != nil else { return }
        if let state = packet.state, case .snapshot(let mark) = packet.message.body {
            members[to].arrived[mark.last] = state
        }
        members[to].node!.step(sabotaged(packet.message))
        touched(to)
    }

    private func sabotaged(_ message: Message) -> Message {
        var message = message
        switch (sabotage, message.body) {
        case (.flattersCandidates, .vote(var last, let isTransfer)):
            last.term = message.term
            message.body = .vote(last: last, isTransfer: isTransfer)
        case (.flattersCandidates, .preVote(var last)):
            last.term = message.term
            message.body = .preVote(last: last)
        case (.answersLaterRounds, .heartbeatAnswer):
            guard let leader = members[Int(message.to.rawValue) - 1].node else { break }
            message.body = .heartbeatAnswer(round: leader.currentReadRound)
        default:
            break
        }
        return message
    }
}
