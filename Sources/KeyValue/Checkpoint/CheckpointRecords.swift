// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// The numbers of a store that stand in no other record. Numbers are varints; signed ones are marked.
///
///     format               1
///     revision
///     compact revision     signed; −1: never compacted
///     floor                main, sub: from here on every change is there
///     is reclaiming        1 while versions that compaction made unreadable are still there
///     next key number
///     next lease serial
///     applied index, term  of the last log entry that is in the checkpoint
struct StoreHeader: Hashable, Sendable {
    static let format: UInt64 = 1
    static let key = TableKey(CheckpointTable.state, object: 0)

    var revision: Int64
    var compactRevision: Int64
    var floor: Revision
    var isReclaiming: Bool
    var nextKeyNumber: KeyNumber
    var nextLeaseSerial: UInt64
    var applied: AppliedPosition

    func encode(into bytes: inout [UInt8]) {
        Varint.append(Self.format, to: &bytes)
        Varint.append(UInt64(revision), to: &bytes)
        Varint.append(signed: compactRevision, to: &bytes)
        Varint.append(UInt64(floor.main), to: &bytes)
        Varint.append(UInt64(floor.sub), to: &bytes)
        Varint.append(isReclaiming ? 1 : 0, to: &bytes)
        Varint.append(nextKeyNumber.rawValue, to: &bytes)
        Varint.append(nextLeaseSerial, to: &bytes)
        Varint.append(applied.index.rawValue, to: &bytes)
        Varint.append(applied.term.rawValue, to: &bytes)
    }

    static func decode(_ bytes: RawSpan) throws(CheckpointError) -> StoreHeader {
        var offset = 0
        guard let format = Varint.read(bytes, at: &offset) else { throw .unreadable(key) }
        if format != Self.format { throw .unsupportedFormat(format) }
        guard let revision = Varint.read(bytes, at: &offset), let compacted = Varint.readSigned(bytes, at: &offset),
            let main = Varint.read(bytes, at: &offset), let sub = Varint.read(bytes, at: &offset),
            let reclaiming = Varint.read(bytes, at: &offset), let number = Varint.read(bytes, at: &offset),
            let serial = Varint.read(bytes, at: &offset), let index = Varint.read(bytes, at: &offset),
            let term = Varint.read(bytes, at: &offset), offset == bytes.byteCount,
            let revision = Int64(exactly: revision), let main = Int64(exactly: main), let sub = Int64(exactly: sub),
            reclaiming <= 1, revision < KeyValueStore.maximumRevision, index < .max, number < .max, serial < .max
        else { throw .unreadable(key) }
        return StoreHeader(
            revision: revision, compactRevision: compacted, floor: Revision(main: main, sub: sub),
            isReclaiming: reclaiming == 1, nextKeyNumber: KeyNumber(number), nextLeaseSerial: serial,
            applied: AppliedPosition(index: LogIndex(index), term: Term(term)))
    }
}

/// How far of the log a state holds.
public struct AppliedPosition: Hashable, Sendable {
    public var index: LogIndex
    public var term: Term

    public init(index: LogIndex, term: Term) {
        self.index = index
        self.term = term
    }
}

/// A lease as the checkpoint keeps it: three varints, term and what is left of it in seconds, serial. Its keys are
/// those whose newest version names it.
struct LeaseRecord: Hashable, Sendable {
    var id: LeaseID
    var ttlSeconds: Int64
    /// 0: all of the term.
    var remainingSeconds: Int64
    var serial: UInt64

    init(_ lease: Lease) {
        id = lease.id
        ttlSeconds = lease.ttlSeconds
        remainingSeconds = lease.remainingSeconds
        serial = lease.serial
    }

    /// Terms are neither negative nor above `KeyValueStore.maximumLeaseTTLSeconds`.
    func encode(into bytes: inout [UInt8]) {
        Varint.append(UInt64(ttlSeconds), to: &bytes)
        Varint.append(UInt64(remainingSeconds), to: &bytes)
        Varint.append(serial, to: &bytes)
    }

