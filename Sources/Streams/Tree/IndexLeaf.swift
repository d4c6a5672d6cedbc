// SPDX-License-Identifier: Apache-2.0

/// What stands beside an ID in an `IndexLeaf`.
protocol IndexedValue: Sendable {
    associatedtype Sum: IDTreeSum
    /// Of neighbouring IDs. Complexity: O(values).
    static func sum(of values: ArraySlice<Self>) -> Sum
}

/// Neighbouring IDs, each with a value, of a tree that follows from other state.
struct IndexLeaf<Value: IndexedValue>: UnsavedLeaf {
    private(set) var ids: [StreamID] = []
    private(set) var values: [Value] = []

    /// The place of the first ID that is not below `id`.
    func lowerBound(_ id: StreamID) -> Int {
        var (low, high) = (0, ids.count)
        while low < high {
            let middle = (low + high) / 2
            if ids[middle] < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private func place(of id: StreamID) -> Int? {
        let place = lowerBound(id)
        return place < ids.count && ids[place] == id ? place : nil
    }

    func value(of id: StreamID) -> Value? { place(of: id).map { values[$0] } }

    /// Of all IDs below `id`.
    func sum(before id: StreamID) -> Value.Sum { Value.sum(of: values[..<lowerBound(id)]) }

    /// The ID must be new.
    mutating func insert(_ id: StreamID, _ value: Value) {
        let place = lowerBound(id)
        precondition(place == ids.count || ids[place] != id, "\(id) is there")
        ids.insert(id, at: place)
        values.insert(value, at: place)
    }

    /// - Returns: the value that the ID had; `nil` if it wasn't there.
    mutating func remove(_ id: StreamID) -> Value? {
        guard let place = place(of: id) else { return nil }
        ids.remove(at: place)
        return values.remove(at: place)
    }

    /// Bytes on the heap.
    var memoryBytes: Int { HeapBytes.array(ids) + HeapBytes.array(values) }

    // MARK: In a tree

    var sum: Value.Sum { Value.sum(of: values[...]) }
    var isEmpty: Bool { ids.isEmpty }
    static var lastStays: Bool { false }

    mutating func split(capacity: Int, atEnd: Bool) -> (first: StreamID, leaf: IndexLeaf)? {
        guard ids.count > capacity else { return nil }
        let cut = atEnd ? ids.count - 1 : ids.count / 2
        var right = IndexLeaf()
        (right.ids, right.values) = (Array(ids[cut...]), Array(values[cut...]))
        ids.removeSubrange(cut...)
        values.removeSubrange(cut...)
        return (right.ids[0], right)
    }

    func isSparse(capacity: Int) -> Bool { ids.count <= capacity / 4 }

    mutating func join(_ next: IndexLeaf, capacity: Int) -> Bool {
        guard ids.count + next.ids.count <= capacity * 3 / 4 else { return false }
        ids += next.ids
        values += next.values
        return true
    }
}
