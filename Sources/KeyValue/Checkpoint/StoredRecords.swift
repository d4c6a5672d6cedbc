// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

// What the records of a store's tables say, for who walks through them without making a store: snapshots for etcd,
// examinations.

/// What a checkpoint says of its store as a whole: the one record of `CheckpointTable.state`.
public struct StoredState: Hashable, Sendable {
    public static var key: TableKey { StoreHeader.key }

    /// The main revision of the last change.
    public var revision: Int64
    /// The oldest main revision that can be read; `KeyValueStore.neverCompacted` if the store was never compacted.
    public var compactRevision: Int64
    /// Whether the tables may still hold changes that compaction made unreadable, some of them without their keys.
    public var isReclaiming: Bool
    /// The last log entry that the tables hold.
    public var applied: AppliedPosition

    public init(decoding bytes: RawSpan) throws(CheckpointError) {
        let header = try StoreHeader.decode(bytes)
        revision = header.revision
        compactRevision = header.compactRevision
        isReclaiming = header.isReclaiming
        applied = header.applied
    }
}

/// One record of `CheckpointTable.leases`.
public struct StoredLease: Hashable, Sendable {
    public var id: LeaseID
    public var ttlSeconds: Int64
    /// What the log last said is left of the term; 0: all of it.
    public var remainingSeconds: Int64

    public init(_ key: TableKey, decoding bytes: RawSpan) throws(CheckpointError) {
        let record = try LeaseRecord(key, decoding: bytes)
        id = record.id
        ttlSeconds = record.ttlSeconds
        remainingSeconds = record.remainingSeconds
    }
}

/// One record of `CheckpointTable.revisions`, without the value: a version of a key, or a tombstone.
public struct StoredRevision: Hashable, Sendable {
    public var revision: Revision
    /// Under which number the key's bytes stand in `CheckpointTable.keys`.
    public var keyNumber: KeyNumber
    /// 0 in a tombstone, as `version`.
    public var createRevision: Int64
    public var version: Int64
    public var lease: LeaseID
    /// The value is what follows in the record.
    public var valueOffset: Int

    public var isTombstone: Bool { version == 0 }

    /// The record of the key's bytes.
    public var keyRecord: TableKey { CheckpointTable.key(keyNumber) }

    public init(_ key: TableKey, decoding bytes: RawSpan) throws(CheckpointError) {
        guard let main = Int64(exactly: key.object), let sub = Int64(exactly: key.id) else {
            throw .inconsistent(key)
        }
        guard let head = RevisionHead(main: main, decoding: bytes) else { throw .unreadable(key) }
        revision = Revision(main: main, sub: sub)
        keyNumber = head.keyNumber
        createRevision = head.createRevision
        version = head.version
        lease = head.lease
        valueOffset = head.version == 0 ? bytes.byteCount : head.valueOffset
    }
}
