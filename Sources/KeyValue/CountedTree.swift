// SPDX-License-Identifier: Apache-2.0

/// What a `CountedTree` holds: a value that knows its key, and may count or not.
public protocol CountedTreeValue: Sendable {
    /// Calls `body` with what the tree sorts by: changes of the value in the tree leave it alone.
    func withKey<Result>(_ body: (RawSpan) -> Result) -> Result
    /// Whether the tree's live counts include this value.
    var isLive: Bool { get }
    /// Rises with every change of the value; the tree knows the greatest of every node, or a number above it.
    var stamp: Int64 { get }
}

/// A B+tree from keys to values that knows how many live values lie before any key.
///
///     branch      keys      [      "g"      "p"      ]        separators: child i holds keys below keys[i],
///                 children  [ •  ,  •   ,  •         ]        child i + 1 keys from keys[i] on
///                           /       |        \
///     leaf   [a c e]    [g k]    [p r x]                      values, each with its key
///
/// All values are in leaves, all leaves at the same depth. Every node carries the number of keys and of live values
/// below it, and a bound of their stamps. Nodes are values in arrays: a copy of the tree shares them, and a change
/// copies only the path to what it touches, so a copy is a cheap snapshot.
///
/// Complexity: finding, changing, inserting, removing and counting are O(log n); walking a range is O(log n + visited).
public struct CountedTree<Value: CountedTreeValue>: Sendable {
    /// One node. A leaf has values, a branch has children; never both.
    struct Node: Sendable {
        /// Of a branch.
        var keys = KeyList()
        /// Of a leaf.
        var heads = KeyHeads()
        var values: [Value] = []
        var children: [Node] = []
        var count = 0
        var liveCount = 0
        /// No value below has a greater one.
        var stamp = Int64.min

        var isLeaf: Bool { children.isEmpty }
    }

    /// Most keys of a leaf and most children of a branch. Nodes but the root hold at least half of it.
    let nodeCapacity: Int
    var root = Node()

    /// - Parameter nodeCapacity: at least 4. 64 keeps inserts in a leaf near one kilobyte of moves; tests take 4, so
    ///   that few keys make a deep tree.
    public init(nodeCapacity: Int = 64) {
        precondition(nodeCapacity >= 4, "a node of \(nodeCapacity) cannot be split and merged")
        self.nodeCapacity = nodeCapacity
    }

    public var count: Int { root.count }
    public var liveCount: Int { root.liveCount }
    public var isEmpty: Bool { root.count == 0 }
}

// MARK: Finding

extension CountedTree {
    /// Calls `body` with the value of `key`; `nil` where there is none.
    public func withValue<Result>(of key: [UInt8], _ body: (Value) -> Result) -> Result? {
        root.withValue(of: key, body)
    }

    /// How many live values have a key below `key`.
    public func liveCount(before key: [UInt8]) -> Int {
        root.liveCount(before: key)
    }

    /// How many live values lie in the interval.
    public func liveCount(in interval: KeyInterval) -> Int {
        switch interval.end {
        case .single:
            return withValue(of: interval.lower) { $0.isLive ? 1 : 0 } ?? 0
        case .before(let upper):
            guard KeyOrder.isLess(interval.lower, upper) else { return 0 }
            return liveCount(before: upper) - liveCount(before: interval.lower)
        case .unbounded:
            return liveCount - liveCount(before: interval.lower)
        }
    }

    /// How many values lie in the interval, live or not.
    public func count(in interval: KeyInterval) -> Int {
        switch interval.end {
        case .single:
            return withValue(of: interval.lower) { _ in 1 } ?? 0
        case .before(let upper):
            guard KeyOrder.isLess(interval.lower, upper) else { return 0 }
            return root.count(before: upper) - root.count(before: interval.lower)
        case .unbounded:
            return count - root.count(before: interval.lower)
        }
    }
}

extension CountedTree.Node {
    /// The child of this branch where `key` belongs.
    @inline(__always)
    func childOffset(of key: [UInt8]) -> Int {
        let (offset, isFound) = keys.offset(of: key)
        return isFound ? offset + 1 : offset
    }

    func withValue<Result>(of key: [UInt8], _ body: (Value) -> Result) -> Result? {
        if isLeaf {
            let (offset, isFound) = leafOffset(of: key)
            return isFound ? body(values.span[offset]) : nil
        }
        // Through a span a child is borrowed; by subscript it would be copied, with a retain for each of its arrays.
        return children.span[childOffset(of: key)].withValue(of: key, body)
    }

    func liveCount(before key: [UInt8]) -> Int {
        var before = 0
        if isLeaf {
            for offset in 0..<leafOffset(of: key).offset where values.span[offset].isLive { before += 1 }
            return before
        }
        let child = childOffset(of: key)
        for offset in 0..<child { before += children.span[offset].liveCount }
        return before + children.span[child].liveCount(before: key)
    }

    func count(before key: [UInt8]) -> Int {
        if isLeaf { return leafOffset(of: key).offset }
        let child = childOffset(of: key)
        var before = 0
        for offset in 0..<child { before += children.span[offset].count }
        return before + children.span[child].count(before: key)
    }
}
