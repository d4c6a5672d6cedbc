// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletReplica
import MartletSimulatedDisk
import MartletStorage

extension Simulator {
    /// How a life ends.
    enum Death {
        /// Everything that is not synced may be lost.
        case power
        /// The machine goes on: what was written is there, synced or not.
        case process
        /// Told to stop, and given the time.
        case stop
    }

    /// In one run; after so many it must get somewhere.
    private static let faultsMax = 40

    func planFault() {
        guard let time = conditions.faultTime, counts.faults < Self.faultsMax else { return }
        plan(.fault, in: faults.number(1...time * 2))
    }

    func strike() throws(Violation) {
        guard case .busy = part else { return }
        planFault()
        counts.faults += 1
        switch faults.number(0...25) {
        case 0...3: try die(.power)
        case 4...5: try die(.process)
        case 6: try die(.stop)
        case 7...12: disk.crash(atOperation: disk.operationCount + faults.number(1...40))
        case 13: disk.fail(.sync)
        case 14: disk.fail(faults.pick([.write, .syncFolder, .rename, .create]))
        case 15:
            disk.capacity = disk.usedBytes + faults.number(0...conditions.segmentBytes * 2)
            plan(.relief(.logSpace), in: faults.number(1_000...3_000_000))
        case 16:
            tables.capacity = tables.byteCount + faults.number(0...1_000)
            plan(.relief(.tableSpace), in: faults.number(1_000...3_000_000))
        case 17:
            slowness = faults.pick([10, 100])
            plan(.relief(.diskSpeed), in: faults.number(1_000...2_000_000))
        case 18...20: deathAtEffect = effects + faults.number(1...30)
        default:
            // By seconds or by days, both ways.
            let size = faults.pick([2_000, 20_000, 100_000_000])
            wallOffset = max(0, wallOffset + faults.number(-size / 3...size))
        }
    }

    func relieve(_ relief: Relief) {
        switch relief {
        case .logSpace: disk.capacity = nil
        case .tableSpace: tables.capacity = nil
        case .diskSpeed: slowness = 1
        }
    }

    func relieveAll() {
        disk.relieve()
        for relief in [Relief.logSpace, .tableSpace, .diskSpeed] { relieve(relief) }
    }

    /// Ends the present life; the next begins after a while.
    func die(_ death: Death) throws(Violation) {
        guard let life else { return }
        trace.note(now, "died", life.number, effects, "\(death)")
        counts.deaths += 1
        if case .stop = death {
            try step(.stop)
            try step(.turnEnded)
            guard self.life === life else { return }
            // Whoever waits was told; the log is set in order, if the disk lets it.
            try? life.log.appender.close()
        }
        self.life = nil
        loseMemory(death)
        for number in life.inFlight.sorted() { try finish(number, .unknown) }
        for place in watchers.indices { watchers[place].disconnect() }
        forgetStreamAnswers()
        plan(.restart, in: timing.number(1_000...timing.pick([5_000, 300_000, 3_000_000])))
    }

    /// What a new process finds on the disk.
    func loseMemory(_ death: Death) {
        switch death {
        case .power: disk.restart(losing: faults.once(in: 5) ? .everything : .random)
        case .process, .stop: disk.restart(losing: .nothing)
        }
    }
}
