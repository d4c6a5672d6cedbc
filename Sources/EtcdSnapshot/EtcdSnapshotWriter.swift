// SPDX-License-Identifier: Apache-2.0

import MartletBoltFile

/// The second pass: takes the same entries as `EtcdSnapshotPlan`, in the same order, and gives the snapshot's bytes
/// from first to last: the bbolt file, then its SHA-256. Nothing is durable yet: the caller sends or writes it.
///
/// Whoever takes the output after each call needs memory for one branch of a tree and the largest entry beside
/// `EtcdSnapshotContents`; the whole takes O(its bytes). The same calls give the same bytes.
package struct EtcdSnapshotWriter: Sendable {
    private let contents: EtcdSnapshotContents
    private var writer: BoltWriter
    private var digest = SnapshotDigest()
    private var part = SnapshotPart.revisions

    package init(_ layout: EtcdSnapshotLayout) throws(EtcdSnapshotError) {
        contents = layout.contents
        writer = BoltWriter(layout: layout.file)
        for bucket in contents.leadingBuckets {
            try add(bucket: bucket.name, bucket.entries)
        }
        try add(bucket: BackendBucket.key.name, [])
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
        try beginLeases()
        for bucket in contents.trailingBuckets {
            try add(bucket: bucket.name, bucket.entries)
        }
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
            try writer.beginBucket(name)
        } catch {
            throw EtcdSnapshotError(error)
        }
        for entry in entries {
            try add(key: entry.key, value: entry.value)
        }
    }

    private mutating func add(key: [UInt8], value: [UInt8]) throws(EtcdSnapshotError) {
        do {
            try writer.add(key: key, value: value)
        } catch {
            throw EtcdSnapshotError(error)
        }
    }
}
