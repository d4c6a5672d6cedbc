// SPDX-License-Identifier: Apache-2.0

extension CountedTree {
    /// Calls `body` with each value in the interval, in key order, until it answers false.
    ///
    /// - Parameter liveOnly: leave out values that are not live; subtrees without live values cost nothing.
    public func forEach(in interval: KeyInterval, liveOnly: Bool, _ body: (Value) -> Bool) {
        switch interval.end {
        case .single:
            _ = withValue(of: interval.lower) { value in
                if value.isLive || !liveOnly { _ = body(value) }
            }
        case .before(let upper):
            guard KeyOrder.isLess(interval.lower, upper) else { return }
            _ = root.forEach(from: interval.lower, before: upper, liveOnly, body)
        case .unbounded:
            _ = root.forEach(from: interval.lower, before: nil, liveOnly, body)
        }
    }

    /// As `forEach`, from the last key of the interval down to its first.
    public func forEachReversed(in interval: KeyInterval, liveOnly: Bool, _ body: (Value) -> Bool) {
        switch interval.end {
        case .single:
            forEach(in: interval, liveOnly: liveOnly, body)
        case .before(let upper):
            guard KeyOrder.isLess(interval.lower, upper) else { return }
            _ = root.forEachReversed(from: interval.lower, before: upper, liveOnly, body)
        case .unbounded:
            _ = root.forEachReversed(from: interval.lower, before: nil, liveOnly, body)
        }
    }

    public func forEach(
        in interval: KeyInterval, isReversed: Bool, liveOnly: Bool, _ body: (Value) -> Bool
    ) {
        if isReversed {
            forEachReversed(in: interval, liveOnly: liveOnly, body)
        } else {
            forEach(in: interval, liveOnly: liveOnly, body)
        }
    }

    /// Calls `body` with every value in key order.
    public func forEach(_ body: (Value) -> Void) {
        _ = root.forEach(from: nil, before: nil, false) { value in
            body(value)
            return true
        }
    }
}

extension CountedTree.Node {
    /// A bound that is `nil` holds for the whole node. Answers false when `body` did.
    func forEach(
        from lower: [UInt8]?, before upper: [UInt8]?, _ liveOnly: Bool, _ body: (Value) -> Bool
    ) -> Bool {
        if isLeaf {
            let first = lower.map { leafOffset(of: $0).offset } ?? 0
            let end = upper.map { leafOffset(of: $0).offset } ?? values.count
            var offset = first
            while offset < end {
                if !liveOnly || values.span[offset].isLive {
                    guard body(values.span[offset]) else { return false }
                }
                offset += 1
            }
            return true
        }
        let first = lower.map { childOffset(of: $0) } ?? 0
        let last = upper.map { childOffset(of: $0) } ?? children.count - 1
        var offset = first
        while offset <= last {
            if !liveOnly || children.span[offset].liveCount > 0 {
                let isGoingOn = children.span[offset].forEach(
                    from: offset == first ? lower : nil, before: offset == last ? upper : nil, liveOnly, body)
                guard isGoingOn else { return false }
            }
            offset += 1
        }
        return true
    }

    func forEachReversed(
        from lower: [UInt8]?, before upper: [UInt8]?, _ liveOnly: Bool, _ body: (Value) -> Bool
    ) -> Bool {
        if isLeaf {
            let first = lower.map { leafOffset(of: $0).offset } ?? 0
            var offset = upper.map { leafOffset(of: $0).offset } ?? values.count
            while offset > first {
                offset -= 1
                if !liveOnly || values.span[offset].isLive {
                    guard body(values.span[offset]) else { return false }
                }
            }
            return true
        }
        let first = lower.map { childOffset(of: $0) } ?? 0
        let last = upper.map { childOffset(of: $0) } ?? children.count - 1
        var offset = last
        while offset >= first {
            if !liveOnly || children.span[offset].liveCount > 0 {
                let isGoingOn = children.span[offset].forEachReversed(
                    from: offset == first ? lower : nil, before: offset == last ? upper : nil, liveOnly, body)
                guard isGoingOn else { return false }
            }
            offset -= 1
        }
        return true
    }
}
