// SPDX-License-Identifier: Apache-2.0

import MartletBasics
public import MartletKeyspace
public import MartletRESPCodec

extension Replica {
    /// Carries out commands of a client: those that change nothing at once, the others by way of the log. Goes out as
    /// `Event.propose` does. A client hands over its next commands when it has heard of those before.
    ///
    /// - Returns: if `later`, more replies come in `Effects.commandReplies`.
    public mutating func run(
        _ request: CommandRequest, _ reply: inout ReplyWriter, at moment: Moment, into effects: inout Effects
    ) -> CommandAnswer {
        var done = 0
        let isFull = isKeyspaceFull(at: moment)
        let readsNow = canReadNow || request.allowsLateReads
        var isHeld = readsNow && isHalfway
        if readsNow, !isHeld {
            switch carryOutReads(request, from: &done, refusesGrowth: isFull, &reply, at: moment) {
            case .waits: return .later
            case .lacksBlocks: isHeld = true
            case .full: return .full(done)
            case .ended: if done == request.items.count { return .complete }
            }
        }
        if isHeld {
            read(running(request, from: done, isFull), at: moment, into: &effects)
            return .later
        }
        if let refusal = commandRefusal(request.format) {
            for item in request.items[done...] { reply.refuse(item.entry, refusal) }
            return .complete
        }
        let slot = running(request, from: done, isFull)
        if !readsNow, beginsWithRead(request, at: moment) {
            queuedCommandReads.append(slot)
        } else {
            proposeOrHold(slot, at: moment)
        }
        return .later
    }

    private mutating func running(_ request: CommandRequest, from next: Int, _ refusesGrowth: Bool) -> Int {
        commands.insert(
            CommandQueue.Running(
                client: request.client, content: .commands(request), next: next,
                reply: ReplyWriter(isRESP3: request.isRESP3), refusesGrowth: refusesGrowth, began: ticks))
    }

    /// Whether the first command needs no record, as far as this member's state tells.
    private mutating func beginsWithRead(_ request: CommandRequest, at moment: Moment) -> Bool {
        let (command, entry) = request.items[0]
        if entry.isRead { return true }
        var scratch = ReplyWriter(isRESP3: request.isRESP3)
        let call = Call(
            request.commands[command], database: request.database, now: commandTime(at: moment), client: request.client,
            user: request.user)
        return vainOutcome(entry, call, &scratch) != nil
    }

    /// Where reads of a client came to their end.
    private enum ReadsEnd {
        /// At the next command that needs a record, or behind the last.
        case ended
        /// The last of them waits.
        case waits
        /// The next one needs what isn't in memory.
        case lacksBlocks
        /// There are more, and the reply has as many bytes as it may.
        case full
    }

    /// Carries out commands as long as they change nothing.
    ///
    /// - Parameter done: the first that isn't carried out.
    private mutating func carryOutReads(
        _ request: CommandRequest, from done: inout Int, refusesGrowth: Bool, _ reply: inout ReplyWriter,
        at moment: Moment
    ) -> ReadsEnd {
        let now = commandTime(at: moment)
        let first = done
        while done < request.items.count {
            if reply.bytes.count >= request.replyBytes, done > first { return .full }
            let (command, entry) = request.items[done]
            if let text = refusal(of: entry, request.commands[command], refusesGrowth: refusesGrowth) {
                reply.refuse(entry, text)
                done += 1
                continue
            }
            let call = Call(
                request.commands[command], database: request.database, now: now, client: request.client,
                user: request.user)
            if refuses(entry, call, &reply) {
                done += 1
                continue
            }
            if keyspace.mayLackBlocks, entry.isRead, !keyspace.wantedBlocks(entry, call).isEmpty {
                return .lacksBlocks
            }
            guard let outcome = vainOutcome(entry, call, &reply) else { break }
            done += 1
            if outcome != .waits { continue }
            if wait(entry, call, isRESP3: request.isRESP3, at: moment) { return .waits }
            reply.nullArray()
        }
        return .ended
    }

    /// What stands between a command and its being carried out.
    enum BlockLack: Equatable {
        case nothing
        /// It was carried out, in pieces.
        case answered
        /// So it was, and its client wants to wait.
        case waits
        case wants([WantedBlock])

