// SPDX-License-Identifier: Apache-2.0

import MartletReplica

/// Who waits for an answer, found by number. A number is used again once its waiter is gone.
struct WaiterSlots<Waiter> {
    private var slots: [Waiter?] = []
    private var free: [Int] = []

    var count: Int { slots.count - free.count }

    mutating func insert(_ waiter: Waiter) -> WaiterID {
        if let slot = free.popLast() {
            slots[slot] = waiter
            return WaiterID(UInt64(slot))
        }
        slots.append(waiter)
        return WaiterID(UInt64(slots.count - 1))
    }

    /// Each waiter is answered once.
    mutating func remove(_ id: WaiterID) -> Waiter {
        let slot = Int(id.rawValue)
        guard let waiter = slots[slot].take() else { preconditionFailure("waiter \(slot) was answered twice") }
        free.append(slot)
        return waiter
    }
}
