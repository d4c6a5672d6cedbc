// SPDX-License-Identifier: Apache-2.0

extension IDTree {
    /// Calls `body` with the leaf where `id` belongs, which it may change but not extend below its first ID; `nil` in
    /// an empty tree. A leaf that is empty afterwards leaves the tree.
    mutating func update<Result>(_ id: StreamID, _ body: (inout Leaf, StreamID) -> Result) -> Result? {
        if isEmpty { return nil }
        let position = Position(isEnd: true, isOnly: root.isBottom && root.count == 1, lowers: false)
        let result = root.update(id, &sum, position, &ledger, body)
        settleRoot(isEnd: false)
        return result
    }

    /// As `update`, where `body` adds `id` to the leaf.
    ///
    /// - Parameter initial: the first leaf of an empty tree, empty itself.
    mutating func insert<Result>(
        _ id: StreamID, initial: @autoclosure () -> Leaf, _ body: (inout Leaf, StreamID) -> Result
    ) -> Result {
        if isEmpty {
            var leaf = initial()
            leaf.number = ledger.number()
            append(leaf, first: id)
        }
        let position = Position(isEnd: true, isOnly: root.isBottom && root.count == 1, lowers: true)
        let result = root.update(id, &sum, position, &ledger, body)
        settleRoot(isEnd: false)
        return result
    }

    /// Adds a leaf behind all others; it has its number.
    mutating func append(_ leaf: Leaf, first: StreamID) {
        root.append(leaf, first: first, ledger.nodeCapacity)
        sum.add(leaf.sum)
        settleRoot(isEnd: true)
    }

    private mutating func settleRoot(isEnd: Bool) {
        if root.count > ledger.nodeCapacity {
            var top = Node()
            top.firsts = [root.firsts[0]]
            top.sums = [sum]
            top.children = [root]
            top.splitChild(0, isEnd: isEnd)
            root = top
        }
        while !root.isBottom, root.count == 1 { root = root.children[0] }
    }

    /// Where a change is going, seen from a node.
    struct Position {
        /// At the end of the tree.
        var isEnd: Bool
        /// In the only leaf of the tree.
        var isOnly: Bool
        /// Whether the first ID of the leaf may become lower.
        var lowers: Bool
    }
}

extension IDTree.Node {
    mutating func update<Result>(
        _ id: StreamID, _ total: inout Leaf.Sum, _ position: IDTree.Position, _ ledger: inout IDTree.Ledger,
        _ body: (inout Leaf, StreamID) -> Result
    ) -> Result {
        let place = place(of: id)
        var position = position
        position.isEnd = position.isEnd && place == count - 1
        if position.lowers, id < firsts[place] { firsts[place] = id }
        let (countBefore, sumBefore) = (count, sums[place])
        let result: Result
        if isBottom {
            result = body(&leaves[place], firsts[place])
            sums[place] = leaves[place].sum
            settleLeaf(place, position, &ledger)
        } else {
            result = children[place].update(id, &sums[place], position, &ledger, body)
            settleChild(place, position, ledger.nodeCapacity)
        }
        if count != countBefore || !total.exchange(sumBefore, for: sums[place]) { total = added() }
        return result
    }

    private mutating func settleLeaf(_ place: Int, _ position: IDTree.Position, _ ledger: inout IDTree.Ledger) {
        if leaves[place].isEmpty {
            if position.isOnly, Leaf.lastStays { return }
            ledger.drop(leaves[place].number)
            remove(place)
        } else if var right = leaves[place].split(capacity: ledger.leafCapacity, atEnd: position.isEnd) {
            right.leaf.number = ledger.number()
            sums[place] = leaves[place].sum
            firsts.insert(right.first, at: place + 1)
            sums.insert(right.leaf.sum, at: place + 1)
            leaves.insert(right.leaf, at: place + 1)
        } else if leaves[place].isSparse(capacity: ledger.leafCapacity) {
            if !joinLeaves(place, &ledger), place > 0 { _ = joinLeaves(place - 1, &ledger) }
        }
    }

    /// Joins a leaf and the next one, if there is one and both fit.
    private mutating func joinLeaves(_ place: Int, _ ledger: inout IDTree.Ledger) -> Bool {
        guard place + 1 < count else { return false }
        let next = leaves[place + 1]
        guard leaves[place].join(next, capacity: ledger.leafCapacity) else { return false }
        sums[place] = leaves[place].sum
        ledger.drop(next.number)
        remove(place + 1)
        return true
    }

    private mutating func settleChild(_ place: Int, _ position: IDTree.Position, _ capacity: Int) {
        let size = children[place].count
        if size > capacity {
            splitChild(place, isEnd: position.isEnd)
        } else if size == 0 {
            remove(place)
        } else if size <= capacity / 4 {
            if !joinChildren(place, capacity), place > 0 { _ = joinChildren(place - 1, capacity) }
        }
    }

    private mutating func joinChildren(_ place: Int, _ capacity: Int) -> Bool {
        guard place + 1 < count, children[place].count + children[place + 1].count <= capacity * 3 / 4 else {
            return false
        }
        let next = children[place + 1]
        remove(place + 1)
        children[place].firsts += next.firsts
        children[place].sums += next.sums
        children[place].leaves += next.leaves
        children[place].children += next.children
        sums[place] = children[place].added()
        return true
    }

    private mutating func remove(_ place: Int) {
        firsts.remove(at: place)
        sums.remove(at: place)
        if isBottom { leaves.remove(at: place) } else { children.remove(at: place) }
    }

    /// Cuts a child in two; at the end of the tree its last part alone goes to the right, so that the left one is full.
    mutating func splitChild(_ place: Int, isEnd: Bool) {
        let cut = isEnd ? children[place].count - 1 : children[place].count / 2
        let right = children[place].part(cut..<children[place].count)
        // Cut to size: what is full at the end of the tree is rarely touched again.
        children[place] = children[place].part(0..<cut)
        sums[place] = children[place].added()
        firsts.insert(right.firsts[0], at: place + 1)
        sums.insert(right.added(), at: place + 1)
        children.insert(right, at: place + 1)
    }

    private func part(_ range: Range<Int>) -> IDTree.Node {
        var part = IDTree.Node()
        part.firsts = Array(firsts[range])
        part.sums = Array(sums[range])
        if isBottom { part.leaves = Array(leaves[range]) } else { part.children = Array(children[range]) }
        return part
    }

    mutating func append(_ leaf: Leaf, first: StreamID, _ capacity: Int) {
        if isBottom {
            firsts.append(first)
            sums.append(leaf.sum)
            leaves.append(leaf)
            return
        }
        let place = count - 1
        children[place].append(leaf, first: first, capacity)
        sums[place].add(leaf.sum)
        if children[place].count > capacity { splitChild(place, isEnd: true) }
    }
}