        init(_ piece: RangePiece) {
            switch piece {
            case .answered: self = .answered
            case .waits: self = .waits
            case .wants(let blocks): self = .wants(blocks)
            }
        }
    }

    /// What a client's next command lacks.
    func lack(of entry: CommandEntry, _ call: Call, _ running: inout CommandQueue.Running) -> BlockLack {
        if running.range == nil {
            let wanted = keyspace.wantedBlocks(entry, call)
            if wanted.isEmpty { return .nothing }
            running.replyBegin = running.reply.bytes.count
            guard entry.isRead, let piece = keyspace.readPiece(entry, call, &running.range, &running.reply) else {
                return .wants(wanted)
            }
            return BlockLack(piece)
        }
        guard let piece = keyspace.readPiece(entry, call, &running.range, &running.reply) else {
            preconditionFailure("\(entry.name) is no range")
        }
        return BlockLack(piece)
    }

    /// Goes on with commands that waited until the state holds everything that was acknowledged before, or for blocks.
    mutating func read(_ slot: Int, at moment: Moment, into effects: inout Effects) {
        if isHalfway { return holdBehindHalf(slot) }
        var running = commands.take(slot)
        if running.hasLeft { return commands.free(slot) }
        switch running.content {
        case .transaction(let transaction): read(transaction, &running, slot, at: moment, into: &effects)
        case .commands(let request): read(request, &running, slot, at: moment, into: &effects)
        }
    }

    private mutating func read(
        _ transaction: Transaction, _ running: inout CommandQueue.Running, _ slot: Int, at moment: Moment,
        into effects: inout Effects
    ) {
        let now = commandTime(at: moment)
        if !running.isRefused {
            // All of it is seen at one moment.
            let wanted = keyspace.mayLackBlocks ? keyspace.wantedBlocks(transaction, now: now) : []
            if !wanted.isEmpty {
                commands.put(running, in: slot)
                return order(wanted, forReadsOf: slot, at: moment, into: &effects)
            }
            _ = carryOut(transaction, &running, now: now, seed: 0)
        }
        commands.free(slot)
        effects.commandReplies.append(
            CommandReply(client: running.client, running.reply, gaps: running.gaps))
    }

    private mutating func read(
        _ request: CommandRequest, _ running: inout CommandQueue.Running, _ slot: Int, at moment: Moment,
        into effects: inout Effects
    ) {
        var end = ReadsEnd.lacksBlocks
        while true {
            if running.range == nil {
                end = carryOutReads(
                    request, from: &running.next, refusesGrowth: running.refusesGrowth, &running.reply, at: moment)
                if end != .lacksBlocks { break }
            }
            let (command, entry) = request.items[running.next]
            let call = Call(
                request.commands[command], database: request.database, now: commandTime(at: moment),
                client: request.client, user: request.user)
            let lack = lack(of: entry, call, &running)
            if case .wants(let wanted) = lack {
                commands.put(running, in: slot)
                return order(wanted, forReadsOf: slot, at: moment, into: &effects)
            }
            running.next += 1
            guard lack == .waits else { continue }
            if wait(entry, call, isRESP3: request.isRESP3, at: moment) {
                end = .waits
                break
            }
            running.reply.nullArray()
        }
        if end == .waits || end == .full || running.next == request.items.count {
            answer(
                running, slot, isLast: end != .waits, leftCount: end == .full ? request.items.count - running.next : 0,
                into: &effects)
        } else {
            let isUnreadable = isUnreadable(running.format)
            commands.put(running, in: slot)
            if isUnreadable {
                fail(slot, .notCapable, into: &effects)
            } else {
                proposeOrHold(slot, at: moment)
            }
        }
    }

