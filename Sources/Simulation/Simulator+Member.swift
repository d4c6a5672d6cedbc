// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import MartletStorage
import MartletWALCodec

extension Simulator {
    func moment(of life: Life) -> Moment {
        let wall = life.host.wallOffset + now / 1_000
        let monotonic: Duration =
            switch flaw {
            case .countsLeasesByWallClock: .milliseconds(wall)
            case .stopsTheClock: .zero
            default: life.monotonic(now)
            }
        return Moment(monotonic: monotonic, wallMilliseconds: UInt64(wall))
    }

    /// Hands an event to the member, notes what it applied, and carries out what it wants.
    func step(_ event: Event, _ life: Life) throws(Violation) {
        guard life.isAlive else { return }
        life.replica.step(event, at: moment(of: life), into: &life.effects)
        countLeasedReads(life)
        switch event {
        case .propose, .changeMembers, .renewLease, .read, .received: return
        case .start, .turnEnded, .tick, .synced, .checkpointEnded, .spaceExhausted, .commandsDue, .work, .stop,
            .blocksLoaded, .peerUnreachable, .peerGone, .snapshotSent, .snapshotArrived, .snapshotInstalled,
            .transferLeadership:
            break
        }
        try noteEntries(life)
        try noteLeader(life)
        try carryOut(life)
        if life.isAlive { planCommands(life) }
    }

    /// What is new in the log, and what of it is applied.
    private func noteEntries(_ life: Life) throws(Violation) {
        noteClocks(life)
        if life.proposedIndex == life.replica.node.log.last, life.notedIndex == life.replica.applied.index { return }
        let log = life.replica.node.log
        life.proposedIndex = max(min(life.proposedIndex, log.last), log.base.index)
        while life.proposedIndex < log.last {
            life.proposedIndex = life.proposedIndex + 1
            let id = log[life.proposedIndex].id
            if proposals[id] == nil {
                proposals[id] = now
                try checkStamp(of: log[life.proposedIndex], life)
            }
        }
        // Another member's state may have brought it further.
        life.notedIndex = max(life.notedIndex, log.base.index)
        while life.notedIndex < life.replica.applied.index {
            life.notedIndex = life.notedIndex + 1
            let entry = log[life.notedIndex]
            let proposed = proposals[entry.id] ?? now
            trace.note(
                now, "applied", Int(entry.index.rawValue), Int(entry.term.rawValue),
                "\(life.host.id) \(Self.words(entry))")
            trace.add(entry.data)
            try oracle.take(
                applied: entry, proposed: proposed, at: now, operations, life.replica.store)
            counts.entries += 1
            if entry.kind == .jointChange, entry.data == JointChange.leavingData { counts.replacements += 1 }
            spoil(life, entry)
        }
    }

    private static func words(_ entry: Entry) -> String {
        guard entry.kind == .normal, !entry.data.isEmpty else { return "\(entry.kind)" }
        return (try? LogRecord(entry.data)).map { "\($0.request)" } ?? "unreadable"
    }

    /// Election safety: one leader a term. Source: Raft figure 3.
    private func noteLeader(_ life: Life) throws(Violation) {
        guard hosts.count > 1, let term = Self.termLed(by: &life.replica) else { return }
        let known = leaders.updateValue(life.host.id, forKey: term)
        if known == nil {
            counts.leaders += 1
            termsBegan[term] = now
            trace.note(now, "leads", life.host.place, Int(term.rawValue))
            overthrow(life.host)
        }
        if let known, known != life.host.id {
            throw Violation("\(known) and \(life.host.id) lead in term \(term)")
        }
        let broken = life.replica.node.violatedInvariants()
        if !broken.isEmpty { throw Violation("\(life.host.id): \(broken)") }
    }

    /// Asked after each step: of an object's part that isn't lent the whole would be copied for the question.
    static func termLed(by replica: inout Replica) -> Term? { replica.isLeader ? replica.term : nil }

