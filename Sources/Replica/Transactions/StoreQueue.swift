// SPDX-License-Identifier: Apache-2.0

/// Transactions over keys and streams that clients have asked and not heard of, each in a slot.
///
/// They have a table of their own: a place among the commands of Redis's clients is several times as large, and all of
/// it would move with each.
struct StoreQueue: Sendable {
    struct Asked: Sendable {
        let request: StoreRequest
        let waiter: WaiterID
        /// When, in ticks.
        let began: Int
    }

    private var asked: [Asked?] = []
    private var freeSlots: [Int] = []
    /// Slots of those that are to be proposed next.
    var due: [Int] = []
    private(set) var count = 0
    /// Bytes of their requests.
    private(set) var byteCount = 0

    mutating func insert(_ new: Asked) -> Int {
        count += 1
        byteCount += new.request.bytes.count
        if let slot = freeSlots.popLast() {
            asked[slot] = new
            return slot
        }
        asked.append(new)
        return asked.count - 1
    }

    subscript(slot: Int) -> Asked {
        guard let found = asked[slot] else { preconditionFailure("no transaction in slot \(slot)") }
        return found
    }

    /// Takes out one that is answered.
    mutating func remove(_ slot: Int) -> Asked {
        guard let ended = asked[slot].take() else { preconditionFailure("no transaction in slot \(slot)") }
        freeSlots.append(slot)
        count -= 1
        byteCount -= ended.request.bytes.count
        return ended
    }

    /// Those who have asked and not heard, in the order of their slots.
    mutating func removeAll() -> [Asked] {
        let all = asked.compactMap { $0 }
        self = StoreQueue()
        return all
    }
}
