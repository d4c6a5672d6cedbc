// SPDX-License-Identifier: Apache-2.0

extension IDTree {
    /// What is wrong with the tree; `nil` if nothing is. For tests. Complexity: O(n).
    ///
    /// - Parameter leafProblem: the same of a leaf, which must hold IDs from the first one given to below the second.
    func invariantViolation(_ leafProblem: (Leaf, StreamID, StreamID?) -> String?) -> String? {
        if let problem = root.violation(before: nil, ledger, isRoot: true, leafProblem) { return problem }
        if !Node.isSum(sum, of: root.added()) { return "the tree's sum \(sum) is not \(root.added())" }
        if root.depth == nil { return "leaves are at different depths" }
        return nil
    }
}

extension IDTree.Node {
    /// Whether a sum fits what is below. It may say that something changed when that is gone again; never the reverse.
    fileprivate static func isSum(_ sum: Leaf.Sum, of parts: Leaf.Sum) -> Bool {
        if parts.isChanged, !sum.isChanged { return false }
        var (sum, parts) = (sum, parts)
        (sum.isChanged, parts.isChanged) = (false, false)
        return "\(sum)" == "\(parts)"
    }

    fileprivate var depth: Int? {
        if isBottom { return 1 }
        let depths = children.map(\.depth)
        guard let first = depths[0], depths.allSatisfy({ $0 == first }) else { return nil }
        return first + 1
    }

    fileprivate func violation(
        before end: StreamID?, _ ledger: IDTree.Ledger, isRoot: Bool,
        _ leafProblem: (Leaf, StreamID, StreamID?) -> String?
    ) -> String? {
        if count > ledger.nodeCapacity { return "a node of \(count)" }
        if !isRoot, count == 0 { return "an empty node" }
        if sums.count != count || (isBottom ? leaves.count : children.count) != count { return "uneven arrays" }
        for place in 0..<count {
            let next = place + 1 < count ? firsts[place + 1] : end
            if let next, next <= firsts[place] { return "\(firsts[place]) before \(next)" }
            if isBottom {
                if !Self.isSum(sums[place], of: leaves[place].sum) { return "sum of leaf \(firsts[place])" }
                if leaves[place].number >= ledger.nextNumber { return "leaf number \(leaves[place].number)" }
                if let problem = leafProblem(leaves[place], firsts[place], next) { return problem }
            } else {
                if children[place].count > 0, children[place].firsts[0] < firsts[place] {
                    return "child of \(firsts[place]) begins at \(children[place].firsts[0])"
                }
                if !Self.isSum(sums[place], of: children[place].added()) { return "sum of child \(firsts[place])" }
                let problem = children[place].violation(before: next, ledger, isRoot: false, leafProblem)
                if let problem { return problem }
            }
        }
        return nil
    }
}
