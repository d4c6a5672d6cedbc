// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec

extension Replica {
    /// Applies a record of this member's own, of which it knows whose the items are.
    mutating func apply(_ proposed: CommandQueue.Plan, at moment: Moment, into effects: inout Effects) {
        var plan = proposed
        plan.stamp = max(plan.stamp, applyTime)
        if case .store(let slot) = plan.content, !keyspace.mayLackBlocks {
            keyspace.isSignalling = !commands.blocked.isEmpty
            carryOut(store: slot, plan, into: &effects)
            noteKeyspaceChange(plan.byteCount)
            return finishCommands(at: moment, into: &effects)
        }
        var record = CommandQueue.HaltedRecord(content: .plan(plan, part: 0), byteCount: plan.byteCount)
        goOn(&record, at: moment, into: &effects)
    }

    /// Goes on with the record that waited for blocks, if they have come.
    mutating func goOn(at moment: Moment, into effects: inout Effects) {
        guard var record = commands.halted, !record.isWaiting else { return }
        commands.halted = nil
        record.isHalfway = false
        goOn(&record, at: moment, into: &effects)
        releaseBehindHalf(at: moment, into: &effects)
    }

    private mutating func goOn(
        _ record: inout CommandQueue.HaltedRecord, at moment: Moment, into effects: inout Effects
    ) {
        keyspace.isSignalling = !commands.blocked.isEmpty
        let wanted: [WantedBlock]
        switch record.content {
        case .plan(let plan, var part):
            wanted = carryOut(plan, from: &part, &record, at: moment, into: &effects)
            if !wanted.isEmpty { record.content = .plan(plan, part: part) }
        case .record(var progress):
            wanted = carryOut(&progress, &record)
            if !wanted.isEmpty { record.content = .record(progress) }
        }
        if wanted.isEmpty {
            noteKeyspaceChange(record.byteCount)
            finishCommands(at: moment, into: &effects)
        } else {
            record.isWaiting = true
            commands.halted = record
            order(wanted, for: .apply, into: &effects)
        }
    }

    /// A record of which nobody here waits for replies.
    ///
    /// - Returns: what it lacks; empty at its end.
    private mutating func carryOut(
        _ progress: inout RecordProgress, _ record: inout CommandQueue.HaltedRecord
    ) -> [WantedBlock] {
        var reply = ReplyWriter()
        swap(&reply, &progress.reply)
        reply.isForNobody = true
        let conditions = keyConditions
        while true {
            let stop = keyspace.apply(
                &progress, keys: &store, conditions, notBefore: applyTime, &reply, before: { _, _ in },
                after: { _, _, reply in reply.removeAll() }, outside: { _, _, _ in })
            hasPut = true
            switch stop {
            case .end: return []
            case .wants(let wanted):
                record.isHalfway = progress.isHalfway
                swap(&reply, &progress.reply)
                return wanted
            case .store(let bytes, _, let now, let seed):
                // Read and checked with the record.
                guard let request = try? StoreRequest(record: bytes) else { preconditionFailure("an unread item") }
                var result: Result<StoreTransactionResponse, ReplicaError>?
                let wanted = carryOut(request, &record.store, now: now, seed: seed, &result)
                if !wanted.isEmpty {
                    record.isHalfway = record.store?.isHalfway == true
                    return wanted
                }
                progress.passItem()
            }
        }
    }

