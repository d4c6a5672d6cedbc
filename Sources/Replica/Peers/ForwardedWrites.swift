// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Writes that were handed to the leader, by the ids of their records: their entries come back in the log, or don't.
///
/// Complexity: O(1) for each write, amortised.
struct ForwardedWrites: Sendable {
    /// Only searched.
    private var writes: [UInt64: Replica.PendingWrite] = [:]
    /// Oldest first; those before `head`, and some behind it, are answered.
    private var order: [UInt64] = []
    private var head = 0

    var isEmpty: Bool { writes.isEmpty }
    var count: Int { writes.count }

    mutating func insert(_ write: Replica.PendingWrite, id: UInt64) {
        writes[id] = write
        order.append(id)
    }

    mutating func take(_ id: UInt64) -> Replica.PendingWrite? {
        guard let write = writes.removeValue(forKey: id) else { return nil }
        tidy()
        return write
    }

    /// The oldest one, if it was asked for at `tick` or before.
    mutating func takeFirst(begunBy tick: Int) -> Replica.PendingWrite? {
        guard head < order.count, let first = writes[order[head]], first.began <= tick else { return nil }
        return take(order[head])
    }

    /// Those that are lost, in their order. Complexity: O(writes).
    mutating func takeAll(where isLost: (Replica.PendingWrite) -> Bool) -> [Replica.PendingWrite] {
        if writes.isEmpty { return [] }
        var taken: [Replica.PendingWrite] = []
        for id in order[head...] {
            guard let write = writes[id], isLost(write) else { continue }
            writes[id] = nil
            taken.append(write)
        }
        tidy()
        return taken
    }

    /// All that are not answered, in their order.
    mutating func removeAll() -> [Replica.PendingWrite] {
        defer { self = ForwardedWrites() }
        return order[head...].compactMap { writes[$0] }
    }

    private mutating func tidy() {
        while head < order.count, writes[order[head]] == nil { head += 1 }
        guard head > Replica.answeredKeptMax || head == order.count, head * 2 >= order.count else { return }
        order.removeFirst(head)
        head = 0
    }
}
