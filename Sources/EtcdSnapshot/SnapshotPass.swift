// SPDX-License-Identifier: Apache-2.0

import MartletBoltFile

/// One of the two passes over what goes into a snapshot, as far as buckets follow each other: which ones, and in which
/// order. Both passes give the same, or the file isn't what was planned.
protocol SnapshotPass {
    var contents: EtcdSnapshotContents { get }
    /// What came last.
    var part: SnapshotPart { get set }

    mutating func begin(bucket name: [UInt8]) throws(BoltFileError)
    mutating func add(_ entry: BucketEntry) throws(BoltFileError)
}

extension SnapshotPass {
    /// To be called first.
    mutating func beginRevisions() throws(EtcdSnapshotError) {
        for bucket in contents.leadingBuckets { try add(bucket: bucket.name, bucket.entries) }
        try add(bucket: BackendBucket.key.name, [])
    }

    mutating func beginLeases() throws(EtcdSnapshotError) {
        guard part == .revisions else { return }
        part = .leases
        try add(bucket: BackendBucket.lease.name, [])
    }

    mutating func beginRecords() throws(EtcdSnapshotError) {
        guard part != .records else { return }
        try beginLeases()
        part = .records
        try add(bucket: Array(BackendRecord.bucketName.utf8), [])
    }

    /// To be called last.
    mutating func endParts() throws(EtcdSnapshotError) {
        try beginLeases()
        for bucket in contents.trailingBuckets { try add(bucket: bucket.name, bucket.entries) }
    }

    private mutating func add(bucket name: [UInt8], _ entries: [BucketEntry]) throws(EtcdSnapshotError) {
        do {
            try begin(bucket: name)
            for entry in entries { try add(entry) }
        } catch {
            throw EtcdSnapshotError(error)
        }
    }
}