    /// As `run`, for commands that are carried out together.
    ///
    /// - Parameter outside: writes the reply of a command that is not a matter of the keyspace. If the answer is
    ///   `later` it isn't called: see `CommandReply.gaps`.
    public mutating func run(
        _ transaction: Transaction, client: UInt64, _ reply: inout ReplyWriter, at moment: Moment,
        into effects: inout Effects, outside: (Int, inout ReplyWriter) -> Void
    ) -> CommandAnswer {
        let now = commandTime(at: moment)
        if let text = transaction.refusal(maximumOperations: configuration.limits.transactionOperationsMax) {
            reply.error(text)
            return .complete
        }
        if !transaction.changesState, canReadNow {
            if isHalfway || keyspace.mayLackBlocks && !keyspace.wantedBlocks(transaction, now: now).isEmpty {
                let slot = commands.insert(
                    CommandQueue.Running(
                        client: client, content: .transaction(transaction),
                        reply: ReplyWriter(isRESP3: reply.isRESP3), began: ticks))
                read(slot, at: moment, into: &effects)
                return .later
            }
            var progress = TransactionProgress()
            noteRefusals(of: transaction, client: client)
            _ = keyspace.apply(
                transaction, &progress, keys: &store, keyConditions, now: now, seed: 0, client: client, &reply,
                outside: outside)
            return .complete
        }
        for (index, item) in transaction.items.enumerated() {
            guard let text = refusal(of: item.entry, transaction.commands[index], refusesGrowth: false) else {
                continue
            }
            reply.error(text)
            return .complete
        }
        if let refusal = commandRefusal(transaction.format) {
            reply.error(refusal)
            return .complete
        }
        if transaction.items.contains(where: { $0.entry.mayGrow }), isKeyspaceFull(at: moment) {
            reply.error(Self.fullText)
            return .complete
        }
        let slot = commands.insert(
            CommandQueue.Running(
                client: client, content: .transaction(transaction), reply: ReplyWriter(isRESP3: reply.isRESP3),
                began: ticks))
        if transaction.changesState { proposeOrHold(slot, at: moment) } else { queuedCommandReads.append(slot) }
        return .later
    }

    /// Ends a client's wait; whether it waited. Of one whose command is proposed the outcome decides.
    public mutating func unblock(
        _ client: UInt64, _ unblocking: WaitingKeyspace.Unblocking, into effects: inout Effects
    ) -> Bool {
        guard commands.blocked.mayEnd(client), let waiter = commands.blocked.remove(client) else { return false }
        effects.commandReplies.append(CommandReply(client: client, bytes: waiter.reply(unblocking)))
        return true
    }

    /// Forgets a client that has gone. What it has proposed takes effect.
    public mutating func forget(client: UInt64) {
        commands.blocked.remove(client)
        commands.noteLeft(client)
    }

    /// Whether `Effects.keyEvents` are wanted.
    public var isNotifyingKeyEvents: Bool {
        get { keyspace.isNotifying }
        set { keyspace.isNotifying = newValue }
    }

    /// Clients that wait for what isn't there.
    public var blockedClients: Int { commands.blocked.count }
    /// The same, and where they wait.
    public var blockedCounts: BlockedReaders.Counts { commands.blocked.counts }

    // MARK: Time

    /// What commands of now take for the time: never below `lastStamp`. Milliseconds of the Unix clock.
    public func commandTime(at moment: Moment) -> Int64 {
        Int64(clamping: max(lastStamp, clocks.wallMilliseconds(at: moment)))
    }

    /// The clock of timeouts, in milliseconds.
    static func ticks(_ moment: Moment) -> Int64 {
        let (seconds, attoseconds) = moment.monotonic.components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }

    /// The version of the users' list; mutating for the reason of `mayHaveCommandsDue`.
    public mutating func accessVersion() -> AccessControl.Version { keyspace.access.version }

    /// Whether `commandsDue` may say a time. Mostly nobody waits, and no clock need be asked. Complexity: O(1).
    ///
    /// Mutating, as `commandsDue` is, only because a replica that stands in a class would be copied for it otherwise.
    public mutating func mayHaveCommandsDue() -> Bool { !commands.blocked.isEmpty || keyspace.nextDue != nil }

    /// When `Event.commandsDue` is: on the monotonic clock. It may come too early.
    public mutating func commandsDue(at moment: Moment) -> Duration? {
        let ticks = Self.ticks(moment)
        var due = commands.blocked.nextDeadline
        let expiry = commands.isExpiring || leadersRefusal != nil ? nil : keyspace.nextDue
        let next = min(commands.blocked.nextClaim ?? .max, expiry ?? .max)
        if next < .max {
            let (sum, overflows) = ticks.addingReportingOverflow(max(next - commandTime(at: moment), 0))
            if !overflows { due = min(due ?? .max, sum) }
        }
        return due.map { .milliseconds($0) }
    }

