// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// Writes one key. Source: etcd `PutRequest`.
public struct PutRequest: Hashable, Sendable {
    public var key: [UInt8]
    public var value: [UInt8]
    public var lease: LeaseID
    /// Answer with the record that this put replaces.
    public var wantsPrevious = false
    /// Keep the value; the key must exist and no value may be given.
    public var ignoreValue = false
    /// Keep the lease; the key must exist and no lease may be given.
    public var ignoreLease = false

    public init(key: [UInt8], value: [UInt8] = [], lease: LeaseID = .none) {
        self.key = key
        self.value = value
        self.lease = lease
    }

    /// Refuses what can be refused without looking at the store.
    public func validate() throws(KeyValueError) {
        if key.isEmpty { throw .keyNotProvided }
        if ignoreValue && !value.isEmpty { throw .valueProvided }
        if ignoreLease && lease != .none { throw .leaseProvided }
    }
}

public struct PutResponse: Hashable, Sendable {
    public var revision: Int64
    public var previous: KeyValueRecord?

    public init(revision: Int64, previous: KeyValueRecord? = nil) {
        self.revision = revision
        self.previous = previous
    }
}

/// Deletes the keys of a range, all under one revision. Source: etcd `DeleteRangeRequest`.
public struct DeleteRangeRequest: Hashable, Sendable {
    public var key: [UInt8]
    public var rangeEnd: [UInt8]
    /// Answer with the deleted records.
    public var wantsPrevious = false

    public init(key: [UInt8], rangeEnd: [UInt8] = []) {
        self.key = key
        self.rangeEnd = rangeEnd
    }

    public var interval: KeyInterval { KeyInterval(key: key, rangeEnd: rangeEnd) }

    /// Refuses what can be refused without looking at the store.
    public func validate() throws(KeyValueError) {
        if key.isEmpty { throw .keyNotProvided }
    }
}

public struct DeleteRangeResponse: Hashable, Sendable {
    /// The revision of the deletion, or the current one where nothing was deleted.
    public var revision: Int64
    public var deleted: Int64
    /// In key order; empty unless asked for.
    public var previous: [KeyValueRecord]

    public init(revision: Int64, deleted: Int64 = 0, previous: [KeyValueRecord] = []) {
        self.revision = revision
        self.deleted = deleted
        self.previous = previous
    }
}

/// Forgets what was superseded or deleted before `revision`. Source: etcd `CompactionRequest`.
public struct CompactionRequest: Hashable, Sendable {
    public var revision: Int64

    public init(revision: Int64) {
        self.revision = revision
    }
}

public struct CompactionResponse: Hashable, Sendable {
    public var revision: Int64

    public init(revision: Int64) {
        self.revision = revision
    }
}
