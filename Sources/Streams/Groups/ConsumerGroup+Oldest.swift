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
        while let next = sight.pop() {
            switch next.part {
            case .node(let node): sight.push(node, upTo: age)
            case .leaf(let leaf): sight.push(leaf, upTo: age)
            case .entry(let entry): if !body(entry) { return }
            }
        }
    }
}

/// Parts of a tree of pending entries, the one with the oldest entry on top.
private struct OldestHeap {
    enum Part {
        case node(IDTree<PendingLeaf>.Node)
        case leaf(PendingLeaf)
        case entry(PendingEntry)
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

    mutating func push(_ node: IDTree<PendingLeaf>.Node, upTo age: Int64) {
        for place in 0..<node.count where node.sums[place].oldest <= age {
            let part: Part = node.isBottom ? .leaf(node.leaves[place]) : .node(node.children[place])
            push(Item(age: node.sums[place].oldest, first: node.firsts[place], part: part))
        }
    }

    mutating func push(_ leaf: PendingLeaf, upTo age: Int64) {
        for row in 0..<leaf.count where leaf.age(at: row) <= age {
            let entry = leaf.entry(at: row)
            push(Item(age: entry.age, first: entry.id, part: .entry(entry)))
        }
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

    mutating func pop() -> Item? {
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
