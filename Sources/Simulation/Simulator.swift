// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletReplica
import MartletSimulatedDisk
import MartletStorage

/// One member, its disk, its clients and its bad luck, all in one thread and in simulated time, all from one seed.
///
/// The member is production code: `Replica`, and under it the log's folder, appender and recovery. Simulated are what
/// stands around: the log's queue and thread (`LogQueue`), disk, tables, clocks, clients. The simulator does what a
/// shell has to do: carry out effects, and hand events over.
///
/// A run has three parts. *Busy:* clients ask, faults strike. *Calm:* nothing is asked and nothing fails any more; all
/// answers and events must come, all leases end. *Last:* one more power loss, and what is then there is compared with
/// all that ever was.
final class Simulator {
    enum Action {
        // Of one life
        case tick, turnEnd, work, watchWork, commandsDue
        case logWrites, logWritten, logReleases
        case checkpointWrites
        case checkpointEnds(isWritten: Bool)
        // Of all
        case restart
        case clientActs(Int)
        case requestArrives(Int)
        case watcherActs(Int)
        case streamClientActs(Int)
        case fault, relief(Relief)
        case look
    }

    /// The end of a trouble.
    enum Relief {
        case logSpace, tableSpace, diskSpeed
    }

    enum Part {
        case busy
        case calm(since: Int)
        case last
        case done
    }

    /// Steps of a run before it counts as one that never rests. A run has some thousands.
    static let stepsMax = 400_000

    let conditions: Conditions
    let flaw: Flaw?
    var part = Part.busy
    /// Microseconds since the beginning.
    var now = 0
    /// Milliseconds that the wall clock is ahead of that.
    var wallOffset = 1_700_000_000_000
    var queue = EventQueue<(life: Int, action: Action)>()
    var trace: Trace

    // Each has numbers of its own, so that a change of one does not stir the others.
    var workload: Workload
    var timing: SeededRandom
    var faults: SeededRandom
    var watching: SeededRandom
    var ordering: SeededRandom
    var streaming: SeededRandom

    let disk: SimulatedDisk
    var tables = SimulatedTables()
    /// Whether the log was made: it must be there from then on.
    var wasMade = false
    /// How many times slower the disks are than on a good day.
    var slowness = 1
    var life: Life?
    var lives = 0
    /// When each entry was proposed; over all lives, since an entry may be applied in a later one.
    var proposals: [LogIndex: Int] = [:]
    var effects = 0
    /// Before this one the member ends.
    var deathAtEffect: Int?

    var oracle = Oracle()
    var operations: [Operation] = []
    var answeredCount = 0
    var watchers: [Watcher]
    var streamLedger = StreamLedger()
    var streamClients = Array(repeating: StreamClient(), count: Simulator.streamClients)
    var counts = SimulationReport.Counts()

    init(seed: UInt64, conditions given: Conditions?, flaw: Flaw?, tell: ((String) -> Void)?) {
        var random = SeededRandom(seed: seed)
        let drawn = Conditions(&random)
        conditions = given ?? drawn
        self.flaw = flaw
        deathAtEffect = conditions.deathAtEffect
        trace = Trace(tell: tell)
        workload = Workload(random: random.split(), keys: conditions.keys)
        timing = random.split()
        faults = random.split()
        watching = random.split()
        ordering = random.split()
        disk = SimulatedDisk(seed: random.next())
        streaming = random.split()
        watchers = Array(repeating: Watcher(), count: conditions.watchers)
        if flaw == .syncsNothing { disk.ignoreSyncs() }
        if let operation = conditions.powerLossAtOperation { disk.crash(atOperation: operation) }
    }

    func run() throws(Violation) {
        plan(.restart, in: 0)
        for client in 0..<conditions.clients { plan(.clientActs(client), in: timing.number(0...1_000)) }
        for watcher in watchers.indices { plan(.watcherActs(watcher), in: timing.number(0...1_000)) }
        for client in streamClients.indices { plan(.streamClientActs(client), in: streaming.number(0...1_000)) }
        if conditions.faultTime != nil { planFault() }
        plan(.look, in: 100_000)
        while let next = queue.next() {
            guard next.element.life == 0 || next.element.life == life?.number else { continue }
            now = next.time
            counts.steps += 1
            if counts.steps > Self.stepsMax { throw Violation("the simulation never rests") }
            try perform(next.element.action)
            if case .done = part { return }
        }
        throw Violation("nothing is left to happen")
    }

    /// - Parameter ofLife: whether it is off when the present life ends.
    func plan(_ action: Action, in time: Int, ofLife: Bool = false) {
        queue.add((ofLife ? life?.number ?? -1 : 0, action), at: now + time)
    }

    private func perform(_ action: Action) throws(Violation) {
        switch action {
        case .tick:
            plan(.tick, in: 100_000, ofLife: true)
            try step(.tick)
        case .turnEnd:
            life?.isTurnOpen = false
            try step(.turnEnded)
        case .work:
            life?.isWorkPlanned = false
            try step(.work)
        case .commandsDue:
            life?.areCommandsPlanned = false
            try step(.commandsDue)
        case .watchWork:
            life?.isWatchWorkPlanned = false
            life?.replica.store.catchUpWatches()
            try deliver()
        case .logWrites: try writeLog()
        case .logWritten: try endLogWrite()
        case .logReleases: try releaseLog()
        case .checkpointWrites: try writeCheckpoint()
        case .checkpointEnds(let isWritten): try step(.checkpointEnded(isWritten: isWritten))
        case .restart: try restart()
        case .clientActs(let client): try act(client: client)
        case .requestArrives(let number): try arrive(number)
        case .watcherActs(let watcher): try act(watcher: watcher)
        case .streamClientActs(let client): try act(streamClient: client)
        case .fault: try strike()
        case .relief(let relief): relieve(relief)
        case .look: try look()
        }
    }
}
