// SPDX-License-Identifier: Apache-2.0

/// A block that is not in memory.
public struct AbsentBlock: Hashable, Sendable {
    public let base: StreamID
    /// Of its last entry.
    public let last: StreamID
    public let number: UInt64
    public let byteCount: Int
}

/// The blocks of a stream that something is going to ask for and that are not in memory, in the order in which it asks.
///
/// What is going to be asked follows from blocks that aren't there, too: of these the least is assumed. Whoever brings
/// all that a demand names has to ask again, and comes to an end, since nothing is demanded twice.
public struct BlockDemand: Sendable {
    public private(set) var blocks: [AbsentBlock] = []
    public private(set) var byteCount = 0
    /// Only searched.
    private var numbers: Set<UInt64> = []
    private let byteLimit: Int

    /// - Parameter byteLimit: no more blocks are added once there are so many bytes.
    public init(byteLimit: Int = .max) {
        self.byteLimit = byteLimit
    }

    public var isEmpty: Bool { blocks.isEmpty }
    var isFull: Bool { byteCount >= byteLimit }

    mutating func add(_ block: EntryBlock, _ base: StreamID) {
        guard !isFull, numbers.insert(block.number).inserted else { return }
        blocks.append(
            AbsentBlock(base: base, last: block.keptLast, number: block.number, byteCount: block.byteCount))
        byteCount += block.byteCount
    }
}

// MARK: Entries

extension Stream {
    /// All blocks.
    public func demandAll(_ demand: inout BlockDemand) {
        guard absentCount > 0 else { return }
        log.sealed.forEachLeaf { base, block in
            if block.isAbsent { demand.add(block, base) }
            return !demand.isFull
        }
    }

    /// For `entry`, `contains`, and deletion.
    public func demand(_ id: StreamID, _ demand: inout BlockDemand) {
        guard absentCount > 0, !(log.hasTail && id >= log.tailFirst) else { return }
        _ = log.sealed.withLeaf(of: id) { block, base in
            if block.mustBeRead(for: StreamRange(id, id)) { demand.add(block, base) }
        }
    }

    /// For the first or last entries of a range, at most `count`.
    public func demand(
        _ range: StreamRange, count: Int = .max, isReversed: Bool = false, _ demand: inout BlockDemand
    ) {
        guard absentCount > 0, !range.isEmpty, count > 0 else { return }
        var left = count
        if isReversed, log.hasTail, range.upper >= log.tailFirst {
            left -= Self.liveCount(log.tail, log.tailFirst, in: range)
            if left <= 0 { return }
        }
        func visit(_ base: StreamID, _ block: EntryBlock) -> Bool {
            if base > range.upper { return isReversed }
            if block.isAbsent {
                if block.mustBeRead(for: range) {
                    demand.add(block, base)
                    let isInside = range.lower <= block.firstLive && block.lastLive <= range.upper
                    left -= isInside ? block.liveCount : 1
                }
                if isReversed ? block.firstLive < range.lower : block.lastLive > range.upper { return false }
            } else {
                left -= Self.liveCount(block, base, in: range)
                if isReversed, base < range.lower { return false }
            }
            return left > 0 && !demand.isFull
        }
        if isReversed {
            log.sealed.forEachLeafReversed(from: range.upper, visit)
        } else {
            log.sealed.forEachLeaf(from: range.lower, visit)
        }
    }

    private static func liveCount(_ block: EntryBlock, _ base: StreamID, in range: StreamRange) -> Int {
        if range.lower <= base, range.upper == .max { return block.liveCount }
        var count = 0
        block.forEach(base: base) { cursor in
            if cursor.id > range.upper { return false }
            if cursor.id >= range.lower, !cursor.isDead { count += 1 }
            return true
        }
        return count
    }

    /// For `count(in:)` of what is behind `id`.
    public func demandCount(after id: StreamID, _ demand: inout BlockDemand) {
        guard absentCount > 0, let next = id.successor, !(log.hasTail && next > log.tailFirst) else { return }
        _ = log.sealed.withLeaf(of: next) { block, base in
            if block.mustBeRead(toCountBefore: next) { demand.add(block, base) }
        }
    }

    /// For `count(in:)`.
    public func demandCount(in range: StreamRange, _ demand: inout BlockDemand) {
        if range.isEmpty { return }
        if let before = range.lower.predecessor { demandCount(after: before, &demand) }
        demandCount(after: range.upper, &demand)
    }

    /// For a trim.
    ///
    /// - Parameter added: entries that come before it.
    public func demand(_ trim: Trim, added: Int = 0, _ demand: inout BlockDemand) {
        guard absentCount > 0, trim.policy != .keep || !trim.isApproximate else { return }
        var length = length + added
        var removed = 0
        log.sealed.forEachLeaf { base, block in
            let live = block.liveCount
            if case .maximumLength(let count) = trim.strategy, length <= count { return false }
            if case .minimumID(let id) = trim.strategy, base >= id { return false }
            if let limit = trim.limit, removed + live > limit { return false }
            let fate = fate(of: block, trim.policy)
            guard isWhole(block, base, in: trim, length: length) else {
                if !trim.isApproximate, block.isAbsent, fate != .stays { demand.add(block, base) }
                return trim.policy == .acknowledged && !trim.isApproximate && !demand.isFull
            }
            var gone = live
            if fate == .stays {
                gone = 0
            } else if fate == .differs {
                if block.isAbsent {
                    demand.add(block, base)
                } else if trim.policy == .acknowledged {
                    block.forEach(base: base) { cursor in
                        if !cursor.isDead, groups.need(cursor.id, prioritized) { gone -= 1 }
                        return true
                    }
                }
            }
            removed += gone
            length -= gone
            return !demand.isFull
        }
    }
}