    init(_ key: TableKey, decoding bytes: RawSpan) throws(CheckpointError) {
        guard key.id == 0, key.object != 0 else { throw .inconsistent(key) }
        var offset = 0
        guard let ttl = Varint.read(bytes, at: &offset), let remaining = Varint.read(bytes, at: &offset),
            let serial = Varint.read(bytes, at: &offset), offset == bytes.byteCount,
            ttl <= UInt64(KeyValueStore.maximumLeaseTTLSeconds), remaining <= ttl
        else { throw .unreadable(key) }
        id = LeaseID(Int64(bitPattern: key.object))
        ttlSeconds = Int64(ttl)
        remainingSeconds = Int64(remaining)
        self.serial = serial
    }
}

/// What happened to a lease.
enum LeaseChange: Hashable, Sendable {
    case put(LeaseRecord)
    case remove(LeaseID)
}

/// The flags of a version or tombstone as the checkpoint keeps it, under its revision:
///
///     flags        1 byte: 1 tombstone, 2 created by this very put, 4 has a lease
///     key number   varint
///
/// and, unless it is a tombstone,
///
///     age          varint: main revision minus create revision; absent with flag 2
///     version      varint; absent with flag 2, where it is 1
///     lease        signed varint; absent without flag 4
///     value        the rest
enum RevisionFlags {
    static let tombstone: UInt8 = 1
    static let creation: UInt8 = 2
    static let lease: UInt8 = 4
    static let all: UInt8 = 7
}

extension HistoryRecord {
    func encode(into bytes: inout [UInt8]) {
        let head = head
        withContent(head) { head.encode($1, into: &bytes) }
    }
}

extension HistoryRecord.Head {
    func encode(_ value: RawSpan, into bytes: inout [UInt8]) {
        if version == 0 {
            bytes.append(RevisionFlags.tombstone)
            Varint.append(keyNumber.rawValue, to: &bytes)
            return
        }
        let isCreation = version == 1 && createRevision == main
        bytes.append((isCreation ? RevisionFlags.creation : 0) | (lease == .none ? 0 : RevisionFlags.lease))
        Varint.append(keyNumber.rawValue, to: &bytes)
        if !isCreation {
            Varint.append(UInt64(main - createRevision), to: &bytes)
            Varint.append(UInt64(version), to: &bytes)
        }
        if lease != .none { Varint.append(signed: lease.rawValue, to: &bytes) }
        bytes.append(copying: value)
    }
}

/// What of a revision's record comes in front of the value.
struct RevisionHead {
    var keyNumber: KeyNumber
    var createRevision: Int64 = 0
    /// 0: a tombstone.
    var version: Int64 = 0
    var lease = LeaseID.none
    /// Where the value begins.
    var valueOffset = 0

    /// `nil` if the bytes are not in the record's form.
    init?(main: Int64, decoding bytes: RawSpan) {
        guard bytes.byteCount > 0 else { return nil }
        let flags = bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
        var offset = 1
        guard flags & ~RevisionFlags.all == 0, let number = Varint.read(bytes, at: &offset) else { return nil }
        keyNumber = KeyNumber(number)
        if flags & RevisionFlags.tombstone != 0 {
            guard flags == RevisionFlags.tombstone, offset == bytes.byteCount else { return nil }
            return
        }
        createRevision = main
        version = 1
        if flags & RevisionFlags.creation == 0 {
            guard let age = Varint.read(bytes, at: &offset), let count = Varint.read(bytes, at: &offset),
                let puts = Int64(exactly: count), puts > 0, age <= UInt64(main)
            else { return nil }
            createRevision = main - Int64(age)
            version = puts
        }
        if flags & RevisionFlags.lease != 0 {
            guard let id = Varint.readSigned(bytes, at: &offset), id != 0 else { return nil }
            lease = LeaseID(id)
        }
        valueOffset = offset
    }
}