    /// All members hold the same after the same entries. Source: Raft figure 3, state machine safety.
    func compareDigest(_ life: Life) throws(Violation) {
        if life.replica.isApplyHalted { return }
        let index = life.replica.applied.index
        let digest = life.replica.stateDigest()
        let known = digests.updateValue(digest, forKey: index)
        if let known, known != digest { throw Violation("after \(index) \(life.host.id) differs from others") }
    }

    /// Everything that a step wants done, in any order, each thing possibly the last that the member does.
    private func carryOut(_ life: Life) throws(Violation) {
        var effects = Effects()
        swap(&effects, &life.effects)
        defer {
            effects.removeAll()
            swap(&effects, &life.effects)
        }
        if let failure = effects.failure {
            guard failure == .removed else { throw Violation("the member can't go on: \(failure)") }
            life.host.isGone = true
            return try die(.process, life)
        }
        var parts = EffectPart.allCases.filter { $0.isThere(effects) }
        if parts.count > 1 { parts.shuffle(using: &ordering) }
        for part in parts {
            try carryOut(part, effects, life)
            guard life.isAlive else { return }
        }
        if effects.hasWork, !life.isWorkPlanned {
            life.isWorkPlanned = true
            plan(.work, in: timing.number(0...100), of: life)
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
            if flaw == .answersBeforeSync { plan(.logWritten, in: 0, of: life) }
        case .replies:
            for reply in effects.replies {
                guard try survives(life) else { return }
                try answer(reply, life)
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
            if try survives(life) { try deliver(life) }
        case .checkpoint:
            guard try survives(life) else { return }
            if life.checkpoint != nil { throw Violation("two checkpoints are under way") }
            life.checkpoint = effects.checkpoint
            plan(.checkpointWrites, in: timing.number(0...conditions.diskTime * 3 * life.host.slowness), of: life)
        case .blocks:
            for order in effects.blockOrders {
                plan(.blocksAreRead(order), in: timing.number(0...conditions.diskTime * life.host.slowness), of: life)
            }
        case .release:
            guard try survives(life), let index = effects.releaseBelow else { return }
            life.log.releaseBelow = index
            plan(.logReleases, in: timing.number(0...50_000), of: life)
        case .ready:
            if try survives(life) { try becomeReady(life) }
        case .messages:
            for message in effects.messages {
                guard try survives(life) else { return }
                send(message, from: life)
            }
        case .states:
            for order in effects.snapshotsToSend { send(order, from: life) }
        case .arrival:
            guard try survives(life) else { return }
            if case .install = effects.arrival {
                plan(.stateInstalled, in: timing.number(0...conditions.diskTime * life.host.slowness), of: life)
            } else {
                life.host.staged = nil
                life.isReceiving = false
            }
        }
    }

    /// Counts an effect; false if the member ends before it.
    func survives(_ life: Life) throws(Violation) -> Bool {
        effects += 1
        if effects == deathAtEffect { try die(faults.flag() ? .process : .power, life) }
        return life.isAlive
    }
}

/// What a step may want done.
private enum EffectPart: CaseIterable {
    case batch, replies, reads, commands, watches, checkpoint, blocks, release, ready, messages, states, arrival

    func isThere(_ effects: Effects) -> Bool {
        switch self {
        case .batch: !effects.batch.isEmpty
        case .replies: !effects.replies.isEmpty
        case .reads: !effects.reads.isEmpty
        case .commands: !effects.commandReplies.isEmpty
        case .watches: effects.hasWatchWork
        case .checkpoint: effects.checkpoint != nil
        case .blocks: !effects.blockOrders.isEmpty
        case .release: effects.releaseBelow != nil
        case .ready: effects.isReady
        case .messages: !effects.messages.isEmpty
        case .states: !effects.snapshotsToSend.isEmpty
        case .arrival: effects.arrival != nil
        }
    }
}
