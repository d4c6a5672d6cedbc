// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// One change as index and history keep it: a version, or a tombstone (`version` 0; no value, no creation, no lease).
///
/// Both share one piece of memory, as most keys have one version and nobody reads most changes again:
///
///     length      1 byte: of what stands in front of the key
///     key count   varint
///     sub         varint: sub revision
///     number      varint: key number
///     version     varint; 0: a tombstone, where the next two are missing
///     age         varint: main revision minus create revision
///     lease       signed varint
///     key
///     value       the rest
///
/// Only the main revision, and whether the change is a tombstone, stand apart: searching and counting look at no more.
struct HistoryRecord: Sendable {
    /// Twice the main revision, and one more in a tombstone.
    private let stamp: Int64
    private let bytes: [UInt8]

    init(
        revision: Revision, keyNumber: KeyNumber, createRevision: Int64, version: Int64, lease: LeaseID,
        key: [UInt8], value: [UInt8]
    ) {
        stamp = revision.main << 1 | (version == 0 ? 1 : 0)
        var bytes: [UInt8] = []
        let age = UInt64(revision.main - createRevision)
        // Numbers take 61 bytes at most, so that their length fits its byte.
        var headLength =
            1 + Varint.length(of: UInt64(key.count)) + Varint.length(of: UInt64(revision.sub))
            + Varint.length(of: keyNumber.rawValue) + Varint.length(of: UInt64(version))
        if version != 0 { headLength += Varint.length(of: age) + Varint.length(ofSigned: lease.rawValue) }
        bytes.reserveCapacity(headLength + key.count + value.count)
        bytes.append(UInt8(headLength))
        Varint.append(UInt64(key.count), to: &bytes)
        Varint.append(UInt64(revision.sub), to: &bytes)
        Varint.append(keyNumber.rawValue, to: &bytes)
        Varint.append(UInt64(version), to: &bytes)
        if version != 0 {
            Varint.append(age, to: &bytes)
            Varint.append(signed: lease.rawValue, to: &bytes)
        }
        bytes.append(contentsOf: key)
        bytes.append(contentsOf: value)
        self.bytes = bytes
    }

    @inline(__always)
    var main: Int64 { stamp >> 1 }
    @inline(__always)
    var isTombstone: Bool { stamp & 1 == 1 }

    /// The numbers in front of the key.
    struct Head {
        var keyCount: Int
        var sub: Int64
        var keyNumber: KeyNumber
        var version: Int64
        var createRevision: Int64
        var lease: LeaseID
    }

    var head: Head {
        var offset = 1
        let span = bytes.span.bytes
        func next() -> UInt64 {
            guard let number = Varint.read(span, at: &offset) else { preconditionFailure("\(bytes) is no change") }
            return number
        }
        var head = Head(
            keyCount: Int(next()), sub: Int64(next()), keyNumber: KeyNumber(next()), version: Int64(next()),
            createRevision: 0, lease: .none)
        if head.version != 0 {
            head.createRevision = main - Int64(next())
            guard let lease = Varint.readSigned(span, at: &offset) else { preconditionFailure("\(bytes) is no change") }
            head.lease = LeaseID(lease)
        }
        return head
    }

    var keyRun: ByteRun {
        let span = bytes.span.bytes
        var offset = 1
        guard let count = Varint.read(span, at: &offset) else { preconditionFailure("\(bytes) is no change") }
        return ByteRun(bytes, offset: Int(bytes[0]), count: Int(count))
    }

    var revision: Revision { Revision(main: main, sub: head.sub) }
    var keyNumber: KeyNumber { head.keyNumber }
    var version: Int64 { isTombstone ? 0 : head.version }
    var createRevision: Int64 { isTombstone ? 0 : head.createRevision }
    var lease: LeaseID { isTombstone ? .none : head.lease }
    /// A copy.
    var key: [UInt8] { keyRun.array }
    /// A copy.
    var value: [UInt8] { valueRun.array }
    var valueRun: ByteRun {
        let key = keyRun
        let offset = key.offset + key.count
        return ByteRun(bytes, offset: offset, count: bytes.count - offset)
    }

    /// Calls `body` with key and value.
    @inline(__always)
    func withContent<Result>(keyCount: Int, _ body: (RawSpan, RawSpan) -> Result) -> Result {
        let content = bytes.span.bytes.extracting(droppingFirst: Int(bytes[0]))
        return body(content.extracting(first: keyCount), content.extracting(droppingFirst: keyCount))
    }

    /// Bytes of key and value.
    @inline(__always)
    var contentCount: Int { bytes.count - Int(bytes[0]) }

    func isBefore(_ revision: Revision) -> Bool {
        main != revision.main ? main < revision.main : head.sub < revision.sub
    }

    var record: KeyValueRecord { KeyValueRecord(self) }
}
