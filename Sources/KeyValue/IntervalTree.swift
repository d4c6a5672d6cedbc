// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Half-open intervals of keys, each with a payload, that answers which of them contain a key.
///
/// A treap in one array: a binary search tree by `(lower, upper)`, a heap by a priority drawn when a node is made. Each
/// node also knows the greatest upper end below it, so that a search skips whole subtrees that end before the key.
///
///     lower, upper [greatest upper]            c, f [∞]
///                                           /           \
///                                   a, d [e]             k, ∞ [∞]
///                                          \
///                                           b, e [e]
///
/// Priorities come from a seeded sequence, so the same calls build the same tree in every process. Equal intervals
/// share a node. Complexity: updates O(log n), a search O(log n) for each interval found.
public struct IntervalTree<Payload: Sendable>: Sendable {
    private struct Node {
        var lower: [UInt8]
        /// `nil` is above every key.
        var upper: [UInt8]?
        var greatestUpper: [UInt8]?
        var priority: UInt64
        var left = IntervalTree.none
        var right = IntervalTree.none
        var payload: Payload
    }

    private static var none: Int { -1 }

    private var nodes: [Node] = []
    /// Places in `nodes` that a removal left behind.
    private var free: [Int] = []
    private var root = IntervalTree.none
    private var priorities = SeededRandom(seed: 0)

    public init() {}

    public var count: Int { nodes.count - free.count }
    var isEmpty: Bool { count == 0 }

    /// Calls `body` with the payload of each interval that contains `key`, in order of `(lower, upper)`.
    public func forEach(containing key: [UInt8], _ body: (Payload) -> Void) {
        visit(root, key, body)
    }

    func containsInterval(around key: [UInt8]) -> Bool {
        var found = false
        forEach(containing: key) { _ in found = true }
        return found
    }

    /// Changes the payload of the interval; makes it with `initial` where it is new.
    public mutating func update(lower: [UInt8], upper: [UInt8]?, initial: Payload, _ body: (inout Payload) -> Void) {
        let place = find(lower, upper)
        if place != Self.none {
            body(&nodes[place].payload)
            return
        }
        var payload = initial
        body(&payload)
        let node = Node(
            lower: lower, upper: upper, greatestUpper: upper, priority: priorities.next(), payload: payload)
        let new = free.popLast() ?? nodes.count
        if new == nodes.count { nodes.append(node) } else { nodes[new] = node }
        root = insert(new, into: root)
    }

    public func payload(lower: [UInt8], upper: [UInt8]?) -> Payload? {
        let place = find(lower, upper)
        return place == Self.none ? nil : nodes[place].payload
    }

    /// Takes the interval out; without effect where it is missing.
    public mutating func remove(lower: [UInt8], upper: [UInt8]?) {
        guard find(lower, upper) != Self.none else { return }
        root = remove(lower, upper, from: root)
    }

    // MARK: Order

    private static func compareUppers(_ left: [UInt8]?, _ right: [UInt8]?) -> Int {
        guard let left else { return right == nil ? 0 : 1 }
        guard let right else { return -1 }
        return KeyOrder.compare(left, right)
    }

    private func compare(_ lower: [UInt8], _ upper: [UInt8]?, _ place: Int) -> Int {
        let order = KeyOrder.compare(lower, nodes[place].lower)
        return order != 0 ? order : Self.compareUppers(upper, nodes[place].upper)
    }

    private func find(_ lower: [UInt8], _ upper: [UInt8]?) -> Int {
        var place = root
        while place != Self.none {
            let order = compare(lower, upper, place)
            if order == 0 { return place }
            place = order < 0 ? nodes[place].left : nodes[place].right
        }
        return Self.none
    }

    private func visit(_ place: Int, _ key: [UInt8], _ body: (Payload) -> Void) {
        guard place != Self.none else { return }
        if let greatest = nodes[place].greatestUpper, !KeyOrder.isLess(key, greatest) { return }
        visit(nodes[place].left, key, body)
        guard !KeyOrder.isLess(key, nodes[place].lower) else { return }
        if let upper = nodes[place].upper {
            if KeyOrder.isLess(key, upper) { body(nodes[place].payload) }
        } else {
            body(nodes[place].payload)
        }
        visit(nodes[place].right, key, body)
    }

    // MARK: Shape

    private mutating func refresh(_ place: Int) {
        var greatest = nodes[place].upper
        for child in [nodes[place].left, nodes[place].right] where child != Self.none {
            if Self.compareUppers(nodes[child].greatestUpper, greatest) > 0 {
                greatest = nodes[child].greatestUpper
            }
        }
        nodes[place].greatestUpper = greatest
    }

    /// Puts node `new` into the tree at `place` and answers the tree's new top.
    private mutating func insert(_ new: Int, into place: Int) -> Int {
        guard place != Self.none else { return new }
        var top = place
        if compare(nodes[new].lower, nodes[new].upper, place) < 0 {
            let child = insert(new, into: nodes[place].left)
            nodes[place].left = child
            if nodes[child].priority > nodes[place].priority {
                nodes[place].left = nodes[child].right
                nodes[child].right = place
                refresh(place)
                top = child
            }
        } else {
            let child = insert(new, into: nodes[place].right)
            nodes[place].right = child
            if nodes[child].priority > nodes[place].priority {
                nodes[place].right = nodes[child].left
                nodes[child].left = place
                refresh(place)
                top = child
            }
        }
        refresh(top)
        return top
    }

    private mutating func remove(_ lower: [UInt8], _ upper: [UInt8]?, from place: Int) -> Int {
        let order = compare(lower, upper, place)
        if order == 0 {
            let top = merge(nodes[place].left, nodes[place].right)
            // The place stays in the array: let go of what it holds but the payload, which the next user overwrites.
            nodes[place].lower = []
            nodes[place].upper = nil
            nodes[place].greatestUpper = nil
            free.append(place)
            return top
        }
        if order < 0 {
            nodes[place].left = remove(lower, upper, from: nodes[place].left)
        } else {
            nodes[place].right = remove(lower, upper, from: nodes[place].right)
        }
        refresh(place)
        return place
    }

    /// Joins two trees, every interval of `left` before every one of `right`.
    private mutating func merge(_ left: Int, _ right: Int) -> Int {
        if left == Self.none { return right }
        if right == Self.none { return left }
        if nodes[left].priority > nodes[right].priority {
            nodes[left].right = merge(nodes[left].right, right)
            refresh(left)
            return left
        }
        nodes[right].left = merge(left, nodes[right].left)
        refresh(right)
        return right
    }
}
