// SPDX-License-Identifier: Apache-2.0

/// The IDs of a stream's entries that have a priority, in one tree, whose sums know how many of each priority are
/// below.
///
/// Follows from the blocks: it is made anew from them, or from what their index says of each (`PriorityRecord`). Where
/// a trim has taken whole blocks, what was in them may stand here for a while (`Stream.forgetGone`): whoever asks
/// begins at the first block.
struct PriorityIndex: Sendable {
    private var tree: IDTree<IndexLeaf<EntryPriority>>

    init(_ configuration: StreamConfiguration) {
        tree = IDTree(
            nodeCapacity: configuration.nodeCapacity, leafCapacity: configuration.idCapacity, notesDropped: false)
    }

    var isEmpty: Bool { tree.isEmpty }
    /// Complexity: O(1).
    var count: Int { tree.sum.total }

    /// Complexity: O(log n).
    func priority(of id: StreamID) -> EntryPriority {
        let known = tree.withLeaf(of: id) { leaf, _ in leaf.value(of: id) }
        return (known ?? nil) ?? .normal
    }

    /// The lowest ID. Complexity: O(log n).
    var first: StreamID? {
        var first: StreamID?
        tree.forEachLeaf { _, leaf in
            first = leaf.ids[0]
            return false
        }
        return first
    }

    /// How many of a priority a range holds; of all for `nil`. Complexity: O(log n).
    func count(of priority: EntryPriority? = nil, in range: StreamRange) -> Int {
        if range.isEmpty || isEmpty { return 0 }
        let below = counts(before: range.lower)
        let upTo = range.upper.successor.map { counts(before: $0) } ?? tree.sum
        return upTo.count(of: priority) - below.count(of: priority)
    }

    private func counts(before id: StreamID) -> PriorityCounts {
        tree.sum(before: id) { leaf, _ in leaf.sum(before: id) }
    }

    /// Calls `body` with the IDs of a priority in order, until it answers `false`. Parts without any are passed over.
    func forEach(_ priority: EntryPriority, in range: StreamRange, _ body: (StreamID) -> Bool) {
        if range.isEmpty || isEmpty { return }
        _ = tree.root.forEachID(of: priority, in: range, body)
    }

    /// As above, whatever the priority.
    func forEach(in range: StreamRange, _ body: (StreamID, EntryPriority) -> Bool) {
        if range.isEmpty || isEmpty { return }
        tree.forEachLeaf(from: range.lower) { _, leaf in
            for row in leaf.lowerBound(range.lower)..<leaf.ids.count {
                if leaf.ids[row] > range.upper || !body(leaf.ids[row], leaf.values[row]) { return false }
            }
            return true
        }
    }

    /// The ID must be new, and the priority above normal. Complexity: O(log n).
    mutating func put(_ id: StreamID, _ priority: EntryPriority) {
        precondition(priority > .normal, "\(id) is as urgent as any")
        tree.insert(id, initial: IndexLeaf()) { leaf, _ in leaf.insert(id, priority) }
    }

    /// Whether it was there. Complexity: O(log n).
    @discardableResult
    mutating func remove(_ id: StreamID) -> Bool {
        if isEmpty || priority(of: id) == .normal { return false }
        return tree.update(id) { leaf, _ in leaf.remove(id) != nil } ?? false
    }

    /// Bytes on the heap.
    var memoryBytes: Int { tree.memoryBytes { $0.memoryBytes } }

    /// What is wrong with the tree; `nil` if nothing is. For tests.
    var invariantViolation: String? {
        tree.invariantViolation { leaf, first, next in
            for (place, id) in leaf.ids.enumerated() {
                if id < first || next.map({ id >= $0 }) == true { return "\(id) is out of place" }
                if place > 0, id <= leaf.ids[place - 1] { return "\(id) doesn't rise" }
            }
            return nil
        }
    }
}

/// How many entries there are of each priority.
struct PriorityCounts: IDTreeSum {
    /// A lane for each.
    private var lanes = SIMD16<UInt32>.zero

    static var zero: PriorityCounts { PriorityCounts() }

    var total: Int { Int(lanes.wrappedSum()) }

    func count(of priority: EntryPriority?) -> Int { priority.map { Int(lanes[$0.index]) } ?? total }

    mutating func add(_ priority: EntryPriority) { lanes[priority.index] += 1 }

    var isChanged: Bool {
        get { false }
        set {}
    }

    mutating func add(_ other: PriorityCounts) { lanes &+= other.lanes }

    mutating func exchange(_ old: PriorityCounts, for new: PriorityCounts) -> Bool {
        lanes = lanes &- old.lanes &+ new.lanes
        return true
    }
}

extension EntryPriority: IndexedValue {
    static func sum(of priorities: ArraySlice<EntryPriority>) -> PriorityCounts {
        var counts = PriorityCounts()
        for priority in priorities { counts.add(priority) }
        return counts
    }
}

extension IDTree<IndexLeaf<EntryPriority>>.Node {
    fileprivate func forEachID(
        of priority: EntryPriority, in range: StreamRange, _ body: (StreamID) -> Bool
    ) -> Bool {
        if count == 0 { return true }
        for place in place(of: range.lower)..<count where sums[place].count(of: priority) > 0 {
            if firsts[place] > range.upper { return false }
            if !isBottom {
                guard children.span[place].forEachID(of: priority, in: range, body) else { return false }
                continue
            }
            let leaf = leaves[place]
            for row in leaf.lowerBound(range.lower)..<max(leaf.ids.count, leaf.lowerBound(range.lower)) {
                if leaf.ids[row] > range.upper { return false }
                if leaf.values[row] == priority, !body(leaf.ids[row]) { return false }
            }
        }
        return true
    }
}
