// SPDX-License-Identifier: Apache-2.0

/// An ID in one word, relative to a millisecond: 32 bits of milliseconds above 32 bits of sequence. Sorts like the ID.
enum PackedID {
    /// `nil` if the ID is not within 49 days behind the base, or its sequence is above 32 bits.
    @inline(__always)
    static func word(_ id: StreamID, base: UInt64) -> UInt64? {
        guard id.milliseconds >= base else { return nil }
        let milliseconds = id.milliseconds - base
        guard milliseconds <= UInt64(UInt32.max), id.sequence <= UInt64(UInt32.max) else { return nil }
        return milliseconds << 32 | id.sequence
    }

    @inline(__always)
    static func id(_ word: UInt64, base: UInt64) -> StreamID {
        // A word was made from an ID with this base: the sum fits.
        StreamID(base &+ word >> 32, word & UInt64(UInt32.max))
    }
}

/// IDs of a consumer's pending entries: one word each where `PackedID` has room, else two. Their tree is made anew from
/// the group's pending entries.
struct IDLeaf: UnsavedLeaf {
    private var words: [UInt64] = []
    private var base: UInt64 = 0
    private var isWide = false

    var count: Int { isWide ? words.count / 2 : words.count }

    func id(at row: Int) -> StreamID {
        isWide ? StreamID(words[2 * row], words[2 * row + 1]) : PackedID.id(words[row], base: base)
    }

    /// The first row whose ID is not below `id`.
    func lowerBound(_ id: StreamID) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self.id(at: middle) < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func holds(_ id: StreamID, at row: Int) -> Bool { row < count && self.id(at: row) == id }

    mutating func insert(_ id: StreamID) {
        let row = lowerBound(id)
        if holds(id, at: row) { return }
        if words.isEmpty { (base, isWide) = (id.milliseconds, false) }
        if !isWide {
            if let word = PackedID.word(id, base: base) {
                words.insert(word, at: row)
                return
            }
            var ids = (0..<count).map { self.id(at: $0) }
            ids.insert(id, at: row)
            replaceAll(ids)
            return
        }
        words.insert(contentsOf: [id.milliseconds, id.sequence], at: 2 * row)
    }

    mutating func remove(_ id: StreamID) {
        let row = lowerBound(id)
        guard holds(id, at: row) else { return }
        if isWide { words.removeSubrange(2 * row..<2 * row + 2) } else { words.remove(at: row) }
    }

    private mutating func replaceAll(_ ids: [StreamID]) {
        base = ids.first?.milliseconds ?? 0
        let packed = ids.compactMap { PackedID.word($0, base: base) }
        isWide = packed.count < ids.count
        words.removeAll(keepingCapacity: true)
        words += isWide ? ids.flatMap { [$0.milliseconds, $0.sequence] } : packed
    }

    // MARK: In a tree

    var sum: IDCount { IDCount(count: count) }
    var isEmpty: Bool { words.isEmpty }
    static var lastStays: Bool { true }

    mutating func split(capacity: Int, atEnd: Bool) -> (first: StreamID, leaf: IDLeaf)? {
        guard count > capacity else { return nil }
        let cut = atEnd ? count - 1 : count / 2
        var right = IDLeaf()
        // One more than the capacity fits before the next split.
        right.words.reserveCapacity(capacity + 1)
        right.replaceAll((cut..<count).map { id(at: $0) })
        let first = id(at: cut)
        words.removeSubrange((isWide ? 2 * cut : cut)...)
        return (first, right)
    }

    func isSparse(capacity: Int) -> Bool { count <= capacity / 4 }

    mutating func join(_ next: IDLeaf, capacity: Int) -> Bool {
        guard count + next.count <= capacity * 3 / 4 else { return false }
        replaceAll((0..<count).map { id(at: $0) } + (0..<next.count).map { next.id(at: $0) })
        return true
    }

    /// Bytes on the heap.
    var memoryBytes: Int { HeapBytes.array(words) }
}

struct IDCount: IDTreeSum {
    var count: Int

    static var zero: IDCount { IDCount(count: 0) }
    var isChanged: Bool {
        get { false }
        set {}
    }
    mutating func add(_ other: IDCount) { count += other.count }
    mutating func exchange(_ old: IDCount, for new: IDCount) -> Bool {
        count += new.count - old.count
        return true
    }
}
