// SPDX-License-Identifier: Apache-2.0

/// What a node of an `IDTree` knows of all that is below it.
protocol IDTreeSum: Sendable {
    static var zero: Self { get }
    /// Whether something below is not as the last checkpoint has it.
    var isChanged: Bool { get set }
    mutating func add(_ other: Self)
    /// Makes the sum follow one part of it that was `old` and is `new`. If the sum can't be told from these, answers
    /// `false` and must be added up anew.
    mutating func exchange(_ old: Self, for new: Self) -> Bool
}

/// A packed piece of an `IDTree`: neighbouring IDs, with what belongs to them.
protocol IDTreeLeaf: Sendable {
    associatedtype Sum: IDTreeSum
    var sum: Sum { get }
    var isEmpty: Bool { get }
    /// Names the leaf in a checkpoint, for as long as it lives.
    var number: UInt64 { get set }
    var isChanged: Bool { get set }
    /// Whether it may become changed: not while its content is elsewhere.
    var canChange: Bool { get }
    /// Whether the last leaf of a tree stays when it gets empty: worth it where trees often empty and fill.
    static var lastStays: Bool { get }
    /// Gives away the upper rows if there are more than `capacity`: half of them, or only the last one if IDs are being
    /// added at the end, so that leaves which nobody touches again are full.
    mutating func split(capacity: Int, atEnd: Bool) -> (first: StreamID, leaf: Self)?
    /// Whether it has so few rows that it should join a neighbour.
    func isSparse(capacity: Int) -> Bool
    /// Takes over all of the next leaf, if both leave room in one.
    mutating func join(_ next: Self, capacity: Int) -> Bool
}

extension IDTreeLeaf {
    var canChange: Bool { true }
}

/// A leaf of a tree that no checkpoint holds: it has no number, and nobody asks whether it has changed.
protocol UnsavedLeaf: IDTreeLeaf {}

extension UnsavedLeaf {
    var number: UInt64 {
        get { 0 }
        set {}
    }
    var isChanged: Bool {
        get { false }
        set {}
    }
}

/// A B+tree over stream IDs whose leaves are packed, and whose branches know sums of what is below them.
///
///     branch      firsts    [  5-0     90-0     140-0  ]       child i holds IDs from firsts[i] up to firsts[i + 1]
///                 sums      [   40       64        12  ]       what is below each child, added up
///                 children  [    •        •         •  ]
///                               /         |          \
///     leaf        [5-0 … 88-1]  [90-0 … 139-9]  [140-0 …]      packed, some dozens of rows each
///
/// All leaves are at the same depth. Nodes and leaves are values in arrays: a copy of the tree shares them, and a
/// change copies only the path to what it touches, so a copy is a cheap snapshot. Nodes that get sparse join a
/// neighbour where both fit one node, so any two neighbours are more than three quarters of a node.
///
/// A radix tree of 16-byte keys would find a leaf as fast, but one node with two dozen keys side by side is one look at
/// memory where a radix tree takes several, sums in its nodes count any range, and IDs are never alike but in front.
///
/// Complexity: finding, changing, inserting, removing and adding up are O(log n).
struct IDTree<Leaf: IDTreeLeaf>: Sendable {
    struct Node: Sendable {
        var firsts: [StreamID] = []
        var sums: [Leaf.Sum] = []
        /// Of a node at the bottom.
        var leaves: [Leaf] = []
        /// Of a node above others.
        var children: [Node] = []

        var count: Int { firsts.count }
        var isBottom: Bool { children.isEmpty }
    }

    /// How full nodes and leaves get, and the numbers of leaves that came and went.
    struct Ledger: Sendable {
        let nodeCapacity: Int
        let leafCapacity: Int
        let notesDropped: Bool
        var nextNumber: UInt64 = 0
        /// Leaves that are gone since a checkpoint took notice.
        var dropped: [UInt64] = []

        mutating func number() -> UInt64 {
            defer { nextNumber += 1 }
            return nextNumber
        }

        mutating func drop(_ number: UInt64) {
            if notesDropped { dropped.append(number) }
        }
    }

    var root = Node()
    /// Of the whole tree.
    var sum = Leaf.Sum.zero
    var ledger: Ledger

    /// - Parameters:
    ///   - nodeCapacity: most children or leaves of a node, at least 4.
    ///   - leafCapacity: most rows of a leaf, at least 4, where leaves are split by the tree.
    init(nodeCapacity: Int, leafCapacity: Int, notesDropped: Bool) {
        precondition(nodeCapacity >= 4 && leafCapacity >= 4, "nodes of \(nodeCapacity) and \(leafCapacity) can't split")
        ledger = Ledger(nodeCapacity: nodeCapacity, leafCapacity: leafCapacity, notesDropped: notesDropped)
    }

    var isEmpty: Bool { root.count == 0 }
}

// MARK: Finding

extension IDTree {
    /// Calls `body` with the only leaf that can hold `id`, and the ID from which on it does; `nil` in an empty tree.
    func withLeaf<Result>(of id: StreamID, _ body: (Leaf, StreamID) -> Result) -> Result? {
        isEmpty ? nil : root.withLeaf(of: id, body)
    }

    /// The sum of all that lies before `id`.
    ///
    /// - Parameter part: the same of the leaf where `id` belongs.
    func sum(before id: StreamID, _ part: (Leaf, StreamID) -> Leaf.Sum) -> Leaf.Sum {
        isEmpty ? .zero : root.sum(before: id, part)
    }
}

extension IDTree.Node {
    /// The child or leaf where `id` belongs.
    @inline(__always)
    func place(of id: StreamID) -> Int {
        var low = 0
        var high = firsts.count
        let firsts = firsts.span
        while low < high {
            let middle = (low + high) / 2
            if id < firsts[middle] { high = middle } else { low = middle + 1 }
        }
        return low == 0 ? 0 : low - 1
    }

    func withLeaf<Result>(of id: StreamID, _ body: (Leaf, StreamID) -> Result) -> Result {
        let place = place(of: id)
        // Through a span a child is borrowed; by subscript it would be copied, with a retain for each of its arrays.
        if isBottom { return body(leaves.span[place], firsts[place]) }
        return children.span[place].withLeaf(of: id, body)
    }

    func sum(before id: StreamID, _ part: (Leaf, StreamID) -> Leaf.Sum) -> Leaf.Sum {
        let place = place(of: id)
        var sum = Leaf.Sum.zero
        for earlier in 0..<place { sum.add(sums[earlier]) }
        sum.add(
            isBottom ? part(leaves.span[place], firsts[place]) : children.span[place].sum(before: id, part))
        return sum
    }

    /// All of the node.
    func added() -> Leaf.Sum {
        var sum = Leaf.Sum.zero
        for part in sums { sum.add(part) }
        return sum
    }
}
