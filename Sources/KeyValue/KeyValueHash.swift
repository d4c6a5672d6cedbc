// SPDX-License-Identifier: Apache-2.0

import CMartletPosix
import MartletBasics

/// What members compare to find out whether they hold the same: etcd's `HashKV`.
///
/// CRC-32C over the bucket's name `key`, then for each version and tombstone up to a revision, in revision order, the
/// bytes of its key in etcd's bucket and the stored message. Of versions up to the compact revision those count that a
/// read at the revision asked for finds, or, where no key exists there, those that compaction left. A store with the
/// same requests behind it has the same hash as etcd.
/// Source: etcd mvcc `kvHasher`, `keyIndex.keep`.
public struct KeyValueHash: Hashable, Sendable {
    public var value: UInt32
    /// The main revision up to which changes are in it.
    public var revision: Int64
    /// −1 if the store was never compacted.
    public var compactRevision: Int64

    public init(value: UInt32, revision: Int64, compactRevision: Int64) {
        self.value = value
        self.revision = revision
        self.compactRevision = compactRevision
    }
}

/// Computes a hash in bounded steps, wherever the snapshot was taken to.
///
///     var hasher = try snapshot.hasher(at: 0)
///     while hasher.step() {}
///     answer(hasher.hash)
public struct KeyValueHasher: Sendable {
    /// Keys and changes of a step: half a millisecond for small values.
    public static let defaultStepLimit = 1024

    private var cursor: ChangeCursor
    private let revision: Int64
    private let compactRevision: Int64
    private var checksum: UInt32
    private var buffer: [UInt8] = []

    fileprivate init(_ snapshot: KeyValueSnapshot, at revision: Int64) {
        self.revision = revision
        compactRevision = snapshot.compactRevision
        cursor = ChangeCursor(snapshot, through: revision, keptAt: revision, keepsTombstones: false)
        checksum = Self.checksum(0, Array("key".utf8))
    }

    /// - Returns: whether there is more to do.
    public mutating func step(limit: Int = Self.defaultStepLimit) -> Bool {
        var bytes: [UInt8] = []
        swap(&bytes, &buffer)
        bytes.removeAll(keepingCapacity: true)
        let goesOn = cursor.step(limit: limit) { StoredBytes.append($0, to: &bytes) }
        checksum = Self.checksum(checksum, bytes)
        swap(&bytes, &buffer)
        return goesOn
    }

    /// Of all that was stepped over; complete when `step` has answered false.
    public var hash: KeyValueHash {
        KeyValueHash(value: checksum, revision: revision, compactRevision: compactRevision)
    }

    private static func checksum(_ checksum: UInt32, _ bytes: [UInt8]) -> UInt32 {
        // The pointer does not outlive the call, which reads as many bytes as the array has.
        bytes.withUnsafeBytes { martlet_crc32c(checksum, $0.baseAddress, $0.count) }
    }
}

extension KeyValueSnapshot {
    /// Begins to compute the hash at a main revision; 0: the newest.
    public func hasher(at main: Int64) throws(KeyValueError) -> KeyValueHasher {
        try checkReadable(main)
        return KeyValueHasher(self, at: main == 0 ? revision : main)
    }
}

/// A change as etcd stores it in its bucket `key`.
enum StoredBytes {
    /// Appends the key, main and sub revision big-endian with `_` between and `t` behind a tombstone's, and the message
    /// KeyValue {key=1, create_revision=2, mod_revision=3, version=4, value=5, lease=6}, of a tombstone only the key.
    static func append(_ change: HistoryRecord, to bytes: inout [UInt8]) {
        let head = change.head
        appendBigEndian(head.main, to: &bytes)
        bytes.append(UInt8(ascii: "_"))
        appendBigEndian(head.sub, to: &bytes)
        if change.isTombstone { bytes.append(UInt8(ascii: "t")) }
        change.withContent(head) { key, value in
            bytes.append(field: 1, span: key)
            if change.isTombstone { return }
            bytes.append(field: 2, signed: head.createRevision)
            bytes.append(field: 3, signed: head.main)
            bytes.append(field: 4, signed: head.version)
            bytes.append(field: 5, span: value)
            bytes.append(field: 6, signed: head.lease.rawValue)
        }
    }

    private static func appendBigEndian(_ number: Int64, to bytes: inout [UInt8]) {
        for shift in stride(from: Int64(56), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }
}
