// SPDX-License-Identifier: Apache-2.0

package import MartletBoltFile

/// A snapshot that etcd or Martlet saved, or the `db` file out of a data folder, opened for reading.
///
/// The file is a bbolt file and, if its length modulo 512 is 32, 32 bytes with the SHA-256 of all before them. A file
/// copied from a data folder has none. The buckets are described in BackendBucket.swift; those that a version does not
/// know are passed over.
///
/// Nothing is believed: see `BoltReader`. Memory is one branch of a tree, a bit a page, and the small buckets where
/// they are asked for.
package struct EtcdSnapshotReader<Image: BoltImage>: Sendable {
    /// bbolt's pages are multiples of it, so a trailer shows in the length.
    package static var sectorSize: UInt64 { 512 }
    /// Bytes of the small buckets together. Users, roles and members of any sensible cluster take a fraction of it.
    package static var contentsLimit: Int { 64 << 20 }

    /// Read at once for the SHA-256.
    private static var pieceSize: Int { 1 << 20 }

    private let image: Image
    private let file: BoltReader<BoltImagePrefix<Image>>
    package let hasTrailer: Bool

    package init(_ image: Image, limits: BoltLimits = BoltLimits()) throws(EtcdSnapshotError) {
        self.image = image
        hasTrailer = image.byteCount % Self.sectorSize == UInt64(SnapshotDigest.byteCount)
        let count = image.byteCount - (hasTrailer ? UInt64(SnapshotDigest.byteCount) : 0)
        do {
            file = try BoltReader(BoltImagePrefix(image, byteCount: count), limits: limits)
        } catch {
            throw EtcdSnapshotError(error)
        }
    }

    package var meta: BoltMeta { file.meta }

    /// Reads the whole file and compares its SHA-256 with the trailer. O(bytes), memory of one piece.
    ///
    /// Errors: `noTrailer`, `trailerDiffers`, `file`.
    package func verifyTrailer() throws(EtcdSnapshotError) {
        guard hasTrailer else {
            throw EtcdSnapshotError(.noTrailer, "the snapshot has no SHA-256 at its end: it is no saved snapshot")
        }
        let end = image.byteCount - UInt64(SnapshotDigest.byteCount)
        var digest = SnapshotDigest()
        var offset: UInt64 = 0
        while offset < end {
            let count = min(UInt64(Self.pieceSize), end - offset)
            digest.update(try bytes(at: offset, count: Int(count)))
            offset += count
        }
        guard try bytes(at: end, count: SnapshotDigest.byteCount) == digest.finish() else {
            throw EtcdSnapshotError(
                .trailerDiffers, "the SHA-256 at the snapshot's end is not that of its bytes: it is damaged")
        }
    }

    private func bytes(at offset: UInt64, count: Int) throws(EtcdSnapshotError) -> [UInt8] {
        do {
            return try image.read(offset: offset, count: count)
        } catch {
            throw EtcdSnapshotError(error)
        }
    }

    /// All revisions in order. Errors: `missingBucket`.
    package func revisions() throws(EtcdSnapshotError) -> BackendRevisionCursor<Image> {
        BackendRevisionCursor(cursor: try cursor(.key))
    }

    /// All leases in the order of their bucket keys. Errors: `missingBucket`.
    package func leases() throws(EtcdSnapshotError) -> BackendLeaseCursor<Image> {
        BackendLeaseCursor(cursor: try cursor(.lease))
    }

    /// The small buckets. Missing ones count as empty, but not `meta`: every version writes it.
    package func contents() throws(EtcdSnapshotError) -> EtcdSnapshotContents {
        var result = EtcdSnapshotContents()
        var room = Self.contentsLimit
        for entry in try entries(.meta, isRequired: true, room: &room) { try result.meta.take(entry) }
        for entry in try entries(.members, room: &room) { result.members.append(try BackendMember(entry)) }
        for entry in try entries(.membersRemoved, room: &room) {
            guard let id = BackendMember.id(of: entry.key) else {
                throw EtcdSnapshotError(.damaged, "bucket members_removed: a key is no member ID")
            }
            result.removedMembers.append(id)
        }
        for entry in try entries(.cluster, room: &room) {
            if entry.key == BackendKey.clusterVersion {
                result.clusterVersion = String(decoding: entry.value, as: UTF8.self)
            } else if entry.key == BackendKey.downgrade {
                result.downgrade = try BackendDowngrade(entry.value)
            }
        }
        for entry in try entries(.auth, room: &room) { try result.auth.take(entry) }
        for entry in try entries(.authUsers, room: &room) { result.auth.users.append(try BackendUser(entry)) }
        for entry in try entries(.authRoles, room: &room) { result.auth.roles.append(try BackendRole(entry)) }
        for entry in try entries(.alarm, room: &room) { result.alarms.append(try BackendAlarm(entry)) }
        return result
    }

    /// More buckets than any etcd has, by far.
    private static var bucketLimit: Int { 1000 }

    /// The named buckets with a cursor each, in order: what a check of the whole file walks. No page comes twice, also
    /// not in two buckets.
    func buckets(
        _ body: (_ name: [UInt8], inout BoltCursor<BoltImagePrefix<Image>>) throws(EtcdSnapshotError) -> Void
    ) throws(EtcdSnapshotError) {
        var cursor = file.cursor(in: file.root)
        var buckets: [(name: [UInt8], bucket: BoltBucket)] = []
        while let entry = try cursor.nextEntry() {
            guard case .bucket(let bucket) = entry.content else {
                throw EtcdSnapshotError(.damaged, "page \(entry.page): a value stands among the buckets")
            }
            buckets.append((entry.key, bucket))
            guard buckets.count <= Self.bucketLimit else {
                throw EtcdSnapshotError(.tooLarge, "the file has more than \(Self.bucketLimit) buckets")
            }
        }
        for (name, bucket) in buckets {
            cursor = file.cursor(in: bucket, after: cursor)
            try body(name, &cursor)
        }
    }

    /// All records in order, or nil: only a snapshot of ours has them, and only where there are streams.
    package func records() throws(EtcdSnapshotError) -> BackendRecordCursor<Image>? {
        try findCursor(BackendRecord.bucketName).map { BackendRecordCursor(cursor: $0) }
    }

    private func cursor(_ name: BackendBucket) throws(EtcdSnapshotError) -> BoltCursor<BoltImagePrefix<Image>> {
        guard let cursor = try findCursor(name.rawValue) else {
            throw EtcdSnapshotError(.missingBucket, "the file has no bucket \(name.rawValue): it is not etcd's")
        }
        return cursor
    }

    private func findCursor(_ name: String) throws(EtcdSnapshotError) -> BoltCursor<BoltImagePrefix<Image>>? {
        do {
            return try file.bucket(named: Array(name.utf8)).map(file.cursor(in:))
        } catch {
            throw EtcdSnapshotError(error)
        }
    }

    /// `room` loses the bytes that were read.
    private func entries(
        _ name: BackendBucket, isRequired: Bool = false, room: inout Int
    ) throws(EtcdSnapshotError) -> [BucketEntry] {
        guard var cursor = isRequired ? try cursor(name) : try findCursor(name.rawValue) else { return [] }
        var result: [BucketEntry] = []
        while let entry = try cursor.nextValue(in: name.rawValue) {
            room -= entry.key.count + entry.value.count
            guard room >= 0 else {
                throw EtcdSnapshotError(.tooLarge, "the small buckets hold more than \(Self.contentsLimit) bytes")
            }
            result.append(entry)
        }
        return result
    }
}

