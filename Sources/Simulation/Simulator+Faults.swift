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
        let host = hosts.count == 1 ? hosts[0] : faults.pick(hosts)
        let disk = host.disk
        switch faults.number(0...25) {
        case 0...3: try die(.power, host.life)
        case 4...5: try die(.process, host.life)
        case 6: try die(.stop, host.life)
        case 7...12: disk.crash(atOperation: disk.operationCount + faults.number(1...40))
        case 13: disk.fail(.sync)
        case 14: disk.fail(faults.pick([.write, .syncFolder, .rename, .create]))
        case 15:
            disk.capacity = disk.usedBytes + faults.number(0...conditions.segmentBytes * 2)
            plan(.relief(.logSpace, host.place), in: faults.number(1_000...3_000_000))
        case 16:
            host.tables.capacity = host.tables.byteCount + faults.number(0...1_000)
            plan(.relief(.tableSpace, host.place), in: faults.number(1_000...3_000_000))
        case 17:
            host.slowness = faults.pick([10, 100])
            plan(.relief(.diskSpeed, host.place), in: faults.number(1_000...2_000_000))
        case 18...20: deathAtEffect = effects + faults.number(1...30)
        default:
            // By seconds or by days, both ways.
            let size = faults.pick([2_000, 20_000, 100_000_000])
            let offset = max(0, host.wallOffset + faults.number(-size / 3...size))
            if mayTouchClock(of: host) { (host.wallOffset, host.clockSet) = (offset, now) }
        }
    }

    func relieve(_ relief: Relief, _ host: Host) {
        switch relief {
        case .logSpace: host.disk.capacity = nil
        case .tableSpace: host.tables.capacity = nil
        case .diskSpeed: host.slowness = 1
        }
    }

    /// Nothing fails any more.
    func relieveAll() {
        network.heal()
        (network.losses, network.doubles, network.lateness) = (0, 0, 0)
        for host in hosts {
            host.disk.relieve()
            host.pausedUntil = 0
            for relief in [Relief.logSpace, .tableSpace, .diskSpeed] { relieve(relief, host) }
        }
    }

    /// Ends a life; the machine's next begins after a while.
    func die(_ death: Death, _ life: Life?) throws(Violation) {
        guard let life, life.isAlive else { return }
        trace.note(now, "died", life.number, effects, "\(life.host.id) \(death)")
        counts.deaths += 1
        if case .stop = death {
            try step(.stop, life)
            try step(.turnEnded, life)
            guard life.isAlive else { return }
            // Whoever waits was told; the log is set in order, if the disk lets it.
            try? life.log.appender.close()
        }
        let host = life.host
        host.life = nil
        host.pausedUntil = 0
        loseMemory(death, host)
        for number in life.inFlight.sorted() { try finish(number, .unknown) }
        for place in watchers.indices where watchers[place].life === life { watchers[place].disconnect() }
        forgetStreamAnswers(of: life)
        forgetOutboxAnswers(of: life)
        // The machine tells who speaks to a process that has ended; one without power tells nothing.
        if death != .power, hosts.count > 1 { plan(.memberIsGone(host.place), in: faults.number(100...300_000)) }
        if host.isGone { return }
        plan(.restart(host.place), in: timing.number(1_000...timing.pick([5_000, 300_000, 3_000_000])))
    }

    /// The others hear that a member's process has ended, those that can reach its machine.
    func tellGone(_ gone: Host) throws(Violation) {
        for host in hosts where host !== gone && !network.isCut(from: gone.place, to: host.place) {
            guard let life = host.life, host.pausedUntil <= now else { continue }
            try step(.peerGone(gone.id), life)
            openTurn(life)
        }
    }

    /// What a new process finds on the disk.
    func loseMemory(_ death: Death, _ host: Host) {
        switch death {
        case .power: host.disk.restart(losing: faults.once(in: 5) ? .everything : .random)
        case .process, .stop: host.disk.restart(losing: .nothing)
        }
    }
}
