// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The appends that a follower has not yet answered, oldest first: a ring of the last index of each and its bytes.
struct Inflights: Sendable {
    private struct Slot {
        var last: LogIndex
        var bytes: Int
    }

    /// Grows as needed, by doubling, so a follower that keeps up costs a few slots.
    private var slots: [Slot] = []
    private var start = 0
    private(set) var count = 0
    private(set) var bytes = 0

    func isFull(_ limits: RaftLimits) -> Bool {
        count >= limits.inflightMessagesMax || bytes >= limits.inflightBytesMax
    }

    mutating func add(last: LogIndex, bytes: Int) {
        if count == slots.count {
            slots = (0..<count).map { slots[(start + $0) % count] }
            slots += repeatElement(Slot(last: .zero, bytes: 0), count: max(8, count))
            start = 0
        }
        slots[(start + count) % slots.count] = Slot(last: last, bytes: bytes)
        count += 1
        self.bytes += bytes
    }

    /// Forgets every append that ends at or below `match`.
    mutating func free(upTo match: LogIndex) {
        while count > 0, slots[start].last <= match {
            bytes -= slots[start].bytes
            start = (start + 1) % slots.count
            count -= 1
        }
    }

    mutating func removeAll() {
        start = 0
        count = 0
        bytes = 0
    }
}
