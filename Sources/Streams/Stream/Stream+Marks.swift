// SPDX-License-Identifier: Apache-2.0

// What stands beside entries: priorities, and moments at which they end. It goes with an entry that goes by name; what
// goes with a whole block is forgotten behind that, some rows with each step, so that a trim stays cheap. Rows of the
// queue of moments are state, and leave it in the same steps at every member; the index of priorities is none: nobody
// asks it for what is in front of the first block.
extension Stream {
    /// Entries of one stream that have a priority, at most: some thirty bytes of memory each, beside the entry.
    public static let maximumPrioritizedCount = 10_000_000
    /// Rows of gone entries that an append forgets: more than the one that it may add.
    static let forgottenPerAppend = 4
    /// That a trim forgets: half a millisecond. What is left is due at once, and goes by itself.
    static let forgottenPerTrim = 1000

    /// Live entries with a priority. Complexity: O(log n).
    public var prioritizedCount: Int {
        prioritized.isEmpty ? 0 : prioritized.count(in: StreamRange(firstInBlocks, .max))
    }

    /// Whether one more entry may have a priority.
    public var canPrioritizeMore: Bool {
        prioritized.count < Self.maximumPrioritizedCount || prioritizedCount < Self.maximumPrioritizedCount
    }

    var hasMarks: Bool { !endingRows.isEmpty || !prioritized.isEmpty }

    /// Where the first block begins: what is below is gone. Complexity: O(log n).
    var firstInBlocks: StreamID { log.firstBlock?.base ?? .max }

    /// Whether rows stand in the queue of moments whose entries went with their blocks.
    var hasGoneRows: Bool {
        guard let first = endingRows.first else { return false }
        return first.id < firstInBlocks
    }

    /// Deletes an entry and what stands beside it; `false` where there is none of this ID.
    mutating func remove(_ id: StreamID) -> Bool {
        guard log.delete(id) else { return false }
        forgetMarks(of: id)
        return true
    }

    mutating func forgetMarks(of id: StreamID) {
        if let row = endingRows.remove(id) { _ = ending.remove(row) }
        prioritized.remove(id)
    }

    /// As above, of all entries of a range. Complexity: O(log n), and for each that something stands beside.
    mutating func forgetMarks(in range: StreamRange) {
        guard hasMarks else { return }
        for id in endingRows.ids(in: range) + prioritized.rows(in: range).map(\.id) { forgetMarks(of: id) }
    }

    /// Forgets what stood beside entries that went with their blocks.
    ///
    /// - Parameter limit: of rows of each kind.
    /// - Returns: how many rows left the queue of moments.
    @discardableResult
    mutating func forgetGone(atMost limit: Int) -> Int {
        guard hasMarks else { return 0 }
        let first = firstInBlocks
        var count = 0
        while count < limit, let (id, row) = endingRows.first, id < first {
            _ = endingRows.remove(id)
            _ = ending.remove(row)
            count += 1
        }
        for _ in 0..<limit {
            guard let id = prioritized.first, id < first else { break }
            prioritized.remove(id)
        }
        return count
    }
}
