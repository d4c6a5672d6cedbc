// SPDX-License-Identifier: Apache-2.0

package import MartletBasics

/// One entry of the bucket `martlet`, which stands behind `lease` where there are streams: a record of a member's
/// checkpoint for which etcd has no place. etcd and its tools pass the bucket over; what they restore has no streams.
///
///     key: table (1), object (8), id (8)     value: as in the checkpoint
///
/// Numbers are big-endian, so that entries stand in the checkpoint's order.
package struct BackendRecord: Hashable, Sendable {
    package static let bucketName = "martlet"
    static let bucketKeyLength = 17

    package var key: TableKey
    package var value: [UInt8]

    package init(key: TableKey, value: [UInt8]) {
        self.key = key
        self.value = value
    }

    var bucketKey: [UInt8] {
        var bytes = [key.table.rawValue]
        bytes.append(bigEndian: key.object)
        bytes.append(bigEndian: key.id)
        return bytes
    }

    init(_ entry: BucketEntry) throws(EtcdSnapshotError) {
        guard entry.key.count == Self.bucketKeyLength else {
            throw EtcdSnapshotError(.damaged, "bucket \(Self.bucketName): a key has \(entry.key.count) bytes")
        }
        key = TableKey(TableID(entry.key[0]), object: entry.key.bigEndian(at: 1), id: entry.key.bigEndian(at: 9))
        value = entry.value
    }
}

/// How far a snapshot has been described or written. Each part follows the one before, and may be empty.
enum SnapshotPart: Comparable, Sendable {
    case revisions, leases, records

    /// Nothing comes after a later part.
    func precede(_ next: SnapshotPart) throws(EtcdSnapshotError) {
        guard self <= next else { throw EtcdSnapshotError(.order, "one of the \(next) comes after the \(self)") }
    }
}