extension BoltCursor {
    mutating func nextEntry() throws(EtcdSnapshotError) -> BoltEntry? {
        do {
            return try next()
        } catch {
            throw EtcdSnapshotError(error)
        }
    }

    /// The next entry of a bucket that holds values only.
    mutating func nextValue(in bucket: String) throws(EtcdSnapshotError) -> BucketEntry? {
        guard let entry = try nextEntry() else { return nil }
        guard case .value(let value) = entry.content else {
            throw EtcdSnapshotError(.damaged, "bucket \(bucket): page \(entry.page) holds a bucket inside it")
        }
        return (entry.key, value)
    }
}

/// Goes through the revisions of a snapshot, once.
package struct BackendRevisionCursor<Image: BoltImage>: Sendable {
    fileprivate var cursor: BoltCursor<BoltImagePrefix<Image>>

    package mutating func next() throws(EtcdSnapshotError) -> BackendRevision? {
        guard let entry = try cursor.nextValue(in: BackendBucket.key.rawValue) else { return nil }
        return try BackendRevision(key: entry.key, value: entry.value)
    }
}

/// Goes through the leases of a snapshot, once.
package struct BackendLeaseCursor<Image: BoltImage>: Sendable {
    fileprivate var cursor: BoltCursor<BoltImagePrefix<Image>>

    package mutating func next() throws(EtcdSnapshotError) -> BackendLease? {
        guard let entry = try cursor.nextValue(in: BackendBucket.lease.rawValue) else { return nil }
        return try BackendLease(key: entry.key, value: entry.value)
    }
}

/// Goes through the records of a snapshot, once.
package struct BackendRecordCursor<Image: BoltImage>: Sendable {
    fileprivate var cursor: BoltCursor<BoltImagePrefix<Image>>

    package mutating func next() throws(EtcdSnapshotError) -> BackendRecord? {
        guard let entry = try cursor.nextValue(in: BackendRecord.bucketName) else { return nil }
        return try BackendRecord(entry)
    }
}
