// SPDX-License-Identifier: Apache-2.0

extension IDTree {
    /// Calls `body` with leaves in order, from the one where `id` belongs on, until it answers `false`.
    func forEachLeaf(from id: StreamID = .zero, _ body: (StreamID, Leaf) -> Bool) {
        _ = root.forEachLeaf(from: id, body)
    }

    /// Calls `body` with leaves in falling order, from the one where `id` belongs on, until it answers `false`.
    func forEachLeafReversed(from id: StreamID = .max, _ body: (StreamID, Leaf) -> Bool) {
        _ = root.forEachLeafReversed(from: id, body)
    }

    /// Calls `body` with all leaves that changed since the last call, in order; from then on they count as unchanged.
    mutating func takeChanged(_ body: (StreamID, Leaf) -> Void) {
        guard sum.isChanged else { return }
        root.takeChanged(body)
        sum.isChanged = false
    }

    /// Makes all leaves count as changed that can.
    mutating func markAllChanged() {
        guard !isEmpty else { return }
        root.markAllChanged()
        sum.isChanged = true
    }
}

extension IDTree.Node {
    func forEachLeaf(from id: StreamID?, _ body: (StreamID, Leaf) -> Bool) -> Bool {
        let begin = id.map { place(of: $0) } ?? 0
        for place in begin..<max(begin, count) {
            let isGoingOn =
                isBottom
                ? body(firsts[place], leaves.span[place])
                : children.span[place].forEachLeaf(from: place == begin ? id : nil, body)
            if !isGoingOn { return false }
        }
        return true
    }

    func forEachLeafReversed(from id: StreamID?, _ body: (StreamID, Leaf) -> Bool) -> Bool {
        if count == 0 { return true }
        let begin = id.map { place(of: $0) } ?? count - 1
        for place in stride(from: begin, through: 0, by: -1) {
            let isGoingOn =
                isBottom
                ? body(firsts[place], leaves.span[place])
                : children.span[place].forEachLeafReversed(from: place == begin ? id : nil, body)
            if !isGoingOn { return false }
        }
        return true
    }

    mutating func takeChanged(_ body: (StreamID, Leaf) -> Void) {
        for place in 0..<count where sums[place].isChanged {
            sums[place].isChanged = false
            if isBottom {
                leaves[place].isChanged = false
                body(firsts[place], leaves.span[place])
            } else {
                children[place].takeChanged(body)
            }
        }
    }

    mutating func markAllChanged() {
        for place in 0..<count {
            if isBottom {
                guard leaves[place].canChange else { continue }
                leaves[place].isChanged = true
            } else {
                children[place].markAllChanged()
            }
            sums[place].isChanged = true
        }
    }
}
