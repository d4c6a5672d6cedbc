// SPDX-License-Identifier: Apache-2.0

extension ConsumerGroup {
    /// Calls `body` with pending entries in the order of their age, what nobody holds first and then whatever was
    /// delivered longest ago, until it answers `false` or all up to `age` are through.
    ///
    /// Looks at parts of the tree only when their oldest entry is next. Complexity: O((visited + log n) · node), with a
    /// heap of what is in sight.
    func forEachOldest(upTo age: Int64, _ body: (PendingEntry) -> Bool) {
        guard pending.sum.oldest <= age else { return }
        var sight = OldestHeap()
        sight.push(pending.root, upTo: age)
        while let entry = sight.popEntry(upTo: age) {
            if !body(entry) { return }
        }
    }
}

/// Parts of a tree of pending entries, the one with the oldest entry on top.
///
/// Items refer to parts that were opened by number: moving one in the heap retains nothing.
private struct OldestHeap {
    enum Part {
        /// Child or leaf at a place of an opened node.
        case below(node: Int32, place: Int32)
        case row(leaf: Int32, row: Int32)
    }

    struct Item {
        var age: Int64
        /// Where the part begins. Parts are disjoint: of two with the same age the one in front has the lower ID.
        var first: StreamID
        var part: Part

        static func < (left: Item, right: Item) -> Bool {
            left.age != right.age ? left.age < right.age : left.first < right.first
        }
    }

    private var items: [Item] = []
    private var nodes: [IDTree<PendingLeaf>.Node] = []
    private var leaves: [PendingLeaf] = []

    mutating func push(_ node: IDTree<PendingLeaf>.Node, upTo age: Int64) {
        for place in 0..<node.count where node.sums[place].oldest <= age {
            let part = Part.below(node: Int32(nodes.count), place: Int32(place))
            push(Item(age: node.sums[place].oldest, first: node.firsts[place], part: part))
        }
        nodes.append(node)
    }

    private mutating func push(_ leaf: PendingLeaf, upTo limit: Int64) {
        for row in 0..<leaf.count {
            let age = leaf.age(at: row)
            if age > limit { continue }
            let part = Part.row(leaf: Int32(leaves.count), row: Int32(row))
            push(Item(age: age, first: leaf.id(at: row), part: part))
        }
        leaves.append(leaf)
    }

    /// The next entry, once all parts that may hold an older one are opened.
    mutating func popEntry(upTo age: Int64) -> PendingEntry? {
        while let next = pop() {
            switch next.part {
            case .row(let leaf, let row):
                return leaves[Int(leaf)].entry(at: Int(row))
            case .below(let number, let place):
                let node = nodes[Int(number)]
                if node.isBottom {
                    push(node.leaves[Int(place)], upTo: age)
                } else {
                    push(node.children[Int(place)], upTo: age)
                }
            }
        }
        return nil
    }

    private mutating func push(_ item: Item) {
        items.append(item)
        var child = items.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard items[child] < items[parent] else { return }
            items.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func pop() -> Item? {
        guard let last = items.popLast() else { return nil }
        guard let top = items.first else { return last }
        items[0] = last
        var parent = 0
        while true {
            var least = 2 * parent + 1
            if least >= items.count { return top }
            if least + 1 < items.count, items[least + 1] < items[least] { least += 1 }
            guard items[least] < items[parent] else { return top }
            items.swapAt(parent, least)
            parent = least
        }
    }
}
