// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRaft
import MartletReplica
import MartletSimulatedDisk
import MartletStorage

/// Members, their disks, the network between them, their clients and their bad luck, all in one thread and in simulated
/// time, all from one seed.
///
/// A member is production code: `Replica`, and under it the log's folder, appender and recovery. Simulated are what
/// stands around: the log's queue and thread (`LogQueue`), disk, tables, clocks, clients. The simulator does what a
/// shell has to do: carry out effects, and hand events over.
///
/// A run has three parts. *Busy:* clients ask, faults strike. *Calm:* nothing is asked and nothing fails any more; all
/// answers and events must come, all leases end, all members come to hold the same. *Last:* one more power loss, for
/// all of them, and what is then there is compared with all that ever was.
final class Simulator {
    enum Action {
        // Of one life
        case tick, turnEnd, work, watchWork, commandsDue
        case logWrites, logWritten, logReleases
        case checkpointWrites
        case checkpointEnds(isWritten: Bool)
        case becomesReady
        case blocksAreRead(BlockOrder)
        case blocksArrive(LoadedBlocks)
        case stateLeaves(Effects.SnapshotOrder)
        case stateInstalled
        // Of all
        case restart(Int)
        case packetArrives(Int, to: Int)
        case nemesisActs
        case nemesisIsolates(Int)
        case nemesisReplaces, nemesisHeals
        /// While the member in this place is to be put in another's.
        case nemesisStrikes(at: Int)
        case clientActs(Int)
        case requestArrives(Int, at: Int)
        case watcherActs(Int)
        case streamClientActs(Int)
        case outboxClientActs(Int)
        case queueClientActs
        case jobClientActs
        case fault, relief(Relief, Int)
        /// The process on this machine has ended, they say.
        case memberIsGone(Int)
        case damageStrikes
        /// Whoever looks after the cluster, about this lost machine.
        case operatorActs(Int)
        case look
    }

    /// The end of a trouble.
    enum Relief {
        case logSpace, tableSpace, diskSpeed
    }

    enum Part {
        case busy
        case calm(since: Int)
        case last(since: Int)
        case done
    }

    /// Steps of a run before it counts as one that never rests. A run has some thousands for each member.
    static let stepsMax = 500_000
    /// Steps after which nothing more is asked, whatever was to be; for each member. Most runs have a few thousand
    /// for each when their clients are done.
    static let busyStepsMax = 25_000

    let conditions: Conditions
    let flaw: Flaw?
    /// `nil`: reads wait for rounds.
    let leaseSeed: UInt64?
    var part = Part.busy
    /// Microseconds since the beginning.
    var now = 0
    var queue = EventQueue<(life: Life?, action: Action)>()
    var trace: Trace

    // Each has numbers of its own, so that a change of one does not stir the others.
    var workload: Workload
    var timing: SeededRandom
    var faults: SeededRandom
    var watching: SeededRandom
    var ordering: SeededRandom
    var streaming: SeededRandom
    var queueing: SeededRandom
    var jobbing: SeededRandom
    var networking: SeededRandom
    var nemesis: SeededRandom
    var looking: SeededRandom
    var outboxing: SeededRandom
    var damaging: SeededRandom

    var hosts: [Host]
    var network = Network()
    /// Under way.
    var packets: [Int: Message] = [:]
    var nextPacket = 0
    var lives = 0
    /// When each entry was proposed; over all lives, since an entry may be applied in a later one.
    var proposals: [EntryID: Int] = [:]
    /// Who led in each term.
    var leaders: [Term: MemberID] = [:]
    /// The nemesis lets what it has done last take its course until then.
    var quietUntil = 0
    /// When each term had its leader.
    var termsBegan: [Term: Int] = [:]
    /// Of a state after so many entries, of whichever member first.
    var digests: [LogIndex: UInt64] = [:]
    var effects = 0
    /// Before this one the member ends.
    var deathAtEffect: Int?

