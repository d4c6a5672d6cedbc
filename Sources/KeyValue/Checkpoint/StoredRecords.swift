// SPDX-License-Identifier: Apache-2.0

package import MartletBasics

// What the records of a store's tables say, for who walks through them without making a store: snapshots for etcd,
// examinations.

/// What a checkpoint says of its store as a whole: the one record of `CheckpointTable.state`.
package struct StoredState: Hashable, Sendable {
    package static var key: TableKey { StoreHeader.key }

    /// The main revision of the last change.
    package var revision: Int64
    /// The oldest main revision that can be read; `KeyValueStore.neverCompacted` if the store was never compacted.
    package var compactRevision: Int64
    /// Whether the tables may still hold changes that compaction made unreadable, some of them without their keys.
    package var isReclaiming: Bool
    /// The last log entry that the tables hold.
    package var applied: AppliedPosition

    package init(decoding bytes: RawSpan) throws(CheckpointError) {
        let header = try StoreHeader.decode(bytes)
        revision = header.revision
        compactRevision = header.compactRevision
        isReclaiming = header.isReclaiming
        applied = header.applied
    }
}

/// One record of `CheckpointTable.leases`.
package struct StoredLease: Hashable, Sendable {
    package var id: LeaseID
    package var ttlSeconds: Int64
    /// What the log last said is left of the term; 0: all of it.
    package var remainingSeconds: Int64

    package init(_ key: TableKey, decoding bytes: RawSpan) throws(CheckpointError) {
        let record = try LeaseRecord(key, decoding: bytes)
        id = record.id
        ttlSeconds = record.ttlSeconds
        remainingSeconds = record.remainingSeconds
    }
}

/// One record of `CheckpointTable.revisions`, without the value: a version of a key, or a tombstone.
package struct StoredRevision: Hashable, Sendable {
    package var revision: Revision
    /// Under which number the key's bytes stand in `CheckpointTable.keys`.
    package var keyNumber: KeyNumber
    /// 0 in a tombstone, as `version`.
    package var createRevision: Int64
    package var version: Int64
    package var lease: LeaseID
    /// The value is what follows in the record.
    package var valueOffset: Int

    package var isTombstone: Bool { version == 0 }

    /// The record of the key's bytes.
    package var keyRecord: TableKey { CheckpointTable.key(keyNumber) }

    package init(_ key: TableKey, decoding bytes: RawSpan) throws(CheckpointError) {
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
