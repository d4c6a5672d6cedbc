// SPDX-License-Identifier: Apache-2.0

/// Neighbouring rows of a `TimedQueue`, and what belongs to each of them.
struct TimedLeaf: IDTreeLeaf {
    private(set) var ids: [StreamID] = []
    private(set) var contents: [[UInt8]] = []
    /// Of all contents.
    private(set) var byteCount = 0
    var number: UInt64 = 0
    var isChanged = true

    /// Contents of one leaf, about, unless it is a single row: a checkpoint writes a leaf as one record.
    private static let preferredBytes = 1 << 16

    var count: Int { ids.count }

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

    /// The ID must be new.
    mutating func insert(_ id: StreamID, _ content: [UInt8]) {
        let row = lowerBound(id)
        precondition(row == ids.count || ids[row] != id, "\(id) is there")
        ids.insert(id, at: row)
        contents.insert(content, at: row)
        byteCount += content.count
        isChanged = true
    }

    mutating func remove(_ id: StreamID) -> [UInt8]? {
        guard let row = row(of: id) else { return nil }
        ids.remove(at: row)
        let content = contents.remove(at: row)
        byteCount -= content.count
        isChanged = true
        return content
    }

    // MARK: In a tree

    var sum: TimedSum { TimedSum(count: ids.count, byteCount: byteCount, isChanged: isChanged) }
    var isEmpty: Bool { ids.isEmpty }
    static var lastStays: Bool { false }

    mutating func split(capacity: Int, atEnd: Bool) -> (first: StreamID, leaf: TimedLeaf)? {
        guard count > capacity || count > 1 && byteCount > Self.preferredBytes else { return nil }
        let cut = atEnd ? count - 1 : count / 2
        var right = TimedLeaf()
        right.ids = Array(ids[cut...])
        right.contents = Array(contents[cut...])
        right.byteCount = right.contents.reduce(0) { $0 + $1.count }
        ids.removeSubrange(cut...)
        contents.removeSubrange(cut...)
        byteCount -= right.byteCount
        isChanged = true
        return (right.ids[0], right)
    }

    func isSparse(capacity: Int) -> Bool { count <= capacity / 4 }

    mutating func join(_ next: TimedLeaf, capacity: Int) -> Bool {
        guard count + next.count <= capacity * 3 / 4, byteCount + next.byteCount <= Self.preferredBytes * 3 / 4 else {
            return false
        }
        ids += next.ids
        contents += next.contents
        byteCount += next.byteCount
        isChanged = true
        return true
    }

    /// Bytes on the heap.
    var memoryBytes: Int {
        contents.reduce(HeapBytes.array(ids) + HeapBytes.array(contents)) { $0 + HeapBytes.array($1) }
    }
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
