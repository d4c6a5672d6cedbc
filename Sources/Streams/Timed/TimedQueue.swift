// SPDX-License-Identifier: Apache-2.0

/// What is to happen at moments to come: the earliest first, and of one moment what was put first.
///
/// A row's ID is its moment, in milliseconds of the Unix clock, and a number that no other row of the stream ever had.
/// All of it is in memory, whatever leaves that: what is looked at next may be any of it.
struct TimedQueue: Sendable {
    var tree: IDTree<TimedLeaf>
    /// About what changed since the last checkpoint began.
    var changedBytes = 0

    /// What a row takes in a checkpoint beside its content, about.
    private static let rowBytes = 16

    init(_ configuration: StreamConfiguration) {
        tree = IDTree(
            nodeCapacity: configuration.nodeCapacity, leafCapacity: configuration.pendingCapacity,
            notesDropped: configuration.isCheckpointed)
    }

    /// Complexity: O(1).
    var count: Int { tree.sum.count }
    /// Of contents. Complexity: O(1).
    var byteCount: Int { tree.sum.byteCount }
    var isEmpty: Bool { tree.isEmpty }

    /// Complexity: O(log n).
    var earliest: StreamID? {
        var first: StreamID?
        tree.forEachLeaf { _, leaf in
            first = leaf.ids.first
            return false
        }
        return first
    }

    /// Whether something is to happen by then.
    func isDue(at now: Int64) -> Bool { earliest.map { $0.milliseconds <= UInt64(max(now, 0)) } ?? false }

    /// The ID must be new. Complexity: O(log n).
    mutating func put(_ id: StreamID, _ content: [UInt8]) {
        changedBytes += content.count + Self.rowBytes
        tree.insert(id, initial: TimedLeaf()) { leaf, _ in leaf.insert(id, content) }
    }

    /// Complexity: O(log n).
    mutating func remove(_ id: StreamID) -> [UInt8]? {
        guard holds(id), let content = tree.update(id, { leaf, _ in leaf.remove(id) }) ?? nil else { return nil }
        changedBytes += Self.rowBytes
        return content
    }

    func holds(_ id: StreamID) -> Bool {
        tree.withLeaf(of: id) { leaf, _ in leaf.row(of: id) != nil } ?? false
    }

    /// Calls `body` with the rows of a range in order until it answers `false`.
    func forEach(in range: StreamRange = .all, _ body: (StreamID, ArraySlice<UInt8>) -> Bool) {
        if range.isEmpty { return }
        tree.forEachLeaf(from: range.lower) { _, leaf in
            let begin = leaf.lowerBound(range.lower)
            for row in begin..<max(begin, leaf.count) {
                if leaf.ids[row] > range.upper || !body(leaf.ids[row], leaf.content(row)) { return false }
            }
            return true
        }
    }
}
