// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The changes of a store: where old versions are read and watches catch up.
///
///                      floor
///     survivors          │  segments, in revision order
///     {2,0} {5,1} {6,0}  │  [{9,0} {9,1} {10,0} …] [… {73,0}] [{74,0} …
///
/// From `floor` on every change is there, appended behind and dropped in front by segments: the slabs in which changes
/// are packed. Below it, where nobody watches, only single versions are left that can still be read: those that were
/// written before the floor and replaced after it. (A version that is still the newest of its key stands in the key's
/// entry.)
///
/// Nobody outside asks where a record is kept, so records may later leave memory.
///
/// Complexity: appending O(1), finding a revision O(log n).
struct History: Sendable {
    /// A place in the segments. Raising the floor makes it void.
    struct Position: Hashable, Sendable {
        var segment: Int
        var offset: Int
    }

    /// The changes of a slab, in revision order.
    struct Segment: Sendable {
        let slab: ChangeSlab
        /// Those that belong here: the slab may go on behind them.
        var count: Int

        @inline(__always)
        func record(at offset: Int) -> HistoryRecord { slab.record(inSlot: offset) }

        var last: HistoryRecord { record(at: count - 1) }
    }

    /// Each holds at least one record; the first may begin with some below the floor.
    private var segments: [Segment] = []
    private var survivors = SurvivorTable()
    private(set) var floor = Revision.zero

    init() {}

    /// - Parameters:
    ///   - changes: all from the floor on, in revision order, as one packer packed them.
    ///   - survivors: versions from below the floor.
    init(floor: Revision, changes: ArraySlice<HistoryRecord>, survivors: SurvivorTable) {
        self.floor = floor
        self.survivors = survivors
        for change in changes { append(change) }
    }

    /// Records kept, those included that only wait for the rest of their segment to go.
    var count: Int { segments.reduce(survivors.count) { $0 + $1.count } }

    /// Where the next record will be, if it is in the same slab as the last; `next` finds it in another as well.
    var end: Position {
        Position(segment: max(segments.count - 1, 0), offset: segments.last?.count ?? 0)
    }

    /// - Parameter record: the next that the packer of all the others has packed.
    mutating func append(_ record: HistoryRecord) {
        if let last = segments.indices.last, segments[last].slab === record.slab {
            segments[last].count += 1
        } else {
            segments.append(Segment(slab: record.slab, count: 1))
        }
    }

    /// The place of the first record from `revision` on; below the floor, that of the floor.
    func position(of revision: Revision) -> Position {
        let wanted = max(revision, floor)
        var low = 0
        var high = segments.count
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].last.isBefore(wanted) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        guard low < segments.count else { return end }
        var first = 0
        var last = segments[low].count
        while first < last {
            let middle = (first + last) / 2
            if segments[low].record(at: middle).isBefore(wanted) { first = middle + 1 } else { last = middle }
        }
        return Position(segment: low, offset: first)
    }

    /// The record at a place, which then moves behind it; `nil` at the end.
    func next(_ position: inout Position) -> HistoryRecord? {
        while position.segment < segments.count {
            if position.offset < segments[position.segment].count {
                defer { position.offset += 1 }
                return segments[position.segment].record(at: position.offset)
            }
            // The last segment may still grow.
            if position.segment + 1 == segments.count { return nil }
            position = Position(segment: position.segment + 1, offset: 0)
        }
        return nil
    }

    /// The segments that hold everything from a place on, and what lies in front of the place in the first of them.
    func tail(from position: Position) -> (segments: [Segment], skipped: Int) {
        guard position.segment < segments.count else { return ([], 0) }
        return (Array(segments[position.segment...]), position.offset)
    }

    func record(at revision: Revision) -> HistoryRecord? {
        if revision < floor { return survivors[revision] }
        var position = position(of: revision)
        guard let found = next(&position), found.revision == revision else { return nil }
        return found
    }
}

extension History {
    /// Adds up what the records count. Records that only wait for the rest of their segment to go are not among them.
    /// Complexity: O(n).
    func recountBytes() -> Int {
        var bytes = survivors.recountBytes()
        var position = position(of: floor)
        while let record = next(&position) { bytes += record.liveBytes }
        return bytes
    }
}

// MARK: For tests

extension History {
    /// Those included that only wait for the rest of their segment to go.
    func forEachInSegments(_ body: (HistoryRecord) -> Void) {
        for segment in segments {
            for offset in 0..<segment.count { body(segment.record(at: offset)) }
        }
    }

    /// In no order.
    func forEachSurvivor(_ body: (HistoryRecord) -> Void) { survivors.forEach(body) }
}

// MARK: Compaction

extension History {
    /// Keeps a version from below the floor that stops being its key's newest.
    mutating func preserve(_ record: HistoryRecord) {
        precondition(record.revision < floor, "\(record.revision) is above the floor \(floor)")
        survivors[record.revision] = record
    }

    /// Drops a version from below the floor; without effect for others.
    ///
    /// - Returns: what there was.
    mutating func forget(_ revision: Revision) -> HistoryRecord? {
        survivors.remove(revision)
    }

    /// Moves a version from below the floor.
    mutating func replace(_ survivor: HistoryRecord, with copy: HistoryRecord) {
        survivors[survivor.revision] = copy
    }

    /// Whether this very record is kept below the floor.
    func isSurvivor(_ record: HistoryRecord) -> Bool {
        survivors[record.revision]?.isSame(as: record) == true
    }

    /// Lets go of all changes below `revision` but those that were preserved.
    ///
    /// - Returns: the segments that only they may still refer to, and the index.
    mutating func raiseFloor(to revision: Revision) -> ArraySlice<Segment> {
        precondition(revision >= floor, "the floor \(floor) cannot sink to \(revision)")
        floor = revision
        var dropped = 0
        while dropped < segments.count, segments[dropped].last.isBefore(floor) { dropped += 1 }
        let gone = segments[..<dropped]
        segments.removeFirst(dropped)
        return gone
    }
}
