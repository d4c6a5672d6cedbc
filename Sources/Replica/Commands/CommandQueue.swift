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
            /// Over keys and streams; the answer goes to a waiter.
            case store(StoreRequest, WaiterID)
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
        /// The same of one over keys and streams, and what came of it.
        var store: StoreProgress?
        var storeResult: Result<StoreTransactionResponse, ReplicaError>?
        /// How often the next command's blocks came back otherwise than they left.
        var failedLoads = 0
        /// Whether a transaction is answered with an error.
        var isRefused = false
        /// Where its reply begins.
        var replyBegin = 0
        /// Whether the client is gone: what changes state is carried out still, but nobody waits.
        var hasLeft = false
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
        /// How far a transaction over keys and streams in a `record` is carried out.
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
        /// The command of somebody who waits.
        case delivery(Waiter, CommandEntry)
        case expiry
    }

    /// What a proposed record holds.
    struct Plan: Sendable {
        var parts: [Part] = []
        var stamp: Int64 = 0
        var seed: UInt64 = 0
        var byteCount = 0
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
    private var freeSlots: [Int] = []
    /// Slots of transactions over keys and streams that are to be proposed next.
    var stores: [Int] = []
    /// Transactions over keys and streams among them.
    var storeCount = 0
    /// Bytes of those.
    var storeBytes = 0
    /// Clients whose commands wait for room, in order.
    private var held: [Int] = []
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

    mutating func insert(_ request: Running) -> Int {
        if let slot = freeSlots.popLast() {
            running[slot] = request
            return slot
        }
        running.append(request)
        return running.count - 1
    }

    /// Takes a client's request out of its slot, to be carried out further; `put` or `free` follows.
    mutating func take(_ slot: Int) -> Running {
        guard let request = running[slot].take() else { preconditionFailure("nobody runs in slot \(slot)") }
        return request
    }

    mutating func put(_ request: Running, in slot: Int) { running[slot] = request }
    mutating func free(_ slot: Int) { freeSlots.append(slot) }

    mutating func hold(_ slot: Int) { held.append(slot) }
    var hasHeld: Bool { heldHead < held.count }

    mutating func nextHeld() -> Int {
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
    var heldSince: Int? { hasHeld ? running[held[heldHead]]?.began : nil }

    /// Takes note that a client is gone. Complexity: O(clients that have asked and not heard).
    mutating func noteLeft(_ client: UInt64) {
        for slot in running.indices where running[slot]?.client == client { running[slot]!.hasLeft = true }
    }

    // MARK: Plans

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
    mutating func removeAll() -> [Running] {
        let all = running.compactMap { $0 }
        (running, freeSlots, held, heldHead, plans, plansHead, proposedBytes) = ([], [], [], 0, [], 0, 0)
        forwardedPlans = [:]
        (stores, storeCount, storeBytes) = ([], 0, 0)
        (halted, loads, readsBehindHalf) = (nil, BlockLoads(), [])
        parts = []
        record.removeAll()
        return all
    }
}
