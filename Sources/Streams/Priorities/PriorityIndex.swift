// SPDX-License-Identifier: Apache-2.0

/// The IDs of a stream's entries that have a priority, in one tree, whose sums know how many of each priority are
/// below.
///
/// Follows from the blocks, and no checkpoint holds it: it is made anew from them. Where a trim has taken whole blocks,
/// what was in them may stand here for a while (`Stream.forgetGone`): whoever asks begins at the first block.
struct PriorityIndex: Sendable {
    private var tree: IDTree<PriorityLeaf>

    init(_ configuration: StreamConfiguration) {
        tree = IDTree(
            nodeCapacity: configuration.nodeCapacity, leafCapacity: configuration.idCapacity, notesDropped: false)
    }

    var isEmpty: Bool { tree.isEmpty }
    /// Complexity: O(1).
    var count: Int { tree.sum.total }

    /// Complexity: O(log n).
    func priority(of id: StreamID) -> EntryPriority {
        let known = tree.withLeaf(of: id) { leaf, _ in leaf.place(of: id).map { leaf.priority(at: $0) } }
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
        tree.sum(before: id) { leaf, _ in leaf.counts(before: id) }
    }

    /// Calls `body` with the IDs of a priority in order, until it answers `false`. Parts without any are passed over.
    func forEach(_ priority: EntryPriority, in range: StreamRange, _ body: (StreamID) -> Bool) {
        if range.isEmpty || isEmpty { return }
        _ = tree.root.forEachID(of: priority, in: range, body)
    }

    /// The ID must be new, and the priority above normal. Complexity: O(log n).
    mutating func put(_ id: StreamID, _ priority: EntryPriority) {
        precondition(priority > .normal, "\(id) is as urgent as any")
        tree.insert(id, initial: PriorityLeaf()) { leaf, _ in leaf.insert(id, priority) }
    }

    /// Whether it was there. Complexity: O(log n).
    @discardableResult
    mutating func remove(_ id: StreamID) -> Bool {
        if isEmpty || priority(of: id) == .normal { return false }
        return tree.update(id) { leaf, _ in leaf.remove(id) } ?? false
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

/// Neighbouring IDs of a `PriorityIndex`.
struct PriorityLeaf: IDTreeLeaf {
    private(set) var ids: [StreamID] = []
    private var priorities: [EntryPriority] = []

    func lowerBound(_ id: StreamID) -> Int {
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

    func priority(at place: Int) -> EntryPriority { priorities[place] }

    func counts(before id: StreamID) -> PriorityCounts {
        var counts = PriorityCounts()
        for priority in priorities[..<lowerBound(id)] { counts.add(priority) }
        return counts
    }

    mutating func insert(_ id: StreamID, _ priority: EntryPriority) {
        let place = lowerBound(id)
        precondition(place == ids.count || ids[place] != id, "\(id) is there")
        ids.insert(id, at: place)
        priorities.insert(priority, at: place)
    }

    mutating func remove(_ id: StreamID) -> Bool {
        guard let place = place(of: id) else { return false }
        ids.remove(at: place)
        priorities.remove(at: place)
        return true
    }

    /// Bytes on the heap.
    var memoryBytes: Int { HeapBytes.array(ids) + HeapBytes.array(priorities) }

    // MARK: In a tree

    var sum: PriorityCounts {
        var counts = PriorityCounts()
        for priority in priorities { counts.add(priority) }
        return counts
    }

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

    mutating func split(capacity: Int, atEnd: Bool) -> (first: StreamID, leaf: PriorityLeaf)? {
        guard ids.count > capacity else { return nil }
        let cut = atEnd ? ids.count - 1 : ids.count / 2
        var right = PriorityLeaf()
        (right.ids, right.priorities) = (Array(ids[cut...]), Array(priorities[cut...]))
        ids.removeSubrange(cut...)
        priorities.removeSubrange(cut...)
        return (right.ids[0], right)
    }

    func isSparse(capacity: Int) -> Bool { ids.count <= capacity / 4 }

    mutating func join(_ next: PriorityLeaf, capacity: Int) -> Bool {
        guard ids.count + next.ids.count <= capacity * 3 / 4 else { return false }
        ids += next.ids
        priorities += next.priorities
        return true
    }
}

extension IDTree<PriorityLeaf>.Node {
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
                if leaf.priority(at: row) == priority, !body(leaf.ids[row]) { return false }
            }
        }
        return true
    }
}
