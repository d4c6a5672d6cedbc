// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import MartletRaft

extension Replica {
    /// Why no command can be proposed now.
    ///
    /// - Parameter format: what a member must read to carry them out.
    func commandRefusal(_ format: @autoclosure () -> KeyspaceRecord.Format) -> StaticString? {
        switch unavailability {
        case nil: isUnreadable(format()) ? ReplicaError.notCapable.commandText : nil
        case .stopped: "UNCERTAIN the member ends"
        default: "CLUSTERDOWN the member has no leader: the command took no effect"
        }
    }

    /// Whether a member is there that can't read the record of a command. Asked when the command comes, and again where
    /// it is put into a record after a wait: by then others may be members.
    ///
    /// - Parameter format: not worked out where all members read everything, as they mostly do.
    func isUnreadable(_ format: @autoclosure () -> KeyspaceRecord.Format) -> Bool {
        !allRead(.latest) && !allRead(format())
    }

    /// Whether commands wait for those before them. Half of what may be proposed is theirs, so that etcd's clients are
    /// never refused because of them; and they wait where those would be refused.
    ///
    /// A new leader among others first applies what was committed before, and who doesn't lead waits for somebody who
    /// does.
    ///
    /// It changes nothing; but lent for reading alone the replica would be copied for each command.
    private var isCommandRoomUsedUp: Bool {
        mutating get {
            if !canPropose { return true }
            let limits = configuration.limits
            return commands.proposedBytes + commands.record.byteCount >= limits.pendingBytesMax / 2
                || uncheckpointedBytes >= limits.uncheckpointedBytesMax || congestion != nil
        }
    }

    /// Whether there is somebody, this member or another, who puts records into the log.
    var canPropose: Bool {
        if isAlone { return true }
        return isLeader ? hasBegunTerm : node.leader != nil
    }

    /// Whether what comes now waits for room.
    var mustHoldCommands: Bool {
        mutating get { commands.hasHeld || isCommandRoomUsedUp }
    }

    mutating func proposeOrHold(_ slot: Int, at moment: Moment) {
        if mustHoldCommands {
            commands.hold(.commands(slot: slot))
        } else {
            propose(slot, at: moment)
        }
    }

    /// Proposes what waits for room, as far as there is some.
    mutating func proposeHeld(at moment: Moment, into effects: inout Effects) {
        while commands.hasHeld, !isCommandRoomUsedUp {
            let held = commands.nextHeld()
            if isUnreadable(format(of: held)) {
                fail(held, .notCapable, into: &effects)
                continue
            }
            switch held {
            case .commands(let slot): propose(slot, at: moment)
            case .store(let slot): commands.stores.due.append(slot)
            }
        }
    }

    /// What a member must read to carry out what was held back.
    private func format(of held: CommandQueue.Held) -> KeyspaceRecord.Format {
        switch held {
        case .commands(let slot): commands.running[slot]?.format ?? .first
        case .store: .storesAndUsers
        }
    }

    private mutating func propose(_ slot: Int, at moment: Moment) {
        switch commands.content(in: slot) {
        case .commands(let request): propose(request, slot, at: moment)
        case .transaction(let transaction):
            commands.record.append(transaction)
            commands.parts.append(.transaction(slot: slot))
            if !commands.blocked.isEmpty {
                for (index, item) in transaction.items.enumerated() where item.entry.fillsKeys {
                    anticipate(transaction.commands[index], database: item.database)
                }
            }
        }
        closeRecordIfFull(at: moment)
    }

    private mutating func propose(_ request: CommandRequest, _ slot: Int, at moment: Moment) {
        guard let first = commands.running[slot]?.next, first < request.items.count else { return }
        let refusesGrowth = commands.running[slot]?.refusesGrowth == true
        var begin = first
        var arguments = request.commands[request.items[first].command]
        for index in first..<request.items.count {
            let (command, entry) = request.items[index]
            request.commands.move(&arguments, to: command)
            if entry.isRead || refusal(of: entry, arguments, refusesGrowth: refusesGrowth) != nil { continue }
            commands.record.append(arguments, database: request.database, user: request.user)
            if !commands.blocked.isEmpty, entry.fillsKeys {
                commands.parts.append(.commands(slot: slot, upTo: index + 1))
                begin = index + 1
                anticipate(arguments, database: request.database)
            }
            // What goes to another leader may get lost on the way, each record by itself: one client's commands then
            // stay in one.
            if isLeader, commands.record.byteCount >= KeyspaceRecord.preferredBytes {
                if begin <= index { commands.parts.append(.commands(slot: slot, upTo: index + 1)) }
                begin = index + 1
                closeOpenRecord(at: moment)
            }
        }
        if begin < request.items.count {
            commands.parts.append(.commands(slot: slot, upTo: request.items.count))
        }
    }

