// SPDX-License-Identifier: Apache-2.0

extension CountedTree {
    /// How many values of the interval count by a rule of the caller's that agrees with `isLive` on every value whose
    /// stamp is at most `stamp`.
    ///
    /// Complexity: O(log n), plus the size of the leaves in which something has a greater stamp.
    ///
    /// - Parameter isCounted: the rule; called only for values with greater stamps.
    public func count(in interval: KeyInterval, asOf stamp: Int64, _ isCounted: (Value) -> Bool) -> Int {
        switch interval.end {
        case .single:
            return withValue(of: interval.lower) { ($0.stamp <= stamp ? $0.isLive : isCounted($0)) ? 1 : 0 } ?? 0
        case .before(let upper):
            guard KeyOrder.isLess(interval.lower, upper) else { return 0 }
            return root.count(from: interval.lower, before: upper, asOf: stamp, isCounted)
        case .unbounded:
            return root.count(from: interval.lower, before: nil, asOf: stamp, isCounted)
        }
    }
}

extension CountedTree.Node {
    /// A bound that is `nil` holds for the whole node.
    fileprivate func count(
        from lower: [UInt8]?, before upper: [UInt8]?, asOf stamp: Int64, _ isCounted: (Value) -> Bool
    ) -> Int {
        if lower == nil, upper == nil, self.stamp <= stamp { return liveCount }
        var counted = 0
        if isLeaf {
            let first = lower.map { leafOffset(of: $0).offset } ?? 0
            let end = upper.map { leafOffset(of: $0).offset } ?? values.count
            var offset = first
            while offset < end {
                let isUnchanged = values.span[offset].stamp <= stamp
                if isUnchanged ? values.span[offset].isLive : isCounted(values.span[offset]) { counted += 1 }
                offset += 1
            }
            return counted
        }
        let first = lower.map { childOffset(of: $0) } ?? 0
        let last = upper.map { childOffset(of: $0) } ?? children.count - 1
        var offset = first
        while offset <= last {
            counted += children.span[offset].count(
                from: offset == first ? lower : nil, before: offset == last ? upper : nil, asOf: stamp, isCounted)
            offset += 1
        }
        return counted
    }
}
