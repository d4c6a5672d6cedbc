// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The changes of a store: where old versions are read and watches catch up.
///
///                      floor
///     survivors          │  segments, in revision order
///     {2,0} {5,1} {6,0}  │  [{9,0} {9,1} {10,0} …] [… {73,0}] [{74,0} …
///
/// From `floor` on every change is there, in segments of up to `segmentCapacity` records, appended behind and dropped
/// in front. Below it, where nobody watches, only single versions are left that can still be read: those that were
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

    /// Records of a full segment: 8 KiB is what a write after a snapshot copies.
    static let segmentCapacity = 512

    /// Each holds at least one record; the first may begin with some below the floor.
    private var segments: [[HistoryRecord]] = []
    private var survivors = SurvivorTable()
    private(set) var floor = Revision.zero

    init() {}

    /// - Parameters:
    ///   - segments: all from the floor on; full but for the last, none empty.
    ///   - survivors: versions from below the floor.
    init(floor: Revision, segments: [[HistoryRecord]], survivors: SurvivorTable) {
        self.floor = floor
        self.segments = segments
        self.survivors = survivors
    }

    /// Records kept, those included that only wait for the rest of their segment to go.
    var count: Int {
        guard let last = segments.last else { return survivors.count }
        let full = segments.dropLast().reduce(0) { $0 + $1.count }
        return survivors.count + full + last.count
    }

    /// Where the next record will be.
    var end: Position {
        guard let last = segments.last, last.count < Self.segmentCapacity else {
            return Position(segment: segments.count, offset: 0)
        }
        return Position(segment: segments.count - 1, offset: last.count)
    }

    mutating func append(_ record: HistoryRecord) {
        if let last = segments.indices.last, segments[last].count < Self.segmentCapacity {
            segments[last].append(record)
            return
        }
        var records: [HistoryRecord] = []
        records.reserveCapacity(Self.segmentCapacity)
        records.append(record)
        segments.append(records)
    }

    /// The place of the first record from `revision` on; below the floor, that of the floor.
    func position(of revision: Revision) -> Position {
        let wanted = max(revision, floor)
        var low = 0
        var high = segments.count
        while low < high {
            let middle = (low + high) / 2
            if segments[middle][segments[middle].count - 1].isBefore(wanted) {
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
            if segments[low][middle].isBefore(wanted) { first = middle + 1 } else { last = middle }
        }
        return Position(segment: low, offset: first)
    }

    /// The record at a place, which then moves behind it; `nil` at the end.
    func next(_ position: inout Position) -> HistoryRecord? {
        guard position.segment < segments.count else { return nil }
        guard position.offset < segments[position.segment].count else { return nil }
        let record = segments[position.segment][position.offset]
        position.offset += 1
        if position.offset == segments[position.segment].count, position.segment + 1 < segments.count {
            position = Position(segment: position.segment + 1, offset: 0)
        }
        return record
    }

    /// The segments that hold everything from a place on, and what lies in front of the place in the first of them.
    func tail(from position: Position) -> (segments: [[HistoryRecord]], skipped: Int) {
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

    /// Lets go of all changes below `revision` but those that were preserved.
    mutating func raiseFloor(to revision: Revision) {
        precondition(revision >= floor, "the floor \(floor) cannot sink to \(revision)")
        floor = revision
        var dropped = 0
        while dropped < segments.count, segments[dropped][segments[dropped].count - 1].isBefore(floor) { dropped += 1 }
        segments.removeFirst(dropped)
    }
}
