// SPDX-License-Identifier: Apache-2.0

/// Names, each once, in the order in which they came.
///
/// Complexity: finding is O(1), adding and removing are O(1), amortised.
public struct NamesInOrder: Sendable {
    /// `nil` where a name was removed.
    private var rows: [[UInt8]?] = []
    /// Asked, never walked.
    private var places: [[UInt8]: Int] = [:]

    public init() {}

    public var count: Int { places.count }
    public var isEmpty: Bool { places.isEmpty }

    public func contains(_ name: [UInt8]) -> Bool { places[name] != nil }

    /// - Returns: whether it is new.
    @discardableResult
    public mutating func insert(_ name: [UInt8]) -> Bool {
        if contains(name) { return false }
        places[name] = rows.count
        rows.append(name)
        return true
    }

    /// - Returns: whether it was there.
    @discardableResult
    public mutating func remove(_ name: [UInt8]) -> Bool {
        guard let place = places.removeValue(forKey: name) else { return false }
        rows[place] = nil
        if rows.count > 2 * places.count + Self.gapsMax { closeGaps() }
        return true
    }

    /// More of them than names are too many.
    private static let gapsMax = 16

    private mutating func closeGaps() {
        rows.removeAll { $0 == nil }
        for (place, name) in rows.enumerated() { places[name ?? []] = place }
    }
}

extension NamesInOrder: Sequence {
    public struct Iterator: IteratorProtocol {
        fileprivate var rows: IndexingIterator<[[UInt8]?]>

        public mutating func next() -> [UInt8]? {
            while let row = rows.next() {
                if let row { return row }
            }
            return nil
        }
    }

    public func makeIterator() -> Iterator { Iterator(rows: rows.makeIterator()) }
    public var underestimatedCount: Int { count }
}
