// SPDX-License-Identifier: Apache-2.0

package import MartletBasics

/// Writes one key. Source: etcd `PutRequest`.
package struct PutRequest: Hashable, Sendable {
    package var key: [UInt8]
    package var value: [UInt8]
    package var lease: LeaseID
    /// Answer with the record that this put replaces.
    package var wantsPrevious = false
    /// Keep the value; the key must exist and no value may be given.
    package var ignoreValue = false
    /// Keep the lease; the key must exist and no lease may be given.
    package var ignoreLease = false

    package init(key: [UInt8], value: [UInt8] = [], lease: LeaseID = .none) {
        self.key = key
        self.value = value
        self.lease = lease
    }

    /// Refuses what can be refused without looking at the store.
    package func validate() throws(KeyValueError) {
        if key.isEmpty { throw .keyNotProvided }
        if ignoreValue && !value.isEmpty { throw .valueProvided }
        if ignoreLease && lease != .none { throw .leaseProvided }
    }
}

package struct PutResponse: Hashable, Sendable {
    package var revision: Int64
    package var previous: KeyValueRecord?

    package init(revision: Int64, previous: KeyValueRecord? = nil) {
        self.revision = revision
        self.previous = previous
    }
}

/// Deletes the keys of a range, all under one revision. Source: etcd `DeleteRangeRequest`.
package struct DeleteRangeRequest: Hashable, Sendable {
    package var key: [UInt8]
    package var rangeEnd: [UInt8]
    /// Answer with the deleted records.
    package var wantsPrevious = false

    package init(key: [UInt8], rangeEnd: [UInt8] = []) {
        self.key = key
        self.rangeEnd = rangeEnd
    }

    package var interval: KeyInterval { KeyInterval(key: key, rangeEnd: rangeEnd) }

    /// Refuses what can be refused without looking at the store.
    package func validate() throws(KeyValueError) {
        if key.isEmpty { throw .keyNotProvided }
    }
}

package struct DeleteRangeResponse: Hashable, Sendable {
    /// The revision of the deletion, or the current one where nothing was deleted.
    package var revision: Int64
    package var deleted: Int64
    /// In key order; empty unless asked for.
    package var previous: [KeyValueRecord]

    package init(revision: Int64, deleted: Int64 = 0, previous: [KeyValueRecord] = []) {
        self.revision = revision
        self.deleted = deleted
        self.previous = previous
    }
}

/// Forgets what was superseded or deleted before `revision`. Source: etcd `CompactionRequest`.
package struct CompactionRequest: Hashable, Sendable {
    package var revision: Int64

    package init(revision: Int64) {
        self.revision = revision
    }
}

package struct CompactionResponse: Hashable, Sendable {
    package var revision: Int64

    package init(revision: Int64) {
        self.revision = revision
    }
}
