// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec

/// Commands of Redis's clients on their way through the log, and those that wait for what isn't there yet.
///
///     command ─> record ─> log ── committed ─> keyspace ─> reply
///        │ reads: at once                          │ signals
///        └─> blocked ─────────── looked at <───────┘
///
/// What comes within one turn, whoever's it is, makes one record. Beside it stands, in memory alone, whose the items
/// are and what they are: a member that has proposed a record doesn't read it again.
struct CommandQueue: Sendable {
    /// What one client has asked for and not heard of.
    struct Running: Sendable {
        enum Content: Sendable {
            case commands(CommandRequest)
            case transaction(Transaction)
        }

        let client: UInt64
        var content: Content
        /// The first of the commands that isn't carried out.
        var next = 0
        var reply: ReplyWriter
        /// Whether those of the commands that may make the keyspace grow are refused.
        var refusesGrowth = false
        /// When they were asked, in ticks.
        var began = 0
        /// How far the next command is carried out, if it is a range that is read in pieces.
        var range: RangeProgress?
        /// The same of a transaction.
        var transaction = TransactionProgress()
        var gaps: [CommandReply.Gap] = []
        /// How often the next command's blocks came back otherwise than they left.
        var failedLoads = 0
        /// Whether a transaction is answered with an error.
        var isRefused = false
        /// Where its reply begins.
        var replyBegin = 0
        /// Whether the client is gone: what changes state is carried out still, but nobody waits.
        var hasLeft = false

        /// What a member must read to carry it out.
        var format: KeyspaceRecord.Format {
            switch content {
            case .commands(let request): request.format
            case .transaction(let transaction): transaction.format
            }
        }
    }

    /// A record of which a part is applied: the rest waits for blocks. No checkpoint begins meanwhile.
    struct HaltedRecord: Sendable {
        enum Content: Sendable {
            /// Of this member's own; the part of it that is next.
            case plan(Plan, part: Int)
            case record(RecordProgress)
        }

        var content: Content
        /// The next of the record's items.
        var item = 0
        let byteCount: Int
        /// Whether half of a transaction has taken effect: nobody may see that.
        var isHalfway = false
        var failedLoads = 0
        /// How far its next item, a transaction over keys and streams, is carried out.
        var store: StoreProgress?
        /// Whether blocks are on their way.
        var isWaiting = false
    }

    /// A part of a record: one of its items, or the next commands of one client, of which those that only read are no
    /// items.
    enum Part: Sendable {
        case commands(slot: Int, upTo: Int)
        case transaction(slot: Int)
        /// A transaction over keys and streams.
        case store(slot: Int)
        /// The command of somebody who waits. Apart, for it is much larger than the others.
        indirect case delivery(Waiter, CommandEntry)
        case expiry
    }

    /// What a proposed record holds.
    struct Plan: Sendable {
        enum Content: Sendable {
            case parts([Part])
            /// Nothing but a transaction over keys and streams, as most of them are.
            case store(slot: Int)
        }

        var content = Content.parts([])
        var stamp: Int64 = 0
        var seed: UInt64 = 0
        var byteCount = 0

        var parts: [Part] {
            switch content {
            case .parts(let parts): parts
            case .store(let slot): [.store(slot: slot)]
            }
        }
    }

    /// Whose turn comes when there is room.
    enum Held: Sendable {
        case commands(slot: Int)
        case store(slot: Int)
    }

    var blocked = BlockedReaders()
    /// Goes into the log with the next step.
    var record = KeyspaceRecord()
    var parts: [Part] = []
    /// Of the records that are in the log and not applied, oldest first; those before `plansHead` are applied.
    private var plans: [Plan] = []
    private var plansHead = 0
    /// Of the records that were handed to a leader, by the records' ids. Only searched.
    private var forwardedPlans: [UInt64: Plan] = [:]
    /// Bytes of all those records.
    private(set) var proposedBytes = 0
    var running: [Running?] = []
    /// Whose requests stand in the slots, or stood there last: to look for one of them in `running` itself would copy
    /// what all others have asked for.
    private var clientsOfSlots: [UInt64] = []
    private var freeSlots: [Int] = []
    var stores = StoreQueue()
    /// Those who wait for room, in order.
    private var held: [Held] = []
    private var heldHead = 0
    /// Everything behind it waits.
    var halted: HaltedRecord?
    var loads = BlockLoads()
    /// Clients whose reads wait for the end of a transaction that is halfway.
    var readsBehindHalf: [Int] = []
    /// What was refused where it was to be carried out, and not told.
    var refusals: [CommandRefusal] = []
    /// Keys that are expired are on their way out.
    var isExpiring = false
    var random: SeededRandom

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    // MARK: Clients