    /// Hands what is about to come to those who wait for it, within the same record: they needn't wait for another.
    mutating func anticipate(_ arguments: Arguments, database: Int) {
        let name = arguments.array(1)
        guard commands.blocked.hasTakers(database: database, name: name) else { return }
        // Some of them may be users': all are looked at when it has come.
        if !allRead(.storesAndUsers) { return }
        for waiter in commands.blocked.reserve(database: database, name: name) {
            guard let entry = CommandTable.shared.entry(waiter.arguments) else { preconditionFailure("no command") }
            deliver(to: waiter, entry)
        }
    }

    private mutating func closeRecordIfFull(at moment: Moment) {
        if commands.record.byteCount >= KeyspaceRecord.preferredBytes { closeOpenRecord(at: moment) }
    }

    /// Puts what is to be proposed together; at once behind it follows `proposeQueued`, so that nothing with a later
    /// stamp comes between.
    mutating func closeRecord(at moment: Moment) {
        closeOpenRecord(at: moment)
        if commands.stores.due.isEmpty { return }
        // Each is an entry of its own, as each request to the key-value store is: revisions and entries keep step, also
        // where a record waits for blocks between its items.
        for place in commands.stores.due.indices {
            propose(store: commands.stores.due[place])
            closeOpenRecord(at: moment)
        }
        commands.stores.due.removeAll(keepingCapacity: true)
    }

    /// Puts the open record among what is to be proposed.
    private mutating func closeOpenRecord(at moment: Moment) {
        if commands.parts.isEmpty { return }
        // Others get their stamp from the leader.
        let stamp = isLeader ? stamp(at: moment) : 0
        commands.record.stamp = Int64(clamping: stamp)
        commands.record.seed = commands.random.next()
        let header = nextHeader(.anonymous)
        let bytes = LogRecord.bytes(commands.record, id: header.id, stamp: stamp)
        var plan = CommandQueue.Plan(
            stamp: commands.record.stamp, seed: commands.record.seed, byteCount: bytes.count)
        plan.content = commands.takeParts()
        commands.append(plan)
        commands.record.removeAll()
        enqueue(.keyspace([]), header, stamp, bytes, nil)
    }

    /// A proposed record is lost: nothing of it takes effect.
    ///
    /// - Parameter first: the first of its parts that hasn't.
    mutating func lose(
        _ plan: CommandQueue.Plan, from first: Int = 0, _ error: ReplicaError, into effects: inout Effects
    ) {
        for part in plan.parts[first...] {
            switch part {
            case .commands(let slot, let upTo):
                var running = commands.take(slot)
                running.forgetPart()
                guard case .commands(let request) = running.content else { preconditionFailure("no commands") }
                running.fail(upTo: upTo, of: request, error)
                if upTo < request.items.count {
                    commands.put(running, in: slot)
                } else {
                    answer(running, slot, into: &effects)
                }
            case .transaction(let slot):
                var running = commands.take(slot)
                running.forgetPart()
                running.fail(error)
                answer(running, slot, into: &effects)
            case .store(let slot): fail(.store(slot: slot), error, into: &effects)
            case .delivery(let waiter, let entry): lose(waiter, entry, error, into: &effects)
            case .expiry: commands.isExpiring = false
            }
        }
    }

    /// One who waits is told if it may have got something that it doesn't hear of. Otherwise it waits on.
    private mutating func lose(
        _ waiter: Waiter, _ entry: CommandEntry, _ error: ReplicaError, into effects: inout Effects
    ) {
        guard error.isUncertain else {
            let released = release(waiter, isServed: false, due: .init(), nil, into: &effects)
            // What was there may be there still.
            if released == .waits { mustWakeAll = true }
            return
        }
        guard release(waiter, isServed: true, due: .init(), nil, into: &effects) == .served else { return }
        var reply = ReplyWriter(isRESP3: waiter.isRESP3)
        reply.refuse(entry, error.commandText, mayTakeEffect: true)
        effects.commandReplies.append(CommandReply(client: waiter.client, reply))
    }

