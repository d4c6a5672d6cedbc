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
package struct EtcdSnapshotPlan: SnapshotPass, Sendable {
    let contents: EtcdSnapshotContents
    private var plan = BoltPlan()
    var part = SnapshotPart.revisions

    package init(_ contents: EtcdSnapshotContents) throws(EtcdSnapshotError) {
        self.contents = contents
        try beginRevisions()
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
        try endParts()
        do {
            return EtcdSnapshotLayout(contents: contents, file: try plan.finish())
        } catch {
            throw EtcdSnapshotError(error)
        }
    }

    mutating func begin(bucket name: [UInt8]) throws(BoltFileError) { try plan.beginBucket(name) }

    mutating func add(_ entry: BucketEntry) throws(BoltFileError) {
        try plan.add(keyLength: entry.key.count, valueLength: entry.value.count)
    }

    private mutating func add(keyLength: Int, valueLength: Int) throws(EtcdSnapshotError) {
        do {
            try plan.add(keyLength: keyLength, valueLength: valueLength)
        } catch {
            throw EtcdSnapshotError(error)
        }
    }
}
