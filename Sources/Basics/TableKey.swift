// SPDX-License-Identifier: Apache-2.0

/// One kind of record in a member's checkpoint. Numbers are part of the format on disk and never used twice.
public struct TableID: Hashable, Comparable, Sendable {
    public var rawValue: UInt8

    @inlinable
    public init(_ rawValue: UInt8) {
        self.rawValue = rawValue
    }

    @inlinable
    public static func < (left: TableID, right: TableID) -> Bool { left.rawValue < right.rawValue }
}

extension TableID: CustomStringConvertible {
    public var description: String { "table \(rawValue)" }
}

/// Names a record of the checkpoint by numbers alone: names of things are values, never keys.
///
/// What the numbers mean is each table's own affair. Records stand in the order table, object, id.
public struct TableKey: Hashable, Comparable, Sendable {
    public var table: TableID
    public var object: UInt64
    public var id: UInt64

    @inlinable
    public init(_ table: TableID, object: UInt64, id: UInt64 = 0) {
        self.table = table
        self.object = object
        self.id = id
    }

    @inlinable
    public static func < (left: TableKey, right: TableKey) -> Bool {
        if left.table != right.table { return left.table < right.table }
        return left.object != right.object ? left.object < right.object : left.id < right.id
    }
}

extension [TableKey] {
    /// The value of the first of these keys that has one.
    public func firstValue<Failure: Error>(
        _ read: (TableKey) throws(Failure) -> [UInt8]?
    ) throws(Failure) -> [UInt8]? {
        for key in self {
            if let value = try read(key) { return value }
        }
        return nil
    }
}

extension TableKey: CustomStringConvertible {
    public var description: String { "\(table), key \(object).\(id)" }
}
