// SPDX-License-Identifier: Apache-2.0

package import MartletBasics

/// One entry of the bucket `lease`.
package struct BackendLease: Hashable, Sendable {
    package var id: LeaseID
    package var ttlSeconds: Int64
    /// What was left at the last checkpoint, or 0 if there was none.
    package var remainingSeconds: Int64

    package init(id: LeaseID, ttlSeconds: Int64, remainingSeconds: Int64 = 0) {
        self.id = id
        self.ttlSeconds = ttlSeconds
        self.remainingSeconds = remainingSeconds
    }

    /// Entries stand in the order of these bytes: negative IDs after all others.
    package var bucketKey: [UInt8] { [UInt8](bigEndian: UInt64(bitPattern: id.rawValue)) }

    package static let bucketKeyLength = 8

    package var bucketValue: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(field: 1, id.rawValue)
        bytes.append(field: 2, ttlSeconds)
        bytes.append(field: 3, remainingSeconds)
        return bytes
    }

    init(key: [UInt8], value: [UInt8]) throws(EtcdSnapshotError) {
        guard key.count == 8 else {
            throw EtcdSnapshotError(.damaged, "bucket lease: a key has \(key.count) bytes")
        }
        self.init(id: LeaseID(0), ttlSeconds: 0)
        var fields = ProtobufFields(value[...], in: .lease)
        while let field = try fields.next() {
            switch (field.number, field.value) {
            case (1, .varint(let number)): id = LeaseID(Int64(bitPattern: number))
            case (2, .varint(let number)): ttlSeconds = Int64(bitPattern: number)
            case (3, .varint(let number)): remainingSeconds = Int64(bitPattern: number)
            case (1...3, _): throw fields.wrongType(field.number)
            default: break  // A field of a later version.
            }
        }
        guard bucketKey == key else {
            throw EtcdSnapshotError(.damaged, "bucket lease: the entry of another ID holds lease \(id)")
        }
    }
}
