// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Neighbouring rows of a `TimedQueue`, and what belongs to each of them.
///
///     ids       [ 5-1   5-2   9-4 ]
///     ends      [ 20    45    60  ]          of the contents, which lie one behind the other
///     contents  |----20----|----25----|--15--|
///
/// Packed: a row takes no piece of the heap of its own, a leaf that a checkpoint holds is copied in three pieces, and
/// is written from one.
struct TimedLeaf: IDTreeLeaf {
    private(set) var ids: [StreamID] = []
    private var ends: [Int] = []
    private var contents: [UInt8] = []
    var number: UInt64 = 0
    var isChanged = true

    /// Contents of one leaf, about, unless it is a single row: a checkpoint writes a leaf as one record.
    private static let preferredBytes = 1 << 16

    var count: Int { ids.count }
    /// Of all contents.
    var byteCount: Int { contents.count }

    /// The first row whose ID is not below `id`.
    func lowerBound(_ id: StreamID) -> Int {
        var low = 0
        var high = ids.count
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func row(of id: StreamID) -> Int? {
        let row = lowerBound(id)
        return row < ids.count && ids[row] == id ? row : nil
    }

    private func begin(_ row: Int) -> Int { row == 0 ? 0 : ends[row - 1] }

    private func range(_ row: Int) -> Range<Int> { begin(row)..<ends[row] }

    /// What belongs to a row, where it stands.
    func content(_ row: Int) -> ArraySlice<UInt8> { contents[range(row)] }

    /// The ID must be new.
    mutating func insert(_ id: StreamID, _ content: [UInt8]) {
        let row = lowerBound(id)
        precondition(row == ids.count || ids[row] != id, "\(id) is there")
        let begin = begin(row)
        ids.insert(id, at: row)
        contents.insert(contentsOf: content, at: begin)
        ends.insert(begin, at: row)
        for later in row..<ends.count { ends[later] += content.count }
        isChanged = true
    }

    /// Adds a row behind all others, whatever its ID: of a record, whose order is looked at when all is there.
    mutating func append(_ id: StreamID, _ content: RawSpan) {
        ids.append(id)
        contents.append(copying: content)
        ends.append(contents.count)
        isChanged = true
    }

    mutating func remove(_ id: StreamID) -> [UInt8]? {
        guard let row = row(of: id) else { return nil }
        let range = range(row)
        let content = Array(contents[range])
        ids.remove(at: row)
        ends.remove(at: row)
        contents.removeSubrange(range)
        for later in row..<ends.count { ends[later] -= content.count }
        isChanged = true
        return content
    }

    /// As a record has it: for each row its ID, and its content as a text.
    func encode(into bytes: inout [UInt8]) {
        // Numbers take six bytes and some, and lengths mostly one.
        bytes.makeRoom(for: contents.count + 16 * count)
        for row in ids.indices {
            let range = range(row)
            bytes.append(ids[row])
            bytes.append(text: contents.span.bytes.extracting(range))
        }
    }

    // MARK: In a tree

    var sum: TimedSum { TimedSum(count: ids.count, byteCount: byteCount, isChanged: isChanged) }
    var isEmpty: Bool { ids.isEmpty }
    static var lastStays: Bool { false }

    mutating func split(capacity: Int, atEnd: Bool) -> (first: StreamID, leaf: TimedLeaf)? {
        guard count > capacity || count > 1 && byteCount > Self.preferredBytes else { return nil }
        let cut = atEnd ? count - 1 : count / 2
        let begin = begin(cut)
        var right = TimedLeaf()
        right.ids = Array(ids[cut...])
        right.ends = ends[cut...].map { $0 - begin }
        right.contents = Array(contents[begin...])
        ids.removeSubrange(cut...)
        ends.removeSubrange(cut...)
        contents.removeSubrange(begin...)
        isChanged = true
        return (right.ids[0], right)
    }

    func isSparse(capacity: Int) -> Bool { count <= capacity / 4 }

    mutating func join(_ next: TimedLeaf, capacity: Int) -> Bool {
        guard count + next.count <= capacity * 3 / 4, byteCount + next.byteCount <= Self.preferredBytes * 3 / 4 else {
            return false
        }
        let begin = contents.count
        ids += next.ids
        for end in next.ends { ends.append(begin + end) }
        contents += next.contents
        isChanged = true
        return true
    }

    /// Bytes on the heap.
    var memoryBytes: Int { HeapBytes.array(ids) + HeapBytes.array(ends) + HeapBytes.array(contents) }
}

/// How many rows some leaves have, of how many bytes.
struct TimedSum: IDTreeSum {
    var count: Int
    var byteCount: Int
    var isChanged: Bool

    static var zero: TimedSum { TimedSum(count: 0, byteCount: 0, isChanged: false) }

    mutating func add(_ other: TimedSum) {
        count += other.count
        byteCount += other.byteCount
        isChanged = isChanged || other.isChanged
    }

    mutating func exchange(_ old: TimedSum, for new: TimedSum) -> Bool {
        count += new.count - old.count
        byteCount += new.byteCount - old.byteCount
        isChanged = isChanged || new.isChanged
        return true
    }
}
