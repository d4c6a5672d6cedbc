// SPDX-License-Identifier: Apache-2.0

extension CountedTree {
    /// What is wrong with the tree's shape, order or counts; `nil` if nothing is. Complexity: O(n).
    public func brokenInvariant() -> String? {
        var leafDepth: Int?
        return check(root, depth: 0, isRoot: true, from: nil, before: nil, &leafDepth)
    }

    private func check(
        _ node: Node, depth: Int, isRoot: Bool, from lower: [UInt8]?, before upper: [UInt8]?, _ leafDepth: inout Int?
    ) -> String? {
        let keys = node.isLeaf ? node.values.map(\.key) : node.keys.keys
        for (left, right) in zip(keys, keys.dropFirst()) where !KeyOrder.isLess(left, right) {
            return "keys \(left) and \(right) are out of order"
        }
        if !node.keys.isConsistent || !node.areHeadsConsistent { return "the heads of \(keys) are wrong" }
        if let lower, let first = keys.first, KeyOrder.isLess(first, lower) {
            return "\(first) is left of its node"
        }
        if let upper, let last = keys.last, !KeyOrder.isLess(last, upper) { return "\(last) is right of its node" }
        if node.size > nodeCapacity { return "a node holds \(node.size)" }
        if !isRoot, node.size < nodeCapacity / 2 { return "a node holds only \(node.size)" }
        var counted = node
        counted.recount()
        if counted.count != node.count || counted.liveCount != node.liveCount {
            return "counts are \(node.count), \(node.liveCount); found \(counted.count), \(counted.liveCount)"
        }
        if counted.stamp > node.stamp { return "a node's stamp is \(node.stamp), below it is \(counted.stamp)" }
        if node.isLeaf {
            if !node.keys.isEmpty { return "a leaf has separators" }
            if let leafDepth, leafDepth != depth { return "leaves at depths \(leafDepth) and \(depth)" }
            leafDepth = depth
            return nil
        }
        if !node.values.isEmpty { return "a branch has values" }
        if node.keys.count + 1 != node.children.count {
            return "\(node.keys.count) keys, \(node.children.count) children"
        }
        for (offset, child) in node.children.enumerated() {
            let from = offset > 0 ? node.keys[offset - 1] : lower
            let before = offset < node.keys.count ? node.keys[offset] : upper
            let broken = check(child, depth: depth + 1, isRoot: false, from: from, before: before, &leafDepth)
            if let broken { return broken }
        }
        return nil
    }
}
