// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec

extension Replica {
    /// Applies a record of this member's own, of which it knows whose the items are.
    mutating func apply(_ proposed: CommandQueue.Plan, at moment: Moment, into effects: inout Effects) {
        var plan = proposed
        plan.stamp = max(plan.stamp, applyTime)
        var item = 0
        keyspace.isSignalling = !commands.blocked.isEmpty
        for part in plan.parts {
            switch part {
            case .commands(let slot, let upTo):
                carryOut(slot, upTo: upTo, plan, &item, at: moment, into: &effects)
            case .transaction(let slot):
                carryOut(slot, plan, item, into: &effects)
                item += 1
            case .delivery(let waiter, let entry):
                carryOut(waiter, entry, plan, item, at: moment, into: &effects)
                item += 1
            case .expiry:
                keyspace.expireKeys(now: plan.stamp)
                commands.isExpiring = false
                item += 1
            }
        }
        noteKeyspaceChange(plan.byteCount)
        finishCommands(at: moment, into: &effects)
    }

    /// What records take for the time, the same at every member: a new leader's may be behind what its log holds.
    private var applyTime: Int64 { Int64(clamping: cluster.stamp) }

    /// A record of this member's own that came back from the leader, with the leader's stamp.
    mutating func apply(
        forwarded id: UInt64, _ record: [UInt8], at moment: Moment, into effects: inout Effects
    ) throws(RecordError) {
        var plan = commands.takeForwarded(id)
        guard let (stamp, seed) = KeyspaceRecord.head(of: record.span.bytes) else { throw .malformed }
        (plan.stamp, plan.seed) = (stamp, seed)
        apply(plan, at: moment, into: &effects)
    }

    /// Applies a record of which nobody here waits for replies.
    mutating func apply(
        keyspaceRecord record: [UInt8], at moment: Moment, into effects: inout Effects
    ) throws(RecordError) {
        keyspace.isSignalling = !commands.blocked.isEmpty
        var reply = ReplyWriter()
        do throws(KeyspaceRecordError) {
            try keyspace.apply(
                record: record.span.bytes, notBefore: applyTime, &reply, before: { _, _ in },
                after: { _, _, reply in reply.removeAll() },
                outside: { _, _, _ in })
        } catch {
            throw .malformed
        }
        noteKeyspaceChange(record.count)
        finishCommands(at: moment, into: &effects)
    }

    /// What a record changes is about as much as it says.
    private mutating func noteKeyspaceChange(_ byteCount: Int) {
        keyspaceProgress.changedBytes += byteCount
        keyspaceProgress.measuredBytes += byteCount
    }

    // MARK: Items

    /// The next commands of one client.
    private mutating func carryOut(
        _ slot: Int, upTo end: Int, _ plan: CommandQueue.Plan, _ item: inout Int, at moment: Moment,
        into effects: inout Effects
    ) {
        var running = commands.take(slot)
        guard case .commands(let request) = running.content else { preconditionFailure("no commands in \(slot)") }
        var waits = false
        for index in running.next..<end {
            let (command, entry) = request.items[index]
            var call = Call(
                request.commands[command], database: request.database, now: plan.stamp, client: request.client)
            let outcome: CommandOutcome
            if running.refusesGrowth, entry.mayGrow {
                running.reply.error(Self.fullText)
                outcome = .failed
            } else if entry.isRead {
                outcome = keyspace.read(entry, call, &running.reply)
            } else {
                call.seed = KeyspaceRecord.seed(plan.seed, item: item)
                item += 1
                outcome = keyspace.apply(entry, call, &running.reply)
            }
            guard outcome == .waits else { continue }
            waits = !running.hasLeft && wait(entry, call, isRESP3: request.isRESP3, at: moment)
            if waits { keyspace.isSignalling = true } else { running.reply.nullArray() }
        }
        running.next = end
        if end < request.items.count {
            commands.put(running, in: slot)
        } else {
            answer(running, slot, isLast: !waits, into: &effects)
        }
    }

    private mutating func carryOut(
        _ slot: Int, _ plan: CommandQueue.Plan, _ item: Int, into effects: inout Effects
    ) {
        var running = commands.take(slot)
        guard case .transaction(let transaction) = running.content else { preconditionFailure("nothing in \(slot)") }
        var gaps: [CommandReply.Gap] = []
        keyspace.apply(
            transaction, now: plan.stamp, seed: KeyspaceRecord.seed(plan.seed, item: item), client: running.client,
            &running.reply
        ) { command, reply in gaps.append((reply.bytes.count, command)) }
        commands.free(slot)
        effects.commandReplies.append(
            CommandReply(client: running.client, bytes: running.reply.bytes, gaps: gaps))
    }

    /// The command of one who waits.
    private mutating func carryOut(
        _ waiter: Waiter, _ entry: CommandEntry, _ plan: CommandQueue.Plan, _ item: Int, at moment: Moment,
        into effects: inout Effects
    ) {
        let call = Call(
            waiter.arguments, database: waiter.database, now: plan.stamp,
            seed: KeyspaceRecord.seed(plan.seed, item: item), client: waiter.client)
        var reply = ReplyWriter(isRESP3: waiter.isRESP3)
        var outcome = keyspace.apply(entry, call, &reply)
        if waiter.isLeftAlone(by: reply) { outcome = .waits }
        guard outcome == .waits else {
            let released = release(waiter, isServed: true, claimDueAt: nil, Self.ticks(moment), into: &effects)
            if released == .served {
                effects.commandReplies.append(CommandReply(client: waiter.client, bytes: reply.bytes))
            }
            // There may be more than it took.
            if !commands.blocked.isEmpty {
                for name in waiter.keys {
                    keyspace.signals.append(.filled(database: waiter.database, name: name))
                }
            }
            return
        }
        release(
            waiter, isServed: false, claimDueAt: keyspace.claimDueAt(call), Self.ticks(moment), into: &effects)
    }

    @discardableResult
    mutating func release(
        _ waiter: Waiter, isServed: Bool, claimDueAt: Int64?, _ ticks: Int64?, into effects: inout Effects
    ) -> BlockedReaders.Release {
        let released = commands.blocked.release(
            waiter.client, isServed: isServed, ticks: ticks, claimDueAt: claimDueAt)
        if released == .timedOut {
            effects.commandReplies.append(CommandReply(client: waiter.client, bytes: waiter.reply(.timeout)))
        }
        return released
    }

    // MARK: Afterwards

    private mutating func finishCommands(at moment: Moment, into effects: inout Effects) {
        if !keyspace.signals.isEmpty {
            commands.blocked.wake(keyspace.signals)
            keyspace.signals.removeAll(keepingCapacity: true)
            serveBlocked(now: commandTime(at: moment), into: &effects)
        }
        if !keyspace.events.isEmpty {
            effects.keyEvents += keyspace.events
            keyspace.events.removeAll(keepingCapacity: true)
        }
    }
}