    var oracle = Oracle()
    var operations: [Operation] = []
    /// What clients last learnt of each register.
    var registers: [[UInt8]: RegisterHistory.Value] = [:]
    /// Where each client is connected.
    var connections: [Int: Int] = [:]
    var answeredCount = 0
    var watchers: [Watcher]
    var streamLedger = StreamLedger()
    var queueLedger = QueueLedger()
    var jobLedger = JobLedger()
    var streamClients = Array(repeating: StreamClient(), count: Simulator.streamClients)
    var outboxLedger = OutboxLedger()
    var outbox = Array(repeating: OutboxClient(), count: Simulator.outboxClients)
    var counts = SimulationReport.Counts()

    init(
        seed: UInt64, members: Int, conditions given: Conditions?, flaw: Flaw?, readsByLease: Bool,
        tell: ((String) -> Void)?
    ) {
        var random = SeededRandom(seed: seed)
        let drawn = Conditions(members: members, &random)
        conditions = given ?? drawn
        self.flaw = flaw
        leaseSeed = readsByLease ? seed ^ Self.leasingSeed : nil
        deathAtEffect = conditions.deathAtEffect
        trace = Trace(tell: tell)
        workload = Workload(random: random.split(), keys: conditions.keys)
        timing = random.split()
        faults = random.split()
        watching = random.split()
        ordering = random.split()
        let diskSeed = random.next()
        streaming = random.split()
        networking = random.split()
        nemesis = random.split()
        looking = random.split()
        outboxing = random.split()
        queueing = random.split()
        jobbing = random.split()
        damaging = SeededRandom(seed: seed ^ Self.damageSeed)
        var disks = SeededRandom(seed: diskSeed)
        let founders = (0..<conditions.members).map {
            MemberContext(member: Self.memberID($0), peerURLs: [Self.peerURL($0)], name: "member \($0)")
        }
        hosts = (0..<conditions.members).map { place in
            Host(
                place: place, id: Self.memberID(place),
                beginning: founders.count == 1 ? .alone : .together(founders),
                disk: SimulatedDisk(seed: place == 0 ? diskSeed : disks.next()))
        }
        watchers = Array(repeating: Watcher(), count: conditions.watchers)
        for host in hosts {
            if flaw == .syncsNothing { host.disk.ignoreSyncs() }
            if let operation = conditions.powerLossAtOperation { host.disk.crash(atOperation: operation) }
        }
        if let wrong = conditions.wrongClock { hosts[wrong.place].wallOffset += wrong.lead }
        network.delay = conditions.networkDelay
        network.losses = conditions.losses
        network.doubles = conditions.doubles
        network.lateness = conditions.lateness
        network.reorders = conditions.reorders
    }

    /// So that damage draws none of the numbers that the rest of a run does.
    private static let damageSeed: UInt64 = 0x6461_6D61_6765_6421

    static func memberID(_ place: Int) -> MemberID { MemberID(UInt64(7 + place)) }
    static func peerURL(_ place: Int) -> String { "http://10.0.0.\(place + 1):2380" }

    func run() throws(Violation) {
        for host in hosts { plan(.restart(host.place), in: host.place * 100) }
        planNemesis()
        planReplacement()
        let clients = conditions.clients + conditions.readers
        for client in 0..<clients { plan(.clientActs(client), in: timing.number(0...1_000)) }
        for watcher in watchers.indices { plan(.watcherActs(watcher), in: timing.number(0...1_000)) }
        plan(.queueClientActs, in: queueing.number(0...1_000))
        plan(.jobClientActs, in: jobbing.number(0...1_000))
        for client in streamClients.indices { plan(.streamClientActs(client), in: streaming.number(0...1_000)) }
        for client in outbox.indices { plan(.outboxClientActs(client), in: outboxing.number(0...1_000)) }
        if conditions.faultTime != nil { planFault() }
        planDamage()
        plan(.look, in: 100_000)
        while let next = queue.next() {
            let (life, action) = next.element
            if let life, !life.isAlive { continue }
            now = next.time
            if let host = life?.host ?? place(of: action), host.pausedUntil > now {
                queue.add(next.element, at: host.pausedUntil)
                continue
            }
            counts.steps += 1
            if counts.steps > Self.stepsMax { throw Violation("the simulation never rests") }
            if let life { try perform(action, life) } else { try perform(action) }
            if case .done = part { return }
        }
        throw Violation("nothing is left to happen")
    }

