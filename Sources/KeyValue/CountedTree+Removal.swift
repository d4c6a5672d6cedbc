// SPDX-License-Identifier: Apache-2.0

extension CountedTree {
    /// Takes the key out and answers its value; `nil` where there was none.
    @discardableResult
    public mutating func remove(_ key: [UInt8]) -> Value? {
        let removed = root.remove(key, nodeCapacity / 2)
        if root.children.count == 1 { root = root.children[0] }
        return removed
    }
}

extension CountedTree.Node {
    /// - Parameter least: what a node but the root must hold, keys in a leaf, children in a branch.
    mutating func remove(_ key: [UInt8], _ least: Int) -> Value? {
        if isLeaf {
            let (offset, isFound) = leafOffset(of: key)
            guard isFound else { return nil }
            let value = removeValue(at: offset)
            count -= 1
            if value.isLive { liveCount -= 1 }
            return value
        }
        let child = childOffset(of: key)
        guard let value = children[child].remove(key, least) else { return nil }
        count -= 1
        if value.isLive { liveCount -= 1 }
        if children[child].size < least { refill(child, least) }
        return value
    }

    /// What the capacity bounds: keys of a leaf, children of a branch.
    var size: Int { isLeaf ? values.count : children.count }

    /// Gives a child that holds too little one entry of a neighbour, or joins the two.
    private mutating func refill(_ child: Int, _ least: Int) {
        if child > 0, children[child - 1].size > least {
            shiftRight(child - 1)
        } else if child + 1 < children.count, children[child + 1].size > least {
            shiftLeft(child + 1)
        } else {
            join(child > 0 ? child - 1 : child)
        }
    }

    /// Moves the last entry of child `left` to the front of its right neighbour.
    private mutating func shiftRight(_ left: Int) {
        if children[left].isLeaf {
            let value = children[left].removeValue(at: children[left].values.count - 1)
            children[left + 1].insertValue(value, at: 0)
            keys.replace(at: left, with: value.key)
        } else {
            let moved = children[left].children.removeLast()
            let separator = children[left].keys.remove(at: children[left].keys.count - 1)
            children[left + 1].children.insert(moved, at: 0)
            children[left + 1].keys.insert(keys[left], at: 0)
            keys.replace(at: left, with: separator)
        }
        children[left].recount()
        children[left + 1].recount()
    }

    /// Moves the first entry of child `right` to the end of its left neighbour.
    private mutating func shiftLeft(_ right: Int) {
        if children[right].isLeaf {
            let value = children[right].removeValue(at: 0)
            children[right - 1].insertValue(value, at: children[right - 1].values.count)
            keys.replace(at: right - 1, with: children[right].values[0].key)
        } else {
            children[right - 1].children.append(children[right].children.removeFirst())
            children[right - 1].keys.append(keys[right - 1])
            keys.replace(at: right - 1, with: children[right].keys.remove(at: 0))
        }
        children[right - 1].recount()
        children[right].recount()
    }

    /// Appends child `left + 1` to child `left`. Both together fit: one is below the least size, the other at it.
    private mutating func join(_ left: Int) {
        let separator = keys.remove(at: left)
        let right = children.remove(at: left + 1)
        if right.isLeaf {
            children[left].setValues((children[left].values + right.values)[...])
        } else {
            children[left].keys.append(separator)
            children[left].keys.append(contentsOf: right.keys)
            children[left].children.append(contentsOf: right.children)
        }
        children[left].recount()
    }
}