    /// - Parameter part: the next of the plan's.
    /// - Returns: what it lacks; empty at the end of the plan.
    private mutating func carryOut(
        _ plan: CommandQueue.Plan, from part: inout Int, _ record: inout CommandQueue.HaltedRecord, at moment: Moment,
        into effects: inout Effects
    ) -> [WantedBlock] {
        let parts = plan.parts
        while part < parts.count {
            var wanted: [WantedBlock] = []
            switch parts[part] {
            case .commands(let slot, let upTo):
                wanted = carryOut(slot, upTo: upTo, plan, &record.item, at: moment, into: &effects)
            case .transaction(let slot):
                wanted = carryOut(slot, plan, record.item, &record.isHalfway, into: &effects)
                if wanted.isEmpty { record.item += 1 }
            case .store(let slot):
                wanted = carryOut(store: slot, plan, &record, into: &effects)
                if wanted.isEmpty { record.item += 1 }
            case .delivery(let waiter, let entry):
                wanted = carryOut(waiter, entry, plan, record.item, at: moment, into: &effects)
                if wanted.isEmpty { record.item += 1 }
            case .expiry:
                wanted = keyspace.wantedBlocksDue(now: plan.stamp)
                if wanted.isEmpty {
                    keyspace.carryOutDue(now: plan.stamp)
                    commands.isExpiring = false
                    record.item += 1
                }
            }
            if !wanted.isEmpty { return wanted }
            part += 1
        }
        return []
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
        let progress: RecordProgress
        do throws(KeyspaceRecordError) {
            progress = try RecordProgress(record.span.bytes)
        } catch {
            throw .malformed
        }
        for item in progress.storeItems { _ = try StoreRequest(record: item) }
        var record = CommandQueue.HaltedRecord(content: .record(progress), byteCount: record.count)
        goOn(&record, at: moment, into: &effects)
    }

    /// What a record changes is about as much as it says, and what is written again because of it.
    private mutating func noteKeyspaceChange(_ byteCount: Int) {
        keyspaceProgress.changedBytes += byteCount + keyspace.takeRewrittenBytes()
        keyspaceProgress.measuredBytes += byteCount
    }

    // MARK: Items

    /// The next commands of one client.
    ///
    /// - Returns: what the next of them lacks.
    private mutating func carryOut(
        _ slot: Int, upTo end: Int, _ plan: CommandQueue.Plan, _ item: inout Int, at moment: Moment,
        into effects: inout Effects
    ) -> [WantedBlock] {
        var running = commands.take(slot)
        guard case .commands(let request) = running.content else { preconditionFailure("no commands in \(slot)") }
        var waits = false
        var call = Call(
            request.commands[request.items[end - 1].command], database: request.database, now: plan.stamp,
            client: request.client, user: request.user)
        var leftCount = 0
        for index in running.next..<end {
            // What only reads behind the last change needn't be of this moment: it may be asked again.
            if running.reply.bytes.count >= request.replyBytes, end == request.items.count, running.range == nil,
                request.items[index...].allSatisfy({ $0.entry.isRead })
            {
                leftCount = end - index
                break
            }
            let (command, entry) = request.items[index]
            request.commands.move(&call.arguments, to: command)
            call.seed = 0
            let outcome: CommandOutcome
            if let text = refusal(of: entry, call.arguments, refusesGrowth: running.refusesGrowth) {
                running.reply.refuse(entry, text)
                outcome = .failed
            } else if running.range == nil, refuses(entry, call, &running.reply) {
                if entry.isWrite { item += 1 }
                outcome = .failed
            } else if entry.concernsKeys {
                if entry.isWrite {
                    item += 1
                    hasPut = true
                }
                outcome = entry.apply(call, to: &store, keyConditions, &running.reply)
            } else {
                var lack = BlockLack.nothing
                if keyspace.mayLackBlocks {
                    running.next = index
                    lack = self.lack(of: entry, call, &running)
                    if case .wants(let wanted) = lack {
                        commands.put(running, in: slot)
                        return wanted
                    }
                    if lack == .answered { continue }
                }
                if lack == .waits {
                    outcome = .waits
                } else if entry.isRead {
                    outcome = keyspace.read(entry, call, &running.reply)
                } else {
                    call.seed = KeyspaceRecord.seed(plan.seed, item: item)
                    item += 1
                    outcome = keyspace.apply(entry, call, &running.reply)
                }
            }
            guard outcome == .waits else { continue }
            waits = !running.hasLeft && wait(entry, call, isRESP3: request.isRESP3, at: moment)
            if waits { keyspace.isSignalling = true } else { running.reply.nullArray() }
        }
        running.next = end
        if end < request.items.count {
            commands.put(running, in: slot)
        } else {
            answer(running, slot, isLast: !waits, leftCount: leftCount, into: &effects)
        }
        return []
    }

