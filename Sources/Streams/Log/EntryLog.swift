// SPDX-License-Identifier: Apache-2.0

/// The entries of a stream: a tree of sealed blocks, and the open one behind them all.
///
///     sealed   IDTree of blocks          tail
///     [1-0 … 9-4] [10-0 … 15-0] …        [80-0 … 81-7 ←
///
/// Appending touches the tail alone. `lastID` and the other numbers are the stream's own: they survive its entries.
struct EntryLog: Sendable {
    var sealed: IDTree<EntryBlock>
    var sealedCount = 0
    /// Without bytes where no block is open.
    var tail = EntryBlock()
    var tailFirst = StreamID.zero
    /// Of the tail's last entry, deleted or not: what the next one's distance is counted from.
    var tailLast = StreamID.zero
    /// Entries that the tail was given: what deletion frees in it is not filled again, so that blocks hold what the
    /// limits say, in terms of what was appended.
    var tailGiven = 0

    /// The greatest ID that an entry had, or that was set.
    var lastID = StreamID.zero
    /// The greatest ID of an entry that was deleted by name. Trims don't count.
    var maxDeletedID = StreamID.zero
    /// Entries ever added.
    var entriesAdded: UInt64 = 0
    /// About what changed since the last checkpoint began.
    var changedBytes = 0
    /// What it takes to write sealed blocks again that have changed since somebody took this.
    var rewrittenBytes = 0
    /// Of sealed blocks, in memory or not.
    var sealedBytes = 0
    /// Sealed blocks that are not in memory.
    var absentCount = 0
    /// Blocks that were sealed as the last checkpoint has them: the next one says so.
    var sealedUnchanged: [SealedBlock] = []
    /// Of a copy that no checkpoint holds yet: see `Stream.becomeCopy`.
    var origins: [UInt64] = []
    /// How often entries moved within their blocks, or left memory with them: see `ReadingPlace`. Not state.
    var moveCount: UInt64 = 0
    private let notesSealed: Bool

    init(_ configuration: StreamConfiguration) {
        sealed = IDTree(
            nodeCapacity: configuration.nodeCapacity, leafCapacity: configuration.nodeCapacity,
            notesDropped: configuration.isCheckpointed)
        notesSealed = configuration.isCheckpointed
    }

    var hasTail: Bool { !tail.bytes.isEmpty }
    var length: Int { sealed.sum.liveCount + tail.liveCount }
    var blockCount: Int { sealedCount + (hasTail ? 1 : 0) }
    /// Of all blocks, in memory or not.
    var byteCount: Int { sealedBytes + tail.bytes.count }

    /// Bytes of an entry beside its names and values, about.
    private static let entryOverhead = 8

    // MARK: Appending

    /// Adds an entry above all others. Complexity: O(its bytes), and O(log blocks) where a block gets full.
    mutating func append(
        _ id: StreamID, fields: RawSpan, shape: FieldList.Shape, limits: BlockLimits,
        priority: EntryPriority = .normal
    ) {
        if hasTail,
            tailGiven >= limits.effectiveEntries || tail.bytes.count + shape.contentBytes >= limits.effectiveBytes
        {
            seal()
        }
        if !hasTail {
            tail.open(number: sealed.ledger.number(), names: fields, pairCount: shape.pairCount)
            (tailFirst, tailLast, tailGiven) = (id, id, 0)
        }
        tail.append(
            id, after: tailLast, fields: fields, pairCount: shape.pairCount, contentBytes: shape.contentBytes,
            priority: priority)
        tailLast = id
        tailGiven += 1
        changedBytes += shape.contentBytes + Self.entryOverhead
        lastID = id
        entriesAdded += 1
    }

    /// Closes the open block.
    mutating func seal() {
        let block = tail.sealed
        if notesSealed, !block.isChanged { sealedUnchanged.append(SealedBlock(block, tailFirst)) }
        sealed.append(block, first: tailFirst)
        sealedCount += 1
        sealedBytes += block.bytes.count
        tail.bytes.removeAll(keepingCapacity: true)
    }

    // MARK: Finding

    func entry(_ id: StreamID) -> StreamEntry? {
        if hasTail, id >= tailFirst { return tail.find(id, base: tailFirst).map { StreamEntry($0, in: tail) } }
        let found = sealed.withLeaf(of: id) { block, base in
            block.find(id, base: base).map { StreamEntry($0, in: block) }
        }
        return found ?? nil
    }

    func contains(_ id: StreamID) -> Bool {
        if hasTail, id >= tailFirst { return tail.find(id, base: tailFirst) != nil }
        return sealed.withLeaf(of: id) { block, base in block.find(id, base: base) != nil } ?? false
    }