    mutating func insert(_ request: consuming Running) -> Int {
        if let slot = freeSlots.popLast() {
            clientsOfSlots[slot] = request.client
            running[slot] = request
            return slot
        }
        clientsOfSlots.append(request.client)
        running.append(request)
        return running.count - 1
    }

    /// Takes a client's request out of its slot, to be carried out further; `put` or `free` follows.
    mutating func take(_ slot: Int) -> Running {
        guard let request = running[slot].take() else { preconditionFailure("nobody runs in slot \(slot)") }
        return request
    }

    /// What the request in a slot asks for. It stays there: moved to and fro it costs more than most of what is done
    /// with it.
    func content(in slot: Int) -> Running.Content {
        guard let content = running[slot]?.content else { preconditionFailure("nobody runs in slot \(slot)") }
        return content
    }

    mutating func put(_ request: consuming Running, in slot: Int) { running[slot] = request }
    mutating func free(_ slot: Int) { freeSlots.append(slot) }

    mutating func hold(_ request: Held) { held.append(request) }
    var hasHeld: Bool { heldHead < held.count }

    mutating func nextHeld() -> Held {
        defer {
            heldHead += 1
            if heldHead == held.count {
                held.removeAll(keepingCapacity: true)
                heldHead = 0
            }
        }
        return held[heldHead]
    }

    /// When the first of those who are held back asked, in ticks.
    var heldSince: Int? {
        guard hasHeld else { return nil }
        switch held[heldHead] {
        case .commands(let slot): return running[slot]?.began
        case .store(let slot): return stores[slot].began
        }
    }

    /// Takes note that a client is gone. Complexity: O(slots), as many as clients ever waited at once.
    mutating func noteLeft(_ client: UInt64) {
        for slot in clientsOfSlots.indices where clientsOfSlots[slot] == client { running[slot]?.hasLeft = true }
    }

    // MARK: Plans

    /// What the record holds that is put together.
    mutating func takeParts() -> Plan.Content {
        // Without an array for each transaction.
        if parts.count == 1, case .store(let slot) = parts[0] {
            parts.removeAll(keepingCapacity: true)
            return .store(slot: slot)
        }
        defer { parts = [] }
        return .parts(parts)
    }

    mutating func append(_ plan: Plan) {
        plans.append(plan)
        proposedBytes += plan.byteCount
    }

    /// The plan of the oldest record that is not applied.
    mutating func takePlan() -> Plan {
        precondition(plansHead < plans.count, "a record without a plan")
        var plan = Plan()
        swap(&plan, &plans[plansHead])
        plansHead += 1
        if plansHead == plans.count {
            plans.removeAll(keepingCapacity: true)
            plansHead = 0
        }
        proposedBytes -= plan.byteCount
        return plan
    }

    /// The plans of the newest records, which were not taken into the log.
    mutating func takeNewest(_ count: Int) -> [Plan] {
        let newest = Array(plans.suffix(count))
        plans.removeLast(count)
        proposedBytes -= newest.reduce(0) { $0 + $1.byteCount }
        return newest
    }

    mutating func forward(_ plan: Plan, id: UInt64) {
        forwardedPlans[id] = plan
        proposedBytes += plan.byteCount
    }

    /// The plan of a record that was handed to a leader.
    mutating func takeForwarded(_ id: UInt64) -> Plan {
        guard let plan = forwardedPlans.removeValue(forKey: id) else { preconditionFailure("no plan of \(id)") }
        proposedBytes -= plan.byteCount
        return plan
    }

    /// All who have asked and not heard, in no order that means something but always the same.
    mutating func removeAll() -> (commands: [Running], stores: [StoreQueue.Asked]) {
        let all = (running.compactMap { $0 }, stores.removeAll())
        (running, clientsOfSlots, freeSlots) = ([], [], [])
        (held, heldHead, plans, plansHead, proposedBytes) = ([], 0, [], 0, 0)
        forwardedPlans = [:]
        (halted, loads, readsBehindHalf) = (nil, BlockLoads(), [])
        parts = []
        record.removeAll()
        return all
    }
}
