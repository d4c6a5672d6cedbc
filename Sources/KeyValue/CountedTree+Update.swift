// SPDX-License-Identifier: Apache-2.0

extension CountedTree {
    /// Calls `body` with the key's value, which it may change; puts `initial` there where the key is new. After `body`
    /// the value must have the key.
    public mutating func update<Result>(
        _ key: [UInt8], initial: @autoclosure () -> Value, _ body: (inout Value) -> Result
    ) -> Result {
        let (result, split) = root.update(key, nodeCapacity, initial, body)
        if let split { grow(split) }
        return result
    }

    /// Calls `body` with the key's value, which it may change; `nil` where there is none.
    public mutating func updateExisting<Result>(_ key: [UInt8], _ body: (inout Value) -> Result) -> Result? {
        root.updateExisting(key, body)
    }

    /// The root was split: puts a branch above both halves.
    private mutating func grow(_ split: Node.Split) {
        var top = Node()
        top.count = root.count + split.right.count
        top.liveCount = root.liveCount + split.right.liveCount
        top.stamp = max(root.stamp, split.right.stamp)
        top.keys = KeyList([split.separator])
        top.children = [root, split.right]
        root = top
    }
}

extension CountedTree.Node {
    /// The upper half that a full node gave away, and the key where it begins.
    struct Split {
        var separator: [UInt8]
        var right: CountedTree.Node
    }

    mutating func update<Result>(
        _ key: [UInt8], _ capacity: Int, _ initial: () -> Value, _ body: (inout Value) -> Result
    ) -> (Result, Split?) {
        if isLeaf {
            let (offset, isFound) = leafOffset(of: key)
            if isFound {
                let wasLive = values[offset].isLive
                let result = body(&values[offset])
                let isLive = values[offset].isLive
                if wasLive != isLive { liveCount += isLive ? 1 : -1 }
                stamp = max(stamp, values[offset].stamp)
                return (result, nil)
            }
            var value = initial()
            let result = body(&value)
            count += 1
            if value.isLive { liveCount += 1 }
            stamp = max(stamp, value.stamp)
            insertValue(value, at: offset)
            return (result, values.count > capacity ? splitLeaf() : nil)
        }
        let child = childOffset(of: key)
        let countBefore = children[child].count
        let liveBefore = children[child].liveCount
        let (result, split) = children[child].update(key, capacity, initial, body)
        guard let split else {
            count += children[child].count - countBefore
            liveCount += children[child].liveCount - liveBefore
            stamp = max(stamp, children[child].stamp)
            return (result, nil)
        }
        count += children[child].count + split.right.count - countBefore
        liveCount += children[child].liveCount + split.right.liveCount - liveBefore
        stamp = max(stamp, children[child].stamp, split.right.stamp)
        keys.insert(split.separator, at: child)
        if children.count == children.capacity {
            children.reserveCapacity(NodeRoom.capacity(for: children.count + 1))
        }
        children.insert(split.right, at: child + 1)
        return (result, children.count > capacity ? splitBranch() : nil)
    }

    mutating func updateExisting<Result>(_ key: [UInt8], _ body: (inout Value) -> Result) -> Result? {
        if isLeaf {
            let (offset, isFound) = leafOffset(of: key)
            guard isFound else { return nil }
            let wasLive = values[offset].isLive
            let result = body(&values[offset])
            let isLive = values[offset].isLive
            if wasLive != isLive { liveCount += isLive ? 1 : -1 }
            stamp = max(stamp, values[offset].stamp)
            return result
        }
        let child = childOffset(of: key)
        let liveBefore = children[child].liveCount
        let result = children[child].updateExisting(key, body)
        liveCount += children[child].liveCount - liveBefore
        stamp = max(stamp, children[child].stamp)
        return result
    }

    private mutating func splitLeaf() -> Split {
        let middle = values.count / 2
        var right = CountedTree.Node()
        right.setValues(values[middle...])
        setValues(values[..<middle])
        right.recount()
        count -= right.count
        liveCount -= right.liveCount
        return Split(separator: right.values[0].key, right: right)
    }

    /// Makes this a leaf of values in key order, with no more room than they need.
    mutating func setValues(_ sorted: ArraySlice<Value>) {
        var own: [Value] = []
        own.reserveCapacity(NodeRoom.capacity(for: sorted.count))
        own.append(contentsOf: sorted)
        values = own
        heads.rebuild(own)
    }

    private mutating func splitBranch() -> Split {
        let middle = children.count / 2
        var right = CountedTree.Node()
        right.children = Array(children[middle...])
        right.keys = KeyList(keys.keys[middle...])
        let separator = keys[middle - 1]
        children = Array(children[..<middle])
        keys = KeyList(keys.keys[..<(middle - 1)])
        right.recount()
        count -= right.count
        liveCount -= right.liveCount
        return Split(separator: separator, right: right)
    }

    /// Sets the counts and the stamp from what the node holds directly.
    mutating func recount() {
        liveCount = 0
        stamp = .min
        if isLeaf {
            count = values.count
            for offset in values.indices {
                if values.span[offset].isLive { liveCount += 1 }
                stamp = max(stamp, values.span[offset].stamp)
            }
            return
        }
        count = 0
        for offset in children.indices {
            count += children.span[offset].count
            liveCount += children.span[offset].liveCount
            stamp = max(stamp, children.span[offset].stamp)
        }
    }
}