    /// Tells those who were held back for too long.
    mutating func expireHeld(begunBy limit: Int, into effects: inout Effects) {
        while let began = commands.heldSince, began <= limit {
            fail(commands.nextHeld(), node.leader == nil ? .noLeader : .tooManyRequests, into: &effects)
        }
    }

    /// Answers what was held back, or a transaction over keys and streams, with an error.
    private mutating func fail(_ held: CommandQueue.Held, _ error: ReplicaError, into effects: inout Effects) {
        switch held {
        case .commands(let slot): fail(slot, error, into: &effects)
        case .store(let slot):
            effects.replies.append(.init(waiter: commands.stores.remove(slot).waiter, result: .failure(error)))
        }
    }

    /// Answers what is left of a client's commands with an error.
    mutating func fail(_ slot: Int, _ error: ReplicaError, into effects: inout Effects) {
        var running = commands.take(slot)
        running.fail(error)
        answer(running, slot, into: &effects)
    }

    /// Looks at everybody who waits, if something has changed that told them nothing.
    mutating func wakeAllIfDue(at moment: Moment, into effects: inout Effects) {
        guard mustWakeAll, canPropose, !isHalfway else { return }
        mustWakeAll = false
        commands.blocked.wakeAll()
        serveBlocked(now: commandTime(at: moment), into: &effects)
    }

    /// The last replies to what a client has asked.
    mutating func answer(
        _ running: CommandQueue.Running, _ slot: Int, isLast: Bool = true, leftCount: Int = 0,
        into effects: inout Effects
    ) {
        commands.free(slot)
        if !isLast, running.reply.bytes.isEmpty { return }
        var reply = CommandReply(client: running.client, running.reply, isLast: isLast)
        reply.leftCount = leftCount
        effects.commandReplies.append(reply)
    }

    /// Tells everybody that the member ends.
    mutating func endCommands(_ error: ReplicaError, into effects: inout Effects) {
        let all = commands.removeAll()
        for var running in all.commands {
            running.forgetPart()
            running.fail(error)
            effects.commandReplies.append(CommandReply(client: running.client, running.reply))
        }
        for asked in all.stores { effects.replies.append(.init(waiter: asked.waiter, result: .failure(error))) }
        for waiter in commands.blocked.removeAll() {
            var reply = ReplyWriter(isRESP3: waiter.isRESP3)
            reply.error(error.commandText)
            effects.commandReplies.append(CommandReply(client: waiter.client, reply))
        }
    }
}

extension ReplicaError {
    /// Whether what was asked may still take effect.
    var isUncertain: Bool {
        switch self {
        case .stopped: true
        case .timedOut(let cause): cause != .notProposed
        default: false
        }
    }

    /// What a client hears of a command that has no reply of its own.
    var commandText: StaticString {
        switch self {
        case .stopped: "UNCERTAIN the member ends: the command may take effect"
        case .leaderChanged: "TRYAGAIN another member leads now: the command took no effect"
        case .noLeader: "CLUSTERDOWN the member has no leader: the command took no effect"
        case .notLeader: "TRYAGAIN another member leads: the command took no effect"
        case .timedOut(.notProposed): "TRYAGAIN the command was not taken in time: it took no effect"
        case .timedOut(.leaderFailed): "UNCERTAIN the leader changed: the command may take effect"
        case .timedOut: "UNCERTAIN no answer came in time: the command may take effect"
        case .notCapable: "TRYAGAIN a member of an earlier version is in the cluster: the command took no effect"
        case .badTransferee, .tooManyRequests, .requestTooLarge, .noSpace, .corrupt, .refused, .refusedStreams,
            .unauthorized, .membership:
            "TRYAGAIN too much waits: the command took no effect"
        }
    }
}

extension CommandEntry {
    /// Whether it may bring to its key, the first word behind it, what others wait for.
    var fillsKeys: Bool { name == "xadd" || name == "lpush" || name == "rpush" }
}
