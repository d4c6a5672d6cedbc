// SPDX-License-Identifier: Apache-2.0

package import MartletBoltFile
package import MartletKeyValue

/// What must be known of a snapshot before its first byte.
package struct EtcdSnapshotLayout: Hashable, Sendable {
    package let contents: EtcdSnapshotContents
    package let file: BoltLayout

    /// Bytes of the file without the trailer: what `remaining_bytes` counts down from.
    package var fileByteCount: UInt64 { file.byteCount }
    /// Bytes of the whole snapshot.
    package var byteCount: UInt64 { file.byteCount + UInt64(SnapshotDigest.byteCount) }
}

/// The first pass over what goes into a snapshot: sizes only. First all revisions, then all leases, then all
/// records, each in the order of their bucket keys.
///
/// O(1) amortised time and no lasting memory for each entry. Values need not be loaded: their lengths do.
package struct EtcdSnapshotPlan: Sendable {
    private let contents: EtcdSnapshotContents
    private var plan = BoltPlan()
    private var part = SnapshotPart.revisions

    package init(_ contents: EtcdSnapshotContents) throws(EtcdSnapshotError) {
        self.contents = contents
        for bucket in contents.leadingBuckets {
            try add(bucket: bucket.name, bucket.entries)
        }
        try add(bucket: BackendBucket.key.name, [])
    }

    package mutating func add(_ revision: BackendRevision) throws(EtcdSnapshotError) {
        try add(
            record: revision.record, valueLength: revision.record.value.count, isTombstone: revision.isTombstone)
    }

    /// A revision whose value is known only by its length: `record.value` is not looked at.
    package mutating func add(
        record: KeyValueRecord, valueLength: Int, isTombstone: Bool
    ) throws(EtcdSnapshotError) {
        try part.precede(.revisions)
        try add(
            keyLength: BackendRevision.bucketKeyLength(isTombstone: isTombstone),
            valueLength: BackendRevision.bucketValueLength(
                of: record, valueLength: valueLength, isTombstone: isTombstone))
    }

    package mutating func add(_ lease: BackendLease) throws(EtcdSnapshotError) {
        try part.precede(.leases)
        try beginLeases()
        try add(keyLength: BackendLease.bucketKeyLength, valueLength: lease.bucketValue.count)
    }

    /// A `BackendRecord` of which only the length of its value is known.
    package mutating func addRecord(valueLength: Int) throws(EtcdSnapshotError) {
        try beginRecords()
        try add(keyLength: BackendRecord.bucketKeyLength, valueLength: valueLength)
    }

    package mutating func finish() throws(EtcdSnapshotError) -> EtcdSnapshotLayout {
        try beginLeases()
        for bucket in contents.trailingBuckets {
            try add(bucket: bucket.name, bucket.entries)
        }
        do {
            return EtcdSnapshotLayout(contents: contents, file: try plan.finish())
        } catch {
            throw EtcdSnapshotError(error)
        }
    }

    private mutating func beginLeases() throws(EtcdSnapshotError) {
        guard part == .revisions else { return }
        part = .leases
        try add(bucket: BackendBucket.lease.name, [])
    }

    private mutating func beginRecords() throws(EtcdSnapshotError) {
        guard part != .records else { return }
        try beginLeases()
        part = .records
        try add(bucket: Array(BackendRecord.bucketName.utf8), [])
    }

    private mutating func add(bucket name: [UInt8], _ entries: [BucketEntry]) throws(EtcdSnapshotError) {
        do {
            try plan.beginBucket(name)
        } catch {
            throw EtcdSnapshotError(error)
        }
        for entry in entries {
            try add(keyLength: entry.key.count, valueLength: entry.value.count)
        }
    }

    private mutating func add(keyLength: Int, valueLength: Int) throws(EtcdSnapshotError) {
        do {
            try plan.add(keyLength: keyLength, valueLength: valueLength)
        } catch {
            throw EtcdSnapshotError(error)
        }
    }
}