    /// Ends waits, looks at pending entries that have come of age, and has done what is due by itself.
    mutating func passCommandTime(at moment: Moment, into effects: inout Effects) {
        let now = commandTime(at: moment)
        for waiter in commands.blocked.removeTimedOut(ticks: Self.ticks(moment)) {
            effects.commandReplies.append(CommandReply(client: waiter.client, bytes: waiter.reply(.timeout)))
        }
        commands.blocked.wakeClaims(now: now)
        serveBlocked(now: now, into: &effects)
        guard let expiry = keyspace.nextDue, expiry <= now, !commands.isExpiring, leadersRefusal == nil else {
            return
        }
        commands.isExpiring = true
        commands.record.appendExpiry()
        commands.parts.append(.expiry)
    }

    // MARK: Waiting

    /// What becomes of a command that changes nothing now; `nil`: it needs a record.
    mutating func vainOutcome(
        _ entry: CommandEntry, _ call: Call, _ reply: inout ReplyWriter
    ) -> CommandOutcome? {
        if entry.isRead {
            return entry.concernsKeys
                ? entry.read(call, of: store, keyConditions, &reply) : keyspace.read(entry, call, &reply)
        }
        return entry.flags.contains(.blocking) ? keyspace.vainOutcome(entry, call, &reply) : nil
    }

    /// Lets a client wait.
    mutating func wait(_ entry: CommandEntry, _ call: Call, isRESP3: Bool, at moment: Moment) -> Bool {
        guard let waiter = keyspace.waiter(entry, call, ticks: Self.ticks(moment), isRESP3: isRESP3) else {
            return false
        }
        commands.blocked.add(waiter)
        return true
    }

    /// Answers whoever waits and can be answered after what has happened, or proposes its command.
    mutating func serveBlocked(now: Int64, into effects: inout Effects) {
        if isHalfway {
            mustWakeAll = true
            return
        }
        while let waiter = commands.blocked.next() {
            guard let entry = CommandTable.shared.entry(waiter.arguments) else { preconditionFailure("no command") }
            let call = Call(
                keyspace.arguments(of: waiter, now: now), database: waiter.database, now: now, client: waiter.client,
                user: waiter.user)
            var reply = ReplyWriter(isRESP3: waiter.isRESP3)
            if refuses(entry, call, &reply) {
                effects.commandReplies.append(CommandReply(client: waiter.client, reply))
                commands.blocked.settle(isServed: true)
                continue
            }
            if keyspace.mayLackBlocks, entry.isRead {
                let wanted = keyspace.wantedBlocks(entry, call)
                if !wanted.isEmpty {
                    order(wanted, for: .waiter(database: waiter.database, keys: waiter.keys), into: &effects)
                    commands.blocked.settle(isServed: false)
                    continue
                }
            }
            guard var outcome = vainOutcome(entry, call, &reply) else {
                if isUnreadable(KeyspaceRecord.Format(of: waiter.user)) {
                    reply.refuse(entry, ReplicaError.notCapable.commandText)
                    effects.commandReplies.append(CommandReply(client: waiter.client, reply))
                    commands.blocked.settle(isServed: true)
                } else if canPropose {
                    deliver(to: waiter, entry)
                    commands.blocked.settleReserved()
                } else {
                    mustWakeAll = true
                    commands.blocked.settle(isServed: false)
                }
                continue
            }
            if keyspace.leavesAlone(waiter, reply, now: now) { outcome = .waits }
            if outcome == .waits {
                commands.blocked.settle(
                    isServed: false, due: keyspace.due(call), looked: keyspace.lookedOn(waiter, now: now))
            } else {
                effects.commandReplies.append(CommandReply(client: waiter.client, reply))
                commands.blocked.settle(isServed: true)
            }
        }
    }

    /// Puts the command of one who waits into the record.
    mutating func deliver(to waiter: Waiter, _ entry: CommandEntry) {
        var waiter = waiter
        // A key whose time is over may be passed over: what comes to it wakes the waiter again.
        waiter.arguments = keyspace.arguments(of: waiter, now: .min)
        commands.record.append(waiter.arguments, database: waiter.database, user: waiter.user)
        commands.parts.append(.delivery(waiter, entry))
    }
}