    /// Live entries with IDs below `id`. Complexity: O(log n + entries of a block).
    func liveCount(before id: StreamID) -> Int {
        if hasTail, id > tailFirst {
            return sealed.sum.liveCount
                + (id > tailLast ? tail.liveCount : tail.liveCount(before: id, base: tailFirst))
        }
        return sealed.sum(before: id) { block, base in
            BlockSum(liveCount: block.liveCount(before: id, base: base), isChanged: false)
        }.liveCount
    }

    func liveCount(in range: StreamRange) -> Int {
        if range.isEmpty { return 0 }
        return (range.upper.successor.map { liveCount(before: $0) } ?? length) - liveCount(before: range.lower)
    }

    var first: StreamEntry? {
        var first: StreamEntry?
        forEach(in: .all) { entry in
            first = entry
            return false
        }
        return first
    }

    var last: StreamEntry? {
        var last: StreamEntry?
        forEachReversed(in: .all) { entry in
            last = entry
            return false
        }
        return last
    }

    /// The greatest ID in blocks, of a live entry or of a dead one that still lies there: what is added must be above.
    var lastInBlocks: StreamID? {
        if hasTail { return tailLast }
        return sealed.withLeaf(of: .max) { block, base in block.lastID(base: base) }
    }

    /// Of the first entry, also where its block is not in memory. Complexity: O(log n + entries of a block).
    var firstID: StreamID? {
        if sealed.isEmpty { return hasTail ? tail.firstLiveID(base: tailFirst) : nil }
        return sealed.withLeaf(of: .zero) { block, base in block.firstLiveID(base: base) } ?? nil
    }

    /// Of the last one. As above.
    var lastLiveID: StreamID? {
        if hasTail, let last = tail.lastLiveID(base: tailFirst) { return last }
        return sealed.withLeaf(of: .max) { block, base in block.lastLiveID(base: base) } ?? nil
    }

    // MARK: Walking

    /// Calls `body` with the entries of a range in order until it answers `false`.
    func forEach(in range: StreamRange, _ body: (StreamEntry) -> Bool) {
        visit(in: range) { block, _, cursor in body(StreamEntry(cursor, in: block)) }
    }

    /// As `forEach`, with the block of each live entry, its base ID, and the cursor there.
    @inline(__always)
    func visit(in range: StreamRange, _ body: (EntryBlock, StreamID, EntryCursor) -> Bool) {
        if range.isEmpty { return }
        var isGoingOn = true
        if !hasTail || range.lower < tailFirst {
            sealed.forEachLeaf(from: range.lower) { base, block in
                isGoingOn = Self.walk(block, base, range, body)
                return isGoingOn
            }
        }
        if isGoingOn, hasTail { _ = Self.walk(tail, tailFirst, range, body) }
    }

    /// As `forEach`, in falling order.
    func forEachReversed(in range: StreamRange, _ body: (StreamEntry) -> Bool) {
        if range.isEmpty { return }
        if hasTail, range.upper >= tailFirst, !Self.walkReversed(tail, tailFirst, range, body) { return }
        sealed.forEachLeafReversed(from: range.upper) { base, block in
            Self.walkReversed(block, base, range, body)
        }
    }

    /// - Returns: `false` where the walk is at its end.
    private static func walk(
        _ block: EntryBlock, _ base: StreamID, _ range: StreamRange,
        _ body: (EntryBlock, StreamID, EntryCursor) -> Bool
    ) -> Bool {
        var isGoingOn = true
        if block.isAbsent, !block.mustBeRead(for: range) { return block.keptLast <= range.upper }
        block.forEach(base: base) { cursor in
            if cursor.id > range.upper {
                isGoingOn = false
            } else if cursor.id >= range.lower, !cursor.isDead {
                isGoingOn = body(block, base, cursor)
            }
            return isGoingOn
        }
        return isGoingOn
    }

    private static func walkReversed(
        _ block: EntryBlock, _ base: StreamID, _ range: StreamRange, _ body: (StreamEntry) -> Bool
    ) -> Bool {
        if block.isAbsent, !block.mustBeRead(for: range) { return base > range.lower }
        // Entries can be read forward alone.
        var cursors: [EntryCursor] = []
        block.forEach(base: base) { cursor in
            if cursor.id > range.upper { return false }
            if cursor.id >= range.lower, !cursor.isDead { cursors.append(cursor) }
            return true
        }
        for cursor in cursors.reversed() {
            if !body(StreamEntry(cursor, in: block)) { return false }
        }
        return base > range.lower
    }
}
