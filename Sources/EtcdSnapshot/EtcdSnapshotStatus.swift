// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletBoltFile

/// What `etcdctl snapshot status` says of a file: the same numbers.
package struct EtcdSnapshotStatus: Hashable, Sendable {
    /// CRC-32C over every bucket's name, keys and values.
    package var hash: UInt32
    /// Main revision of the last change.
    package var revision: Int64
    /// Entries of all buckets.
    package var keyCount: Int
    /// Bytes of the pages in use.
    package var byteCount: UInt64
    /// `3.6.0`; nil for a file of an earlier version.
    package var storageVersion: String?

    package init(hash: UInt32, revision: Int64, keyCount: Int, byteCount: UInt64, storageVersion: String? = nil) {
        self.hash = hash
        self.revision = revision
        self.keyCount = keyCount
        self.byteCount = byteCount
        self.storageVersion = storageVersion
    }
}

extension EtcdSnapshotReader {
    /// Walks through everything. O(bytes); memory of one branch of a tree.
    package func status() throws(EtcdSnapshotError) -> EtcdSnapshotStatus {
        var checksum = CRC32C()
        var status = EtcdSnapshotStatus(
            hash: 0, revision: 0, keyCount: 0, byteCount: meta.pageCount * UInt64(meta.pageSize))
        try buckets { (name, cursor) throws(EtcdSnapshotError) in
            checksum.update(name)
            let isKey = name == BackendBucket.key.name
            let isMeta = name == BackendBucket.meta.name
            while let entry = try cursor.nextEntry() {
                checksum.update(entry.key)
                status.keyCount += 1
                guard case .value(let value) = entry.content else { continue }
                checksum.update(value)
                if isKey {
                    guard let (revision, _) = BackendRevision.revision(of: entry.key) else {
                        throw EtcdSnapshotError(
                            .damaged, "bucket key: page \(entry.page) holds a key that is no revision")
                    }
                    status.revision = revision.main
                } else if isMeta, entry.key == BackendKey.storageVersion {
                    status.storageVersion = String(decoding: value, as: UTF8.self)
                }
            }
        }
        status.hash = checksum.value
        return status
    }
}
