// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec

// Blocks of streams leave memory and come back. What is applied waits for those that it needs, and everything behind it
// waits too, while elections, replication and proposals go on; a read waits alone.
extension Replica {
    /// Whether the record behind the last one that counts as applied is applied in part.
    public var isApplyHalted: Bool { commands.halted != nil }

    /// Whether the state is inside a transaction.
    var isHalfway: Bool { commands.halted?.isHalfway == true }

    mutating func order(
        _ blocks: [WantedBlock], for purpose: BlockLoads.Purpose, into effects: inout Effects
    ) {
        commands.loads.append(blocks, for: purpose)
        releaseOrders(into: &effects)
    }

    /// Orders what a client's next command reads; one that names more than may come back for it is refused.
    mutating func order(
        _ blocks: [WantedBlock], forReadsOf slot: Int, at moment: Moment, into effects: inout Effects
    ) {
        guard blocks.reduce(0, { $0 + $1.byteCount }) > configuration.limits.readBlockBytesMax else {
            return order(blocks, for: .read(slot: slot), into: &effects)
        }
        commands.refuse(slot, "ERR the command reads more of a stream than may be loaded for it: give it a COUNT")
        read(slot, at: moment, into: &effects)
    }

    mutating func releaseOrders(into effects: inout Effects) {
        // While another state takes the tables' place they may be those of either.
        guard arrival.batch == nil else { return }
        while let order = commands.loads.next(limit: configuration.limits.loadingBytesMax) {
            effects.blockOrders.append(order)
        }
    }

    /// Blocks have come: whoever waits for them goes on.
    mutating func take(_ loaded: LoadedBlocks, at moment: Moment, into effects: inout Effects) {
        let order = commands.loads.end(loaded.order)
        var different: TableKey?
        for (block, value) in zip(order.blocks, loaded.values) {
            let record = value ?? []
            if keyspace.place(block, record.span.bytes) == .different { different = different ?? block.key }
        }
        switch order.purpose {
        case .apply:
            guard commands.halted != nil else { break }
            commands.halted!.isWaiting = false
            if different != nil { commands.halted!.failedLoads += 1 } else { commands.halted!.failedLoads = 0 }
            if let key = loaded.damaged ?? lost(different, commands.halted!.failedLoads) {
                effects.failure = .damagedBlock(key)
            }
        case .read(let slot):
            commands.noteLoad(slot, isWhole: different == nil)
            if let key = loaded.damaged ?? lost(different, commands.failedLoads(slot)) {
                commands.refuse(slot, Self.damageText(key))
            }
            read(slot, at: moment, into: &effects)
        case .waiter(let database, let keys):
            // Whoever asks for a damaged block again is told so.
            guard loaded.damaged == nil, different == nil else { break }
            commands.blocked.wake(keys.map { .filled(database: database, name: $0) })
            serveBlocked(now: commandTime(at: moment), into: &effects)
        case .none: break
        }
        releaseOrders(into: &effects)
        if !commands.parts.isEmpty || !queue.isEmpty { effects.hasWork = true }
    }

    private func lost(_ key: TableKey?, _ failedLoads: Int) -> TableKey? {
        failedLoads >= configuration.limits.loadAttemptsMax ? key : nil
    }

    /// What a client hears whose read needs such a block. Its stream goes on: others don't need it.
    private static func damageText(_ key: TableKey) -> String {
        "ERR a block of the stream is damaged: \(key). 'martlet check' tells more"
    }

    /// Lets blocks leave memory, if there are too many; not those that have just come for what waits for more.
    mutating func evictBlocks(into effects: inout Effects) {
        guard keyspace.mayLackBlocks, commands.halted == nil else { return }
        if keyspace.evictBlocks(reserving: keyspaceProgress.uncheckpointedBytes) { effects.hasWork = true }
    }

    /// A client's reads wait for the end of what nobody may see.
    mutating func holdBehindHalf(_ slot: Int) { commands.readsBehindHalf.append(slot) }

    mutating func releaseBehindHalf(at moment: Moment, into effects: inout Effects) {
        guard !commands.readsBehindHalf.isEmpty, !isHalfway else { return }
        let slots = commands.readsBehindHalf
        commands.readsBehindHalf = []
        for slot in slots { read(slot, at: moment, into: &effects) }
    }

    // MARK: What waits is given up

    /// The state of another member takes the place of one in which a record is applied in part.
    mutating func loseHalted(into effects: inout Effects) {
        guard let halted = commands.halted.take() else { return }
        commands.loads.forgetApply()
        if case .plan(let plan, let part) = halted.content {
            lose(plan, from: part, .timedOut(.leaderFailed), into: &effects)
        }
    }
}

extension CommandQueue {
    /// Another state takes the place of the one that clients were being read: they begin anew. Complexity: O(clients
    /// that have asked and not heard).
    mutating func forgetParts() {
        for slot in running.indices { running[slot]?.forgetPart() }
    }

    mutating func noteLoad(_ slot: Int, isWhole: Bool) {
        var running = take(slot)
        running.failedLoads = isWhole ? 0 : running.failedLoads + 1
        put(running, in: slot)
    }

    mutating func failedLoads(_ slot: Int) -> Int {
        let running = take(slot)
        put(running, in: slot)
        return running.failedLoads
    }

    /// Answers a client's next command with an error.
    mutating func refuse(_ slot: Int, _ text: String) {
        var running = take(slot)
        running.forgetPart()
        running.failedLoads = 0
        switch running.content {
        case .commands(let request):
            running.reply.refuse(request.items[running.next].entry, text)
            running.next += 1
        case .transaction:
            running.reply.error(text)
            running.isRefused = true
        }
        put(running, in: slot)
    }
}

extension CommandQueue.Running {
    /// Takes away what is written of the reply to the next command.
    mutating func forgetPart() {
        if range != nil || transaction.hasBegun { reply.truncate(to: replyBegin) }
        range = nil
        transaction = TransactionProgress()
        gaps = []
    }
}
