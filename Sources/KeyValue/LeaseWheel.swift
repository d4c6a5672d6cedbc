// SPDX-License-Identifier: Apache-2.0

/// Where a lease is filed by its deadline.
struct LeaseFiling: Sendable {
    /// Neighbours in the list of the wheel's slot, as numbers of leases; −1: none.
    var next: Int32 = -1
    var previous: Int32 = -1
    /// The wheel's slot, or one of the others.
    var place = LeaseFiling.unfiled
    /// In the heap: the deadline there. Other entries of the lease in the heap are void.
    var deadline: Int64 = 0

    static let unfiled: Int16 = -1
    static let heap: Int16 = -2
}

/// A timing wheel: lists of leases by the tick in which they run out, the far ones by coarser ticks.
///
///     level 0   64 slots of one tick       the next 4 seconds
///     level 1   64 slots of 64 ticks       the next 5 minutes
///     level 2   64 slots of 64² ticks …    seven levels reach beyond the longest term
///
/// When the hand comes to a slot, what is in it is filed anew: one level further in, or, if its tick has come, in a
/// heap ordered by the nanosecond. Renewal only notes the later deadline; it counts when the hand comes by. So filing
/// and taking out are O(1), and each lease is filed a few times in its life, whatever its number of renewals.
///
/// The wheel knows leases by slot number; their links are in the leases themselves. A `LeaseTable` moves the hand, in
/// bounded steps.
struct LeaseWheel: Sendable {
    static let levelCount: Int64 = 7
    /// 67 milliseconds.
    private static let tickBits: Int64 = 26
    private static let levelBits: Int64 = 6
    private static let slotMask: Int64 = 63

    /// The first lease of each slot; −1: none.
    private var heads = [Int32](repeating: -1, count: Int(levelCount) << 6)
    /// Slots that hold something, a word a level.
    private var occupied = [UInt64](repeating: 0, count: Int(levelCount))
    /// Where the hand stands. No slot in front of it holds anything but the one it is emptying.
    private(set) var tick: Int64 = 0
    private(set) var count = 0

    static func tick(of deadline: Int64) -> Int64 { deadline >> tickBits }

    /// The slot at the hand's next stop up to `limit`; `nil`: there is none, and the hand stands at `limit`.
    mutating func advance(to limit: Int64) -> Int16? {
        var best: (start: Int64, place: Int16)?
        for level in 0..<Self.levelCount where occupied[Int(level)] != 0 {
            let base = tick >> (Self.levelBits * level)
            let word = occupied[Int(level)]
            let turn = UInt64(base & Self.slotMask)
            let rotated = word >> turn | word << ((64 - turn) & 63)
            let ahead = Int64(rotated.trailingZeroBitCount)
            let start = max(tick, (base + ahead) << (Self.levelBits * level))
            if start > limit { continue }
            if let found = best, found.start <= start { continue }
            best = (start, Int16(level << Self.levelBits | (base + ahead) & Self.slotMask))
        }
        tick = max(tick, best?.start ?? limit)
        return best?.place
    }

    /// Moves the hand of an empty wheel.
    mutating func set(to newTick: Int64) {
        precondition(count == 0, "\(count) leases are in the wheel")
        tick = newTick
    }

    func first(in place: Int16) -> Int32 { heads[Int(place)] }

    /// Puts a lease into the slot of its deadline; false if that tick has come.
    mutating func file(_ slot: Int32, in leases: inout LeaseSlots, deadline: Int64) -> Bool {
        let due = Self.tick(of: deadline)
        guard due > tick else { return false }
        var level: Int64 = 0
        // The slot at the hand itself is never filled: it may be the one that is being emptied.
        while due >> (Self.levelBits * level) - tick >> (Self.levelBits * level) > Self.slotMask { level += 1 }
        let offset = due >> (Self.levelBits * level) & Self.slotMask
        let place = level << Self.levelBits | offset
        let head = heads[Int(place)]
        leases.update(slot) {
            $0.filing.place = Int16(place)
            $0.filing.next = head
            $0.filing.previous = -1
        }
        if head >= 0 { leases.update(head) { $0.filing.previous = slot } }
        heads[Int(place)] = slot
        occupied[Int(level)] |= 1 << UInt64(offset)
        count += 1
        return true
    }

    /// Takes a lease out; without effect if it isn't in the wheel.
    mutating func remove(_ slot: Int32, from leases: inout LeaseSlots) {
        let filing = leases.update(slot) { lease in
            defer { lease.filing.place = LeaseFiling.unfiled }
            return lease.filing
        }
        guard filing.place >= 0 else { return }
        if filing.next >= 0 { leases.update(filing.next) { $0.filing.previous = filing.previous } }
        if filing.previous >= 0 {
            leases.update(filing.previous) { $0.filing.next = filing.next }
        } else {
            heads[Int(filing.place)] = filing.next
            if filing.next < 0 {
                occupied[Int(filing.place) >> 6] &= ~(1 << UInt64(Int64(filing.place) & Self.slotMask))
            }
        }
        count -= 1
    }
}

/// A binary min-heap of deadlines; equal ones in the order of their leases' grants. Complexity: changes O(log n).
struct DeadlineHeap: Sendable {
    struct Item: Sendable {
        var deadline: Int64
        var serial: UInt64
        var slot: Int32

        static func < (left: Item, right: Item) -> Bool {
            left.deadline != right.deadline ? left.deadline < right.deadline : left.serial < right.serial
        }
    }

    private var items: [Item] = []

    var count: Int { items.count }
    var first: Item? { items.first }

    mutating func push(_ item: Item) {
        items.append(item)
        var place = items.count - 1
        while place > 0 {
            let parent = (place - 1) / 2
            guard items[place] < items[parent] else { return }
            items.swapAt(place, parent)
            place = parent
        }
    }

    mutating func removeFirst() {
        items.swapAt(0, items.count - 1)
        items.removeLast()
        var place = 0
        while true {
            var least = place
            if 2 * place + 1 < items.count, items[2 * place + 1] < items[least] { least = 2 * place + 1 }
            if 2 * place + 2 < items.count, items[2 * place + 2] < items[least] { least = 2 * place + 2 }
            if least == place { return }
            items.swapAt(place, least)
            place = least
        }
    }
}
