// SPDX-License-Identifier: Apache-2.0

/// Watches, by place, that can be found by a key they watch.
///
/// Watches of a single key are found by a dictionary, the others by an interval tree in which equal ranges share a
/// node. Those that watch the same are a list whose order follows from the calls alone; each watch remembers its offset
/// there, so that ten thousand watches of one key come and go without a search.
///
/// Complexity: finding O(log ranges) for each range found, plus the watches found; adding and taking out O(log ranges).
struct WatcherGroup: Sendable {
    private var byKey: [[UInt8]: [Int]] = [:]
    private var byRange = IntervalTree<[Int]>()
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// - Returns: the watch's offset, to be given back when it is taken out.
    mutating func insert(_ place: Int, _ interval: KeyInterval) -> Int {
        count += 1
        switch interval.end {
        case .single:
            byKey[interval.lower, default: []].append(place)
            return byKey[interval.lower].map { $0.count - 1 } ?? 0
        case .before(let upper): return insertRange(place, interval.lower, upper)
        case .unbounded: return insertRange(place, interval.lower, nil)
        }
    }

    /// - Returns: the watch that now stands at `offset` instead, if any.
    mutating func remove(at offset: Int, _ interval: KeyInterval) -> Int? {
        count -= 1
        switch interval.end {
        case .single:
            let moved = byKey[interval.lower]?.removeAndFill(at: offset) ?? nil
            if byKey[interval.lower]?.isEmpty == true { byKey[interval.lower] = nil }
            return moved
        case .before(let upper): return removeRange(at: offset, interval.lower, upper)
        case .unbounded: return removeRange(at: offset, interval.lower, nil)
        }
    }

    /// Calls `body` with each watch of the key: those of the key alone first, then by range.
    func forEach(watching key: [UInt8], _ body: (Int) -> Void) {
        if !byKey.isEmpty, let found = byKey[key] {
            for place in found { body(place) }
        }
        if !byRange.isEmpty {
            byRange.forEach(containing: key) { found in
                for place in found { body(place) }
            }
        }
    }

    private mutating func insertRange(_ place: Int, _ lower: [UInt8], _ upper: [UInt8]?) -> Int {
        var offset = 0
        byRange.update(lower: lower, upper: upper, initial: []) { places in
            offset = places.count
            places.append(place)
        }
        return offset
    }

    private mutating func removeRange(at offset: Int, _ lower: [UInt8], _ upper: [UInt8]?) -> Int? {
        var moved: Int?
        var isEmpty = false
        byRange.update(lower: lower, upper: upper, initial: []) { places in
            moved = places.removeAndFill(at: offset)
            isEmpty = places.isEmpty
        }
        if isEmpty { byRange.remove(lower: lower, upper: upper) }
        return moved
    }
}

extension [Int] {
    /// Takes an element out and puts the last one in its place. Complexity: O(1).
    ///
    /// - Returns: the element that now stands at `offset`; `nil` where it was the last that went.
    mutating func removeAndFill(at offset: Int) -> Int? {
        precondition(offset < count, "no element at \(offset) of \(count)")
        let last = removeLast()
        guard offset < count else { return nil }
        self[offset] = last
        return last
    }
}