    private mutating func carryOut(
        _ slot: Int, _ plan: CommandQueue.Plan, _ item: Int, _ isHalfway: inout Bool, into effects: inout Effects
    ) -> [WantedBlock] {
        var running = commands.take(slot)
        guard case .transaction(let transaction) = running.content else { preconditionFailure("nothing in \(slot)") }
        let seed = KeyspaceRecord.seed(plan.seed, item: item)
        let wanted = carryOut(transaction, &running, now: plan.stamp, seed: seed)
        if !wanted.isEmpty {
            isHalfway = running.transaction.isHalfway
            commands.put(running, in: slot)
            return wanted
        }
        commands.free(slot)
        effects.commandReplies.append(
            CommandReply(client: running.client, running.reply, gaps: running.gaps))
        return []
    }

    mutating func carryOut(
        _ transaction: Transaction, _ running: inout CommandQueue.Running, now: Int64, seed: UInt64
    ) -> [WantedBlock] {
        if !running.transaction.hasBegun { noteRefusals(of: transaction, client: running.client) }
        var gaps = running.gaps
        let wanted = keyspace.apply(
            transaction, &running.transaction, keys: &store, keyConditions, now: now, seed: seed,
            client: running.client, &running.reply
        ) { command, reply in gaps.append((reply.bytes.count, command)) }
        hasPut = hasPut || transaction.concernsKeys
        running.gaps = gaps
        if wanted.isEmpty {
            running.gaps = gaps.map { (running.transaction.shifted($0.offset, ofCommand: $0.command), $0.command) }
        }
        return wanted
    }

    /// The command of one who waits.
    ///
    /// - Returns: what it lacks.
    private mutating func carryOut(
        _ waiter: Waiter, _ entry: CommandEntry, _ plan: CommandQueue.Plan, _ item: Int, at moment: Moment,
        into effects: inout Effects
    ) -> [WantedBlock] {
        let call = Call(
            waiter.arguments, database: waiter.database, now: plan.stamp,
            seed: KeyspaceRecord.seed(plan.seed, item: item), client: waiter.client, user: waiter.user)
        var reply = ReplyWriter(isRESP3: waiter.isRESP3)
        var outcome = CommandOutcome.failed
        if !refuses(entry, call, &reply) {
            if keyspace.mayLackBlocks {
                let wanted = keyspace.wantedBlocks(entry, call)
                if !wanted.isEmpty { return wanted }
            }
            outcome = keyspace.apply(entry, call, &reply)
        }
        if keyspace.leavesAlone(waiter, reply, now: plan.stamp) { outcome = .waits }
        guard outcome == .waits else {
            let released = release(waiter, isServed: true, due: .init(), Self.ticks(moment), into: &effects)
            if released == .served {
                effects.commandReplies.append(CommandReply(client: waiter.client, reply))
            }
            // There may be more than it took.
            if !commands.blocked.isEmpty {
                for name in waiter.keys {
                    keyspace.signals.append(.filled(database: waiter.database, name: name))
                }
            }
            return []
        }
        release(
            waiter, isServed: false, due: keyspace.due(call), Self.ticks(moment), into: &effects)
        return []
    }

    @discardableResult
    mutating func release(
        _ waiter: Waiter, isServed: Bool, due: Waiter.Due, _ ticks: Int64?, into effects: inout Effects
    ) -> BlockedReaders.Release {
        let released = commands.blocked.release(
            waiter.client, isServed: isServed, ticks: ticks, due: due)
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
