// SPDX-License-Identifier: Apache-2.0

extension CountedTree {
    /// Makes a tree of keys that are there in order, without searching. Nodes are three quarters full, so that the next
    /// inserts don't split them all. Complexity: O(n).
    ///
    /// - Parameters:
    ///   - count: how many there are.
    ///   - value: the value at an offset; keys must rise. Called once for each offset, in order.
    init<Failure: Error>(
        nodeCapacity: Int, count: Int, _ value: (Int) throws(Failure) -> Value
    ) throws(Failure) {
        self.init(nodeCapacity: nodeCapacity)
        guard count > 0 else { return }
        var level: [Node] = []
        var firstKeys: [[UInt8]] = []
        for range in Self.pieces(of: count, nodeCapacity) {
            var leaf = Node()
            leaf.values.reserveCapacity(NodeRoom.capacity(for: range.count))
            for offset in range { leaf.values.append(try value(offset)) }
            leaf.heads.rebuild(leaf.values)
            leaf.recount()
            firstKeys.append(leaf.values[0].key)
            level.append(leaf)
        }
        while level.count > 1 {
            var branches: [Node] = []
            var branchKeys: [[UInt8]] = []
            for range in Self.pieces(of: level.count, nodeCapacity) {
                var branch = Node()
                branch.children = Array(level[range])
                branch.keys = KeyList(firstKeys[range].dropFirst())
                branch.recount()
                branchKeys.append(firstKeys[range.lowerBound])
                branches.append(branch)
            }
            level = branches
            firstKeys = branchKeys
        }
        root = level[0]
    }

    /// Cuts `count` things into nodes of nearly equal size: one node if they fit, else as many as three quarters full
    /// ones would be, which leaves each at least half full.
    private static func pieces(of count: Int, _ capacity: Int) -> [Range<Int>] {
        let fill = capacity - capacity / 4
        let pieces = count <= capacity ? 1 : (count + fill - 1) / fill
        let (size, rest) = count.quotientAndRemainder(dividingBy: pieces)
        var begin = 0
        return (0..<pieces).map { piece in
            let end = begin + size + (piece < rest ? 1 : 0)
            defer { begin = end }
            return begin..<end
        }
    }
}
