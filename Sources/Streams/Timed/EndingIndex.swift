// SPDX-License-Identifier: Apache-2.0

/// Of entries that end at a moment, where they stand in the queue of moments: so a row goes when its entry does, and
/// not when its moment comes.
///
/// Follows from the queue: no checkpoint holds it. Each row takes some forty bytes.
struct EndingIndex: Sendable {
    private var tree: IDTree<IndexLeaf<StreamID>>

    init(_ configuration: StreamConfiguration) {
        tree = IDTree(
            nodeCapacity: configuration.nodeCapacity, leafCapacity: configuration.pendingCapacity, notesDropped: false)
    }

    var isEmpty: Bool { tree.isEmpty }
    /// Complexity: O(1).
    var count: Int { tree.sum.count }

    /// The row of an entry. Complexity: O(log n).
    func row(of id: StreamID) -> StreamID? {
        tree.withLeaf(of: id) { leaf, _ in leaf.value(of: id) } ?? nil
    }

    /// The entry with the lowest ID. Complexity: O(log n).
    var first: (id: StreamID, row: StreamID)? {
        var first: (id: StreamID, row: StreamID)?
        tree.forEachLeaf { _, leaf in
            first = (leaf.ids[0], leaf.values[0])
            return false
        }
        return first
    }

    /// The ID must be new. Complexity: O(log n).
    mutating func put(_ id: StreamID, row: StreamID) {
        tree.insert(id, initial: IndexLeaf()) { leaf, _ in leaf.insert(id, row) }
    }

    /// - Returns: the row that the entry had. Complexity: O(log n).
    mutating func remove(_ id: StreamID) -> StreamID? {
        guard row(of: id) != nil else { return nil }
        return tree.update(id) { leaf, _ in leaf.remove(id) } ?? nil
    }

    /// Entries of a range, in order. Complexity: O(log n + of the range).
    func ids(in range: StreamRange) -> [StreamID] {
        if range.isEmpty || isEmpty { return [] }
        var ids: [StreamID] = []
        tree.forEachLeaf(from: range.lower) { _, leaf in
            for id in leaf.ids[leaf.lowerBound(range.lower)...] {
                if id > range.upper { return false }
                ids.append(id)
            }
            return true
        }
        return ids
    }

    func forEach(_ body: (_ id: StreamID, _ row: StreamID) -> Bool) {
        tree.forEachLeaf { _, leaf in
            for place in leaf.ids.indices where !body(leaf.ids[place], leaf.values[place]) { return false }
            return true
        }
    }

    /// Bytes on the heap.
    var memoryBytes: Int { tree.memoryBytes { $0.memoryBytes } }
}

/// The row of an entry.
extension StreamID: IndexedValue {
    static func sum(of rows: ArraySlice<StreamID>) -> IDCount { IDCount(count: rows.count) }
}
