// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import MartletStorage
import MartletWALCodec

extension Simulator {
    func moment(of life: Life) -> Moment {
        let wall = wallOffset + now / 1_000
        let monotonic: Duration =
            switch flaw {
            case .countsLeasesByWallClock: .milliseconds(wall)
            case .stopsTheClock: .zero
            default: life.monotonic(now)
            }
        return Moment(monotonic: monotonic, wallMilliseconds: UInt64(wall))
    }

    /// Hands an event to the member, notes what it applied, and carries out what it wants.
    func step(_ event: Event) throws(Violation) {
        guard let life else { return }
        life.replica.step(event, at: moment(of: life), into: &life.effects)
        switch event {
        case .propose, .changeMembers, .renewLease, .read, .received: return
        case .start, .turnEnded, .tick, .synced, .checkpointEnded, .spaceExhausted, .commandsDue, .work, .stop,
            .peerUnreachable, .snapshotSent, .snapshotArrived, .snapshotInstalled, .transferLeadership:
            break
        }
        try noteEntries(life)
        try carryOut(life)
        if self.life === life { planCommands(life) }
    }

    /// What is new in the log, and what of it is applied.
    private func noteEntries(_ life: Life) throws(Violation) {
        let log = life.replica.node.log
        while life.proposedIndex < log.last {
            life.proposedIndex = life.proposedIndex + 1
            proposals[life.proposedIndex] = now
        }
        while life.notedIndex < life.replica.applied.index {
            life.notedIndex = life.notedIndex + 1
            let entry = log[life.notedIndex]
            let proposed = proposals[entry.index] ?? now
            trace.note(now, "applied", Int(entry.index.rawValue), Int(entry.term.rawValue))
            trace.add(entry.data)
            try oracle.take(applied: entry, proposed: proposed, at: now, operations)
            counts.entries += 1
        }
    }

    /// Everything that a step wants done, in any order, each thing possibly the last that the member does.
    private func carryOut(_ life: Life) throws(Violation) {
        var effects = Effects()
        swap(&effects, &life.effects)
        defer {
            effects.removeAll()
            swap(&effects, &life.effects)
        }
        if let failure = effects.failure { throw Violation("the member can't go on: \(failure)") }
        var parts = EffectPart.allCases.filter { $0.isThere(effects) }
        if parts.count > 1 { parts.shuffle(using: &ordering) }
        for part in parts {
            try carryOut(part, effects, life)
            guard self.life === life else { return }
        }
        if effects.hasWork, !life.isWorkPlanned {
            life.isWorkPlanned = true
            plan(.work, in: timing.number(0...100), ofLife: true)
        }
        if flaw == .servesStaleReads, counts.steps % 8 == 0 { life.staleStore = life.replica.store }
    }

    private func carryOut(_ part: EffectPart, _ effects: Effects, _ life: Life) throws(Violation) {
        switch part {
        case .batch:
            guard try survives(life), let number = effects.batchNumber else { return }
            life.log.submit(effects.batch, number)
            beginLogWrite(life)
            if flaw == .checkpointsAheadOfLog, life.checkpoint == nil { commitAhead(life) }
            if flaw == .answersBeforeSync { plan(.logWritten, in: 0, ofLife: true) }
        case .replies:
            for reply in effects.replies {
                guard try survives(life) else { return }
                try answer(reply)
            }
        case .reads:
            for read in effects.reads {
                guard try survives(life) else { return }
                try answer(read, life)
            }
        case .commands:
            for reply in effects.commandReplies {
                guard try survives(life) else { return }
                try take(reply)
            }
        case .watches:
            if try survives(life) { try deliver() }
        case .checkpoint:
            guard try survives(life) else { return }
            if life.checkpoint != nil { throw Violation("two checkpoints are under way") }
            life.checkpoint = effects.checkpoint
            plan(.checkpointWrites, in: timing.number(0...conditions.diskTime * 3 * slowness), ofLife: true)
        case .release:
            guard try survives(life), let index = effects.releaseBelow else { return }
            life.log.releaseBelow = index
            plan(.logReleases, in: timing.number(0...50_000), ofLife: true)
        case .ready:
            if try survives(life) { try becomeReady(life) }
        }
    }

    /// Counts an effect; false if the member ends before it.
    func survives(_ life: Life) throws(Violation) -> Bool {
        effects += 1
        if effects == deathAtEffect { try die(faults.flag() ? .process : .power) }
        return self.life === life
    }
}

/// What a step may want done.
private enum EffectPart: CaseIterable {
    case batch, replies, reads, commands, watches, checkpoint, release, ready

    func isThere(_ effects: Effects) -> Bool {
        switch self {
        case .batch: !effects.batch.isEmpty
        case .replies: !effects.replies.isEmpty
        case .reads: !effects.reads.isEmpty
        case .commands: !effects.commandReplies.isEmpty
        case .watches: effects.hasWatchWork
        case .checkpoint: effects.checkpoint != nil
        case .release: effects.releaseBelow != nil
        case .ready: effects.isReady
        }
    }
}
