// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Named things in numbered places: found by name or number, walked in byte order of names.
///
/// A new one gets the lowest free place, so that places follow from what is there and numbers stay small.
/// Complexity: finding is O(1); adding and removing are O(log n) comparisons and moves of four bytes a thing.
struct NameTable<Value: Sendable>: Sendable {
    struct Row: Sendable {
        let name: [UInt8]
        var value: Value
        /// Whether the row itself is not as the last checkpoint has it.
        var isChanged = true
    }

    private var rows: [Row?] = []
    /// Asked, never walked.
    private var places: [[UInt8]: Int] = [:]
    /// Places by name.
    private var order: [UInt32] = []
    /// No place below is free.
    private var lowestFree = 0
    /// All names with their places, or none: there were too many, and some of them are left. To compare a few is
    /// quicker than to hash one. Only asked if it has as many as there are.
    private var few: [(name: [UInt8], place: Int)] = []
    /// Beyond it a hash is quicker.
    private static var fewMax: Int { 4 }

    var count: Int { order.count }

    func place(of name: [UInt8]) -> Int? {
        few.count == order.count ? placeAmongFew(name.span.bytes) : places[name]
    }

    func place(of name: RawSpan) -> Int? {
        few.count == order.count ? placeAmongFew(name) : places[[UInt8](copying: name)]
    }

    private func placeAmongFew(_ name: RawSpan) -> Int? {
        for (known, place) in few {
            if known.span.bytes.isSame(as: name) { return place }
        }
        return nil
    }

    /// The next thing's place.
    var nextPlace: Int {
        var place = lowestFree
        while place < rows.count, rows[place] != nil { place += 1 }
        return place
    }

    /// The name must be new.
    @discardableResult
    mutating func add(_ name: [UInt8], _ value: Value) -> Int {
        let place = nextPlace
        lowestFree = place + 1
        add(name, value, at: place)
        return place
    }

    /// The name must be new, and the place free.
    mutating func add(_ name: [UInt8], _ value: Value, at place: Int) {
        precondition(places[name] == nil, "\(name) is there")
        while rows.count <= place { rows.append(nil) }
        precondition(rows[place] == nil, "place \(place) is taken")
        if few.count == order.count, few.count < Self.fewMax { few.append((name, place)) } else { few = [] }
        rows[place] = Row(name: name, value: value)
        places[name] = place
        order.insert(UInt32(place), at: orderOffset(of: name))
    }

    mutating func remove(at place: Int) {
        let name = self[row: place].name
        order.remove(at: orderOffset(of: name))
        places[name] = nil
        few.removeAll { $0.place == place }
        rows[place] = nil
        lowestFree = min(lowestFree, place)
    }

    private func orderOffset(of name: [UInt8]) -> Int {
        var low = 0
        var high = order.count
        while low < high {
            let middle = (low + high) / 2
            if self[row: Int(order[middle])].name.lexicographicallyPrecedes(name) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }

    /// Whether something is there.
    func holds(_ place: Int) -> Bool { place < rows.count && rows[place] != nil }

    /// What is at a place that is not free.
    subscript(row place: Int) -> Row {
        get {
            guard let row = rows[place] else { preconditionFailure("nothing is at \(place)") }
            return row
        }
        _modify {
            precondition(rows[place] != nil, "nothing is at \(place)")
            yield &rows[place]!
        }
    }

    /// The same, without its row; a change marks the row.
    subscript(place: Int) -> Value {
        get { self[row: place].value }
        _modify {
            precondition(rows[place] != nil, "nothing is at \(place)")
            rows[place]!.isChanged = true
            yield &rows[place]!.value
        }
    }

    /// Calls `body` with what is at a place.
    func withValue<Result>(at place: Int, _ body: (Value) -> Result) -> Result {
        guard let row = rows[place] else { preconditionFailure("nothing is at \(place)") }
        return body(row.value)
    }

    /// The same on the way of a change: what is there is lent, where `withValue` copies it, reference by reference.
    /// `body` changes nothing.
    @inline(__always)
    mutating func ask<Result>(at place: Int, _ body: (inout Value) -> Result) -> Result {
        body(&self[row: place].value)
    }

    /// Whether `body` answers `true` for something that is there.
    func contains(where body: (Value) -> Bool) -> Bool {
        for place in rows.indices {
            if let row = rows[place], body(row.value) { return true }
        }
        return false
    }

    /// Places in byte order of names.
    var placesByName: [Int] { order.map { Int($0) } }

    /// Taken places, ascending.
    var takenPlaces: [Int] { rows.indices.filter { rows[$0] != nil } }

    /// What is wrong with the table; `nil` if nothing is. For tests.
    var invariantViolation: String? {
        if takenPlaces.count != order.count || places.count != order.count { return "counts of names differ" }
        for (before, after) in zip(placesByName, placesByName.dropFirst())
        where !self[row: before].name.lexicographicallyPrecedes(self[row: after].name) {
            return "names \(before) and \(after) are not in order"
        }
        for place in takenPlaces {
            let name = self[row: place].name
            if places[name] != place || self.place(of: name) != place { return "place \(place) is not found" }
        }
        for place in 0..<min(lowestFree, rows.count) where rows[place] == nil { return "place \(place) is forgotten" }
        return nil
    }

    /// Bytes on the heap, but for what values refer to.
    var memoryBytes: Int {
        let perName = MemoryLayout<[UInt8]>.stride + MemoryLayout<Int>.stride
        let names = takenPlaces.reduce(0) { $0 + HeapBytes.array(self[row: $1].name) }
        return HeapBytes.array(rows) + HeapBytes.array(order) + HeapBytes.array(few) + names
            + places.capacity * perName
    }
}
