// SPDX-License-Identifier: Apache-2.0

/// One kind of record in a member's checkpoint. Numbers are part of the format on disk and never used twice.
package struct TableID: Hashable, Comparable, Sendable {
    package var rawValue: UInt8

    @inlinable
    package init(_ rawValue: UInt8) {
        self.rawValue = rawValue
    }

    @inlinable
    package static func < (left: TableID, right: TableID) -> Bool { left.rawValue < right.rawValue }
}

extension TableID: CustomStringConvertible {
    package var description: String { "table \(rawValue)" }
}

/// Names a record of the checkpoint by numbers alone: names of things are values, never keys.
///
/// What the numbers mean is each table's own affair. Records stand in the order table, object, id.
package struct TableKey: Hashable, Comparable, Sendable {
    package var table: TableID
    package var object: UInt64
    package var id: UInt64

    @inlinable
    package init(_ table: TableID, object: UInt64, id: UInt64 = 0) {
        self.table = table
        self.object = object
        self.id = id
    }

    @inlinable
    package static func < (left: TableKey, right: TableKey) -> Bool {
        if left.table != right.table { return left.table < right.table }
        return left.object != right.object ? left.object < right.object : left.id < right.id
    }
}

extension TableKey: CustomStringConvertible {
    package var description: String { "\(table), key \(object).\(id)" }
}
