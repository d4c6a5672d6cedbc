// SPDX-License-Identifier: Apache-2.0

/// Of entries that end at a moment, where they stand in the queue of moments: so a row goes when its entry does, and
/// not when its moment comes.
///
/// Follows from the queue: no checkpoint holds it. Each row takes some forty bytes.
struct EndingIndex: Sendable {
    private var tree: IDTree<EndingLeaf>

    init(_ configuration: StreamConfiguration) {
        tree = IDTree(
            nodeCapacity: configuration.nodeCapacity, leafCapacity: configuration.pendingCapacity, notesDropped: false)
    }

    var isEmpty: Bool { tree.isEmpty }
    /// Complexity: O(1).
    var count: Int { tree.sum.count }

    /// The row of an entry. Complexity: O(log n).
    func row(of id: StreamID) -> StreamID? {
        tree.withLeaf(of: id) { leaf, _ in leaf.place(of: id).map { leaf.rows[$0] } } ?? nil
    }

    /// The entry with the lowest ID. Complexity: O(log n).
    var first: (id: StreamID, row: StreamID)? {
        var first: (id: StreamID, row: StreamID)?
        tree.forEachLeaf { _, leaf in
            first = (leaf.ids[0], leaf.rows[0])
            return false
        }
        return first
    }

    /// The ID must be new. Complexity: O(log n).
    mutating func put(_ id: StreamID, row: StreamID) {
        tree.insert(id, initial: EndingLeaf()) { leaf, _ in leaf.insert(id, row) }
    }

    /// - Returns: the row that the entry had. Complexity: O(log n).
    mutating func remove(_ id: StreamID) -> StreamID? {
        guard row(of: id) != nil else { return nil }
        return tree.update(id) { leaf, _ in leaf.remove(id) } ?? nil
    }

    func forEach(_ body: (_ id: StreamID, _ row: StreamID) -> Bool) {
        tree.forEachLeaf { _, leaf in
            for place in leaf.ids.indices where !body(leaf.ids[place], leaf.rows[place]) { return false }
            return true
        }
    }

    /// Bytes on the heap.
    var memoryBytes: Int { tree.memoryBytes { HeapBytes.array($0.ids) + HeapBytes.array($0.rows) } }
}

/// Neighbouring entries of an `EndingIndex`.
private struct EndingLeaf: IDTreeLeaf {
    private(set) var ids: [StreamID] = []
    private(set) var rows: [StreamID] = []

    private func lowerBound(_ id: StreamID) -> Int {
        var (low, high) = (0, ids.count)
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func place(of id: StreamID) -> Int? {
        let place = lowerBound(id)
        return place < ids.count && ids[place] == id ? place : nil
    }

    mutating func insert(_ id: StreamID, _ row: StreamID) {
        let place = lowerBound(id)
        precondition(place == ids.count || ids[place] != id, "\(id) is there")
        ids.insert(id, at: place)
        rows.insert(row, at: place)
    }

    mutating func remove(_ id: StreamID) -> StreamID? {
        guard let place = place(of: id) else { return nil }
        ids.remove(at: place)
        return rows.remove(at: place)
    }

    // MARK: In a tree

    var sum: IDCount { IDCount(count: ids.count) }
    var isEmpty: Bool { ids.isEmpty }
    /// No checkpoint knows of it.
    var number: UInt64 {
        get { 0 }
        set {}
    }
    var isChanged: Bool {
        get { false }
        set {}
    }
    static var lastStays: Bool { false }

    mutating func split(capacity: Int, atEnd: Bool) -> (first: StreamID, leaf: EndingLeaf)? {
        guard ids.count > capacity else { return nil }
        let cut = atEnd ? ids.count - 1 : ids.count / 2
        var right = EndingLeaf()
        (right.ids, right.rows) = (Array(ids[cut...]), Array(rows[cut...]))
        ids.removeSubrange(cut...)
        rows.removeSubrange(cut...)
        return (right.ids[0], right)
    }

    func isSparse(capacity: Int) -> Bool { ids.count <= capacity / 4 }

    mutating func join(_ next: EndingLeaf, capacity: Int) -> Bool {
        guard ids.count + next.ids.count <= capacity * 3 / 4 else { return false }
        ids += next.ids
        rows += next.rows
        return true
    }
}
