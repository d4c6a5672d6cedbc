// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
package import MartletKeyValue

/// One entry of the bucket `key`: what one change left.
package struct BackendRevision: Hashable, Sendable {
    package var revision: Revision
    package var isTombstone: Bool
    /// Of a tombstone only key and mod revision. The key is empty in the entry that etcd adds when a restore raises
    /// the revision; it stands for no key.
    package var record: KeyValueRecord

    package init(revision: Revision, record: KeyValueRecord, isTombstone: Bool = false) {
        self.revision = revision
        self.record = record
        self.isTombstone = isTombstone
    }

    /// The bytes of its key in the bucket: 17, or 18 for a tombstone.
    package var bucketKey: [UInt8] {
        var bytes = Self.bytes(of: revision)
        if isTombstone { bytes.append(UInt8(ascii: "t")) }
        return bytes
    }

    package static func bucketKeyLength(isTombstone: Bool) -> Int { isTombstone ? 18 : 17 }

    /// The stored KeyValue {key=1, create_revision=2, mod_revision=3, version=4, value=5, lease=6}.
    package var bucketValue: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(record.key.count + record.value.count + 64)
        bytes.append(field: 1, record.key)
        if isTombstone { return bytes }
        bytes.append(field: 2, record.createRevision)
        bytes.append(field: 3, record.modRevision)
        bytes.append(field: 4, record.version)
        bytes.append(field: 5, record.value)
        bytes.append(field: 6, record.lease.rawValue)
        return bytes
    }

    /// The length of `bucketValue`, without making it. The record's value may be absent: its length is given apart.
    package static func bucketValueLength(
        of record: KeyValueRecord, valueLength: Int, isTombstone: Bool
    ) -> Int {
        let key = length(ofBytes: record.key.count)
        guard !isTombstone else { return key }
        return key + length(of: record.createRevision) + length(of: record.modRevision) + length(of: record.version)
            + length(ofBytes: valueLength) + length(of: record.lease.rawValue)
    }

    init(key: [UInt8], value: [UInt8]) throws(EtcdSnapshotError) {
        guard let (revision, isTombstone) = Self.revision(of: key) else {
            throw EtcdSnapshotError(.damaged, "bucket key: a key of \(key.count) bytes is no revision")
        }
        self.revision = revision
        self.isTombstone = isTombstone
        record = KeyValueRecord(key: [], createRevision: 0, modRevision: 0, version: 0, value: [])
        try decode(value)
        if isTombstone { record = .tombstone(key: record.key, modRevision: revision.main) }
    }

    private mutating func decode(_ value: [UInt8]) throws(EtcdSnapshotError) {
        var fields = ProtobufFields(value[...], in: .key, of: revision)
        while let field = try fields.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let bytes)): record.key = Array(bytes)
            case (2, .varint(let number)): record.createRevision = Int64(bitPattern: number)
            case (3, .varint(let number)): record.modRevision = Int64(bitPattern: number)
            case (4, .varint(let number)): record.version = Int64(bitPattern: number)
            case (5, .bytes(let bytes)): record.value = Array(bytes)
            case (6, .varint(let number)): record.lease = LeaseID(Int64(bitPattern: number))
            case (1...6, _): throw fields.wrongType(field.number)
            default: break  // A field of a later version.
            }
        }
    }

    static func bytes(of revision: Revision) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(18)
        bytes.append(bigEndian: UInt64(bitPattern: revision.main))
        bytes.append(UInt8(ascii: "_"))
        bytes.append(bigEndian: UInt64(bitPattern: revision.sub))
        return bytes
    }

    /// Nil for bytes that are no revision; negative numbers are none.
    static func revision(of bytes: [UInt8]) -> (revision: Revision, isTombstone: Bool)? {
        let isTombstone = bytes.count == 18
        guard bytes.count == 17 || isTombstone && bytes[17] == UInt8(ascii: "t"), bytes[8] == UInt8(ascii: "_"),
            let main = Int64(exactly: bytes.bigEndian(at: 0)), let sub = Int64(exactly: bytes.bigEndian(at: 9))
        else { return nil }
        return (Revision(main: main, sub: sub), isTombstone)
    }

    private static func length(of number: Int64) -> Int {
        number == 0 ? 0 : 1 + varintLength(UInt64(bitPattern: number))
    }

    private static func length(ofBytes count: Int) -> Int {
        count == 0 ? 0 : 1 + varintLength(UInt64(count)) + count
    }
}
