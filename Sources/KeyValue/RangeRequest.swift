// SPDX-License-Identifier: Apache-2.0

/// Reads keys. Source: etcd `RangeRequest`.
package struct RangeRequest: Hashable, Sendable {
    package enum SortOrder: Hashable, Sendable {
        case none, ascend, descend
        /// A number that the protocol does not name; such a request is refused.
        case unrecognized
    }

    package enum SortTarget: Hashable, Sendable {
        case key, version, createRevision, modRevision, value
        /// A number that the protocol does not name; such a request is refused.
        case unrecognized
    }

    package var key: [UInt8]
    package var rangeEnd: [UInt8]
    /// At most this many records; zero and below: all.
    package var limit: Int64 = 0
    /// The main revision to read at; zero and below: the newest.
    package var revision: Int64 = 0
    package var sortOrder: SortOrder = .none
    package var sortTarget: SortTarget = .key
    package var keysOnly = false
    package var countOnly = false
    /// Filters on records; zero: off.
    package var minModRevision: Int64 = 0
    package var maxModRevision: Int64 = 0
    package var minCreateRevision: Int64 = 0
    package var maxCreateRevision: Int64 = 0

    package init(key: [UInt8], rangeEnd: [UInt8] = []) {
        self.key = key
        self.rangeEnd = rangeEnd
    }

    package var interval: KeyInterval { KeyInterval(key: key, rangeEnd: rangeEnd) }

    var hasFilter: Bool {
        minModRevision != 0 || maxModRevision != 0 || minCreateRevision != 0 || maxCreateRevision != 0
    }

    /// Refuses what can be refused without looking at the store.
    package func validate() throws(KeyValueError) {
        if key.isEmpty { throw .keyNotProvided }
        if sortOrder == .unrecognized || sortTarget == .unrecognized { throw .invalidSortOption }
    }
}

package struct RangeResponse: Hashable, Sendable {
    /// The store's main revision at the time of the read, whatever revision was asked for.
    package var revision: Int64
    package var records: [KeyValueRecord]
    /// Whether `limit` cut the list.
    package var more: Bool
    /// Keys in the range at the revision asked for, whatever limit and filters left of them.
    package var count: Int64

    package init(revision: Int64, records: [KeyValueRecord] = [], more: Bool = false, count: Int64 = 0) {
        self.revision = revision
        self.records = records
        self.more = more
        self.count = count
    }
}
