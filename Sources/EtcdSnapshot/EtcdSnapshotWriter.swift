// SPDX-License-Identifier: Apache-2.0

import MartletBoltFile

/// The second pass: takes the same entries as `EtcdSnapshotPlan`, in the same order, and gives the snapshot's bytes
/// from first to last: the bbolt file, then its SHA-256. Nothing is durable yet: the caller sends or writes it.
///
/// Whoever takes the output after each call needs memory for one branch of a tree and the largest entry beside
/// `EtcdSnapshotContents`; the whole takes O(its bytes). The same calls give the same bytes.
package struct EtcdSnapshotWriter: SnapshotPass, Sendable {
    let contents: EtcdSnapshotContents
    private var writer: BoltWriter
    private var digest = SnapshotDigest()
    var part = SnapshotPart.revisions

    package init(_ layout: EtcdSnapshotLayout) throws(EtcdSnapshotError) {
        contents = layout.contents
        writer = BoltWriter(layout: layout.file)
        try beginRevisions()
    }

    /// Bytes that `takeOutput` would give now, the trailer not counted.
    package var outputCount: Int { writer.outputCount }

    /// The file's bytes that follow those taken before.
    package mutating func takeOutput() -> [UInt8] {
        let bytes = writer.takeOutput()
        digest.update(bytes)
        return bytes
    }

    package mutating func add(_ revision: BackendRevision) throws(EtcdSnapshotError) {
        try part.precede(.revisions)
        try add(key: revision.bucketKey, value: revision.bucketValue)
    }

    package mutating func add(_ lease: BackendLease) throws(EtcdSnapshotError) {
        try part.precede(.leases)
        try beginLeases()
        try add(key: lease.bucketKey, value: lease.bucketValue)
    }

    package mutating func add(_ record: BackendRecord) throws(EtcdSnapshotError) {
        try beginRecords()
        try add(key: record.bucketKey, value: record.value)
    }

    /// Ends the file. What `takeOutput` then gives is its last part.
    package mutating func finish() throws(EtcdSnapshotError) {
        try endParts()
        do {
            try writer.finish()
        } catch {
            throw EtcdSnapshotError(error)
        }
    }

    /// The 32 bytes that follow the file. Requires: it is finished and all its output taken.
    package func makeTrailer() -> [UInt8] {
        precondition(writer.outputCount == 0, "a trailer was asked for with \(writer.outputCount) bytes before it")
        return digest.finish()
    }

    mutating func begin(bucket name: [UInt8]) throws(BoltFileError) { try writer.beginBucket(name) }

    mutating func add(_ entry: BucketEntry) throws(BoltFileError) { try writer.add(key: entry.key, value: entry.value) }

    private mutating func add(key: [UInt8], value: [UInt8]) throws(EtcdSnapshotError) {
        do {
            try writer.add(key: key, value: value)
        } catch {
            throw EtcdSnapshotError(error)
        }
    }
}

/// What etcd sends in one message of a snapshot.
package let etcdSnapshotChunkByteCount = 32 << 10
