// SPDX-License-Identifier: Apache-2.0

import MartletStreams

/// Which blocks leave memory when there are too many: no part of the state.
///
/// Blocks stand in two queues, in the order in which they came: those that were written here, from when a checkpoint
/// has them, and those that were loaded. A loaded one goes first as long as those take more than their share, so that
/// whoever reads a long stream through takes the room of nobody but himself. What is about to be read is passed over
/// once. Blocks that are gone or have changed since are found so when they come up.
struct BlockCache: Sendable {
    struct Item: Sendable {
        /// Where the stream is, and the number that tells whether it is still that one.
        let place: Int
        let stream: UInt64
        let block: SealedBlock
        var isSpared = false

        /// What a block takes beside its bytes: their header, and its place in a queue.
        private static let overhead = 96
        var memoryBytes: Int { block.byteCount + Self.overhead }
    }

    /// What blocks may take; `nil`: as much as they want.
    var budgetBytes: Int?
    private var written = Queue()
    private var loaded = Queue()
    /// Bases of the blocks that are being written, ascending, by their stream's number. Only searched.
    var underway: [UInt64: [StreamID]] = [:]
    /// What the next checkpoint takes for blocks that it writes once more, since somebody took this.
    var rewrittenBytes = 0
    /// Blocks that have left, ever; and those that have come back.
    var evictedCount: UInt64 = 0
    var loadedCount: UInt64 = 0

    /// Of the budget, what loaded blocks may take of the room of others: a quarter.
    private static let loadedShare = 4

    /// Bytes of the blocks in both queues, some of which may be gone.
    var byteCount: Int { written.byteCount + loaded.byteCount }
    var isEmpty: Bool { written.isEmpty && loaded.isEmpty }

    mutating func noteWritten(_ item: Item) { written.put(item) }
    mutating func noteLoaded(_ item: Item) { loaded.put(item) }
    mutating func putBack(_ item: Item) {
        var item = item
        item.isSpared = true
        written.put(item)
    }

    /// The block that is to leave next, taken out of its queue; `nil`: none need.
    mutating func next(limit: Int) -> Item? {
        if byteCount <= limit { return nil }
        if loaded.byteCount > limit / Self.loadedShare || written.isEmpty { return loaded.take() }
        return written.take()
    }

    func isUnderway(_ stream: UInt64, _ base: StreamID) -> Bool {
        guard let bases = underway[stream] else { return false }
        var (low, high) = (0, bases.count)
        while low < high {
            let middle = (low + high) / 2
            if bases[middle] < base { low = middle + 1 } else { high = middle }
        }
        return low < bases.count && bases[low] == base
    }

    private struct Queue: Sendable {
        private var items: [Item] = []
        private var head = 0
        private(set) var byteCount = 0

        var isEmpty: Bool { head == items.count }

        mutating func put(_ item: Item) {
            items.append(item)
            byteCount += item.memoryBytes
        }

        mutating func take() -> Item? {
            guard head < items.count else { return nil }
            let item = items[head]
            head += 1
            byteCount -= item.memoryBytes
            // What was taken goes now and then, so that each costs a constant time.
            if head * 2 > items.count {
                items.removeFirst(head)
                head = 0
            }
            return item
        }
    }
}