    /// - Parameter life: with whose end it is off.
    func plan(_ action: Action, in time: Int, of life: Life? = nil) {
        queue.add((life, action), at: now + time)
    }

    /// They are on their way for a while: tables may have others by then.
    private func readBlocks(_ order: BlockOrder, _ life: Life) {
        let values = order.blocks.map { block in block.keys.firstValue { life.host.tables.value(of: $0) } }
        counts.loadedBlocks += values.count
        plan(.blocksArrive(LoadedBlocks(order: order.number, values: values)), in: timing.number(0...2_000), of: life)
    }

    /// Where a pause holds it up.
    private func place(of action: Action) -> Host? {
        switch action {
        case .packetArrives(_, let place), .requestArrives(_, let place): hosts[place]
        default: nil
        }
    }

    private func perform(_ action: Action, _ life: Life) throws(Violation) {
        switch action {
        case .tick:
            plan(.tick, in: tickTime(life.host), of: life)
            try step(.tick, life)
        case .turnEnd:
            life.isTurnOpen = false
            try step(.turnEnded, life)
        case .work:
            life.isWorkPlanned = false
            try step(.work, life)
        case .commandsDue:
            // Another was planned for an earlier moment since.
            guard let planned = life.commandsPlannedAt, planned <= now else { return }
            life.commandsPlannedAt = nil
            try step(.commandsDue, life)
        case .watchWork:
            life.isWatchWorkPlanned = false
            life.replica.store.catchUpWatches()
            try deliver(life)
        case .logWrites: try writeLog(life)
        case .logWritten: try endLogWrite(life)
        case .logReleases: try releaseLog(life)
        case .checkpointWrites: try writeCheckpoint(life)
        case .checkpointEnds(let isWritten): try step(.checkpointEnded(isWritten: isWritten), life)
        case .becomesReady: try becomeReady(life)
        case .blocksAreRead(let order): readBlocks(order, life)
        case .blocksArrive(let blocks): try step(.blocksLoaded(blocks), life)
        case .stateLeaves(let order): try transmit(order, from: life)
        case .stateInstalled: try installState(life)
        case .restart, .packetArrives, .nemesisActs, .nemesisIsolates, .nemesisReplaces, .nemesisHeals, .nemesisStrikes,
            .clientActs, .requestArrives, .watcherActs, .streamClientActs, .queueClientActs, .jobClientActs,
            .outboxClientActs, .fault, .memberIsGone, .relief, .damageStrikes, .operatorActs, .look:
            preconditionFailure("\(action) is no life's")
        }
    }

    private func perform(_ action: Action) throws(Violation) {
        switch action {
        case .restart(let place): try restart(hosts[place])
        case .packetArrives(let number, let place): try receive(number, at: place)
        case .nemesisActs: try actAsNemesis()
        case .nemesisIsolates(let place): cutOff(hosts[place])
        case .nemesisReplaces: try replaceMember()
        case .nemesisHeals: network.heal()
        case .nemesisStrikes(let place): try strikeReplacement(by: hosts[place])
        case .clientActs(let client): try act(client: client)
        case .requestArrives(let number, let place): try arrive(number, at: hosts[place])
        case .watcherActs(let watcher): try act(watcher: watcher)
        case .queueClientActs: try actOnQueue()
        case .jobClientActs: try actOnJobs()
        case .streamClientActs(let client): try act(streamClient: client)
        case .outboxClientActs(let client): try act(outboxClient: client)
        case .fault: try strike()
        case .memberIsGone(let place): try tellGone(hosts[place])
        case .relief(let relief, let place): relieve(relief, hosts[place])
        case .damageStrikes: try strikeDamage()
        case .operatorActs(let place): try replace(hosts[place])
        case .look: try look()
        case .tick, .turnEnd, .work, .watchWork, .commandsDue, .logWrites, .logWritten, .logReleases,
            .checkpointWrites, .checkpointEnds, .becomesReady, .blocksAreRead, .blocksArrive, .stateLeaves,
            .stateInstalled:
            preconditionFailure("\(action) is a life's")
        }
    }
}
