// SPDX-License-Identifier: Apache-2.0

/// How a stream is shortened, from its beginning.
public struct Trim: Hashable, Sendable {
    public enum Strategy: Hashable, Sendable {
        /// To so many entries.
        case maximumLength(Int)
        /// To entries from this ID on.
        case minimumID(StreamID)
    }

    public var strategy: Strategy
    /// Whether only whole blocks go, so that more may stay.
    public var isApproximate: Bool
    /// Removes no more entries than this; `nil`: no limit. Only for approximate trims: where a client names none it is
    /// `BlockLimits.defaultTrimLimit`.
    public var limit: Int?
    public var policy: ReferencePolicy

    public init(
        _ strategy: Strategy, isApproximate: Bool = false, limit: Int? = nil, policy: ReferencePolicy = .keep
    ) {
        self.strategy = strategy
        self.isApproximate = isApproximate
        self.limit = isApproximate ? limit : nil
        self.policy = policy
    }
}

extension Stream {
    /// Shortens the stream; answers how many entries were removed.
    ///
    /// Complexity: O(blocks removed · log n + entries of a block); with a policy other than `keep`, O(entries removed
    /// or kept · groups · log n).
    public mutating func trim(_ trim: Trim) -> Int {
        var removed = 0
        // Of a block that stays, because entries in it are needed.
        var passed: StreamID?
        while let (block, base) = passed.map({ log.block(after: $0) }) ?? log.firstBlock, block.liveCount > 0 {
            let live = block.liveCount
            if case .maximumLength(let count) = trim.strategy, length <= count { break }
            if case .minimumID(let id) = trim.strategy, base >= id { break }
            if let limit = trim.limit, removed + live > limit { break }
            let fate = fate(of: block, trim.policy)
            guard isWhole(block, base, in: trim, length: length) else {
                if !trim.isApproximate, fate != .stays { removed += removeEach(of: trim, base) }
                // The end of what goes is in this block, unless entries in it were kept.
                guard trim.policy == .acknowledged, !trim.isApproximate else { break }
                passed = base
                continue
            }
            switch fate {
            case .goes:
                // Where a policy has a look at each the block isn't in memory: elsewhere it may be, and what stands
                // beside its entries goes with each of them.
                if trim.policy != .keep { forgetMarks(in: StreamRange(block.firstLive, block.lastLive)) }
                log.removeBlock(base: base)
                removed += live
            case .stays: passed = base
            case .differs:
                let count = removeEach(of: trim, base)
                removed += count
                if count < live { passed = base }
            }
        }
        if removed > 0 { forgetGone(atMost: Self.forgottenPerTrim) }
        return removed
    }

    /// What a policy makes of the entries of a block that are all to go.
    enum BlockFate: Hashable {
        /// All of them go, and nobody has one pending.
        case goes
        /// All of them are needed.
        case stays
        /// It takes a look at each.
        case differs
    }

    /// Of a block that isn't in memory mostly its bounds tell; of others nothing is gained by that.
    ///
    /// Complexity: O(groups · log n).
    func fate(of block: EntryBlock, _ policy: ReferencePolicy) -> BlockFate {
        if policy == .keep { return .goes }
        guard block.isAbsent else { return .differs }
        let range = StreamRange(block.firstLive, block.lastLive)
        if policy == .acknowledged {
            if groups.contains(where: { $0.lastDeliveredID < range.lower }) { return .stays }
            if groups.contains(where: { $0.lastDeliveredID < range.upper }) { return .differs }
        }
        return groups.contains { $0.hasPending(in: range) } ? .differs : .goes
    }

    /// Whether all that is in a block is to go.
    ///
    /// - Parameter length: that of the stream by then.
    func isWhole(_ block: EntryBlock, _ base: StreamID, in trim: Trim, length: Int) -> Bool {
        switch trim.strategy {
        case .maximumLength(let count):
            return length - block.liveCount >= count
        case .minimumID(let id):
            guard base < id else { return false }
            // The next block's base tells mostly; else it takes a walk through this one.
            if let next = log.block(after: base), next.base <= id { return true }
            return (log.hasTail && base == log.tailFirst ? log.tailLast : block.lastID(base: base)) < id
        }
    }

    /// Removes from a block whatever the trim removes, entry by entry.
    private mutating func removeEach(of trim: Trim, _ base: StreamID) -> Int {
        var surplus = Int.max
        if case .maximumLength(let count) = trim.strategy { surplus = length - count }
        let (groups, prioritized) = (groups, prioritized)
        // Whole blocks go by themselves, and what is known of their entries later.
        let notesEach = trim.policy == .delete || hasMarks
        var ids: [StreamID] = []
        let count = log.deleteEach(inBlockOf: base) { id in
            if surplus == 0 { return nil }
            if case .minimumID(let least) = trim.strategy, id >= least { return nil }
            if trim.policy == .acknowledged, groups.need(id, prioritized) { return false }
            surplus -= 1
            if notesEach { ids.append(id) }
            return true
        }
        for id in ids { forgetMarks(of: id) }
        if trim.policy == .delete, !ids.isEmpty { removeReferences(to: ids) }
        return count
    }
}
