// SPDX-License-Identifier: Apache-2.0

/// Watches, by place, that can be found by a key they watch.
///
/// Watches of a single key are found by a dictionary, the others by an interval tree in which equal ranges share a
/// node. Complexity: finding O(log ranges) for each range found, plus the watches found.
struct WatcherGroup: Sendable {
    /// Ascending.
    private var byKey: [[UInt8]: SortedPlaces] = [:]
    private var byRange = IntervalTree<SortedPlaces>()
    private(set) var all = SortedPlaces()

    var isEmpty: Bool { all.places.isEmpty }
    /// All watches, ascending.
    var places: [Int] { all.places }

    mutating func insert(_ place: Int, _ interval: KeyInterval) {
        all.insert(place)
        switch interval.end {
        case .single: byKey[interval.lower, default: SortedPlaces()].insert(place)
        case .before(let upper): insertRange(place, interval.lower, upper)
        case .unbounded: insertRange(place, interval.lower, nil)
        }
    }

    mutating func remove(_ place: Int, _ interval: KeyInterval) {
        all.remove(place)
        switch interval.end {
        case .single:
            byKey[interval.lower]?.remove(place)
            if byKey[interval.lower]?.places.isEmpty == true { byKey[interval.lower] = nil }
        case .before(let upper): removeRange(place, interval.lower, upper)
        case .unbounded: removeRange(place, interval.lower, nil)
        }
    }

    /// Calls `body` with each watch of the key: those of the key alone first, then by range; equal ones ascending.
    func forEach(watching key: [UInt8], _ body: (Int) -> Void) {
        if !byKey.isEmpty, let found = byKey[key] {
            for place in found.places { body(place) }
        }
        if !byRange.isEmpty {
            byRange.forEach(containing: key) { found in
                for place in found.places { body(place) }
            }
        }
    }

    private mutating func insertRange(_ place: Int, _ lower: [UInt8], _ upper: [UInt8]?) {
        byRange.update(lower: lower, upper: upper, initial: SortedPlaces()) { $0.insert(place) }
    }

    private mutating func removeRange(_ place: Int, _ lower: [UInt8], _ upper: [UInt8]?) {
        byRange.update(lower: lower, upper: upper, initial: SortedPlaces()) { $0.remove(place) }
        if byRange.payload(lower: lower, upper: upper)?.places.isEmpty == true {
            byRange.remove(lower: lower, upper: upper)
        }
    }
}

/// Places of watches, ascending. Complexity: finding O(log n), changing O(n) moves of eight bytes.
struct SortedPlaces: Sendable {
    private(set) var places: [Int] = []

    mutating func insert(_ place: Int) {
        places.insert(place, at: offset(of: place))
    }

    mutating func remove(_ place: Int) {
        let offset = offset(of: place)
        precondition(offset < places.count && places[offset] == place, "watch \(place) is not in its group")
        places.remove(at: offset)
    }

    private func offset(of place: Int) -> Int {
        var low = 0
        var high = places.count
        while low < high {
            let middle = (low + high) / 2
            if places[middle] < place { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
