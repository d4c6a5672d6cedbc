// SPDX-License-Identifier: Apache-2.0

/// Reads keys. Source: etcd `RangeRequest`.
public struct RangeRequest: Hashable, Sendable {
    public enum SortOrder: Hashable, Sendable {
        case none, ascend, descend
        /// A number that the protocol does not name; such a request is refused.
        case unrecognized
    }

    public enum SortTarget: Hashable, Sendable {
        case key, version, createRevision, modRevision, value
        /// A number that the protocol does not name; such a request is refused.
        case unrecognized
    }

    public var key: [UInt8]
    public var rangeEnd: [UInt8]
    /// At most this many records; zero and below: all.
    public var limit: Int64 = 0
    /// The main revision to read at; zero and below: the newest.
    public var revision: Int64 = 0
    public var sortOrder: SortOrder = .none
    public var sortTarget: SortTarget = .key
    public var keysOnly = false
    public var countOnly = false
    /// Filters on records; zero: off.
    public var minModRevision: Int64 = 0
    public var maxModRevision: Int64 = 0
    public var minCreateRevision: Int64 = 0
    public var maxCreateRevision: Int64 = 0

    public init(key: [UInt8], rangeEnd: [UInt8] = []) {
        self.key = key
        self.rangeEnd = rangeEnd
    }

    public var interval: KeyInterval { KeyInterval(key: key, rangeEnd: rangeEnd) }

    var hasFilter: Bool {
        minModRevision != 0 || maxModRevision != 0 || minCreateRevision != 0 || maxCreateRevision != 0
    }

    /// Refuses what can be refused without looking at the store.
    public func validate() throws(KeyValueError) {
        if key.isEmpty { throw .keyNotProvided }
        if sortOrder == .unrecognized || sortTarget == .unrecognized { throw .invalidSortOption }
    }
}

public struct RangeResponse: Hashable, Sendable {
    /// The store's main revision at the time of the read, whatever revision was asked for.
    public var revision: Int64
    public var records: [KeyValueRecord]
    /// Whether `limit` cut the list.
    public var more: Bool
    /// Keys in the range at the revision asked for, whatever limit and filters left of them.
    public var count: Int64

    public init(revision: Int64, records: [KeyValueRecord] = [], more: Bool = false, count: Int64 = 0) {
        self.revision = revision
        self.records = records
        self.more = more
        self.count = count
    }
}
