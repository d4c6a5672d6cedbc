// SPDX-License-Identifier: Apache-2.0

import CMartletPosix
import MartletBasics

/// One change as index and history keep it: a version, or a tombstone (`version` 0; no value, no creation, no lease).
///
/// Both share its bytes, which stand in a slab among those of other changes:
///
///     head length  6 bits: of what stands in front of the key
///     kind         2 bits: 0 a version, 1 the first version of a life, alone in its transaction and without lease,
///                  2 a tombstone
///     key count    varint
///     value count  varint
///     main         varint: main revision
///     number       varint: key number
///     sub          varint: sub revision; missing in kind 1, as all that follows
///     version      varint; missing in a tombstone, as the next two
///     age          varint: main revision minus create revision
///     lease        signed varint
///     key
///     value
///
/// The main revision, and whether the change is a tombstone, stand in the record again: searching and counting look at
/// no more.
struct HistoryRecord: Sendable {
    let slab: ChangeSlab
    /// From the top: 47 bits main revision, 1 bit tombstone, 16 bits offset in the slab.
    private let place: UInt64

    private static let mainShift: UInt64 = 17
    private static let tombstoneBit: UInt64 = 1 << 16
    /// What the place has room for.
    static let maximumMain: Int64 = 1 << 47 - 1

    /// The tombstone at revision zero of no key: what stands in an entry that has seen no change.
    static let none: HistoryRecord = {
        var packer = ChangePacker()
        let empty: [UInt8] = []
        return packer.pack(Head(main: 0, keyNumber: .zero), key: empty.span.bytes, value: empty.span.bytes)
    }()

    @inline(__always)
    init(_ slab: ChangeSlab, offset: Int, main: Int64, isTombstone: Bool) {
        precondition(0...Self.maximumMain ~= main, "a change at revision \(main)")
        self.slab = slab
        place = UInt64(main) << Self.mainShift | (isTombstone ? Self.tombstoneBit : 0) | UInt64(offset)
    }

    /// The change that was packed there.
    @inline(__always)
    init(_ slab: ChangeSlab, offset: Int) {
        // Without its main revision at first, which isn't needed to read the head.
        self.init(slab, offset: offset, main: 0, isTombstone: false)
        let head = head
        self.init(slab, offset: offset, main: head.main, isTombstone: head.version == 0)
    }

    @inline(__always)
    var main: Int64 { Int64(place >> Self.mainShift) }
    @inline(__always)
    var isTombstone: Bool { place & Self.tombstoneBit != 0 }
    @inline(__always)
    private var offset: Int { Int(place & 0xFFFF) }

    /// Whether both are the same bytes, not only equal ones.
    func isSame(as other: HistoryRecord) -> Bool { slab === other.slab && place == other.place }

    /// Asks the processor for its head, which will be read soon.
    @inline(__always)
    func fetch() { martlet_prefetch(slab.base + offset) }

    var slabID: ObjectIdentifier { ObjectIdentifier(slab) }

    /// Calls `body` with the bytes of the slab from the change on.
    @inline(__always)
    private func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
        // The slab has been written at least to the change's end, and lives as long as this value.
        withExtendedLifetime(slab) {
            body(UnsafeRawBufferPointer(start: slab.base + offset, count: slab.capacity - offset).bytes)
        }
    }
}

// MARK: Reading

extension HistoryRecord {
    /// The numbers in front of the key.
    struct Head {
        var main: Int64
        var sub: Int64 = 0
        var keyNumber: KeyNumber
        /// 0: a tombstone.
        var version: Int64 = 0
        var createRevision: Int64 = 0
        var lease = LeaseID.none
        var keyCount = 0
        var valueCount = 0

        /// Bytes that it takes in front of the key: 62 at most, as the main revision has 47 bits.
        fileprivate(set) var count = 0
    }

    var head: Head {
        withBytes { bytes in
            var offset = 1
            func next() -> UInt64 {
                guard let number = Varint.read(bytes, at: &offset) else { preconditionFailure("a change without head") }
                return number
            }
            let first = bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
            let (keyCount, valueCount, main) = (Int(next()), Int(next()), Int64(next()))
            var head = Head(main: main, keyNumber: KeyNumber(next()))
            (head.keyCount, head.valueCount) = (keyCount, valueCount)
            switch first >> Self.kindShift {
            case Self.first:
                (head.version, head.createRevision) = (1, main)
            case Self.tombstone:
                head.sub = Int64(next())
            default:
                head.sub = Int64(next())
                head.version = Int64(next())
                head.createRevision = main - Int64(next())
                guard let lease = Varint.readSigned(bytes, at: &offset) else {
                    preconditionFailure("a change without head")
                }
                head.lease = LeaseID(lease)
            }
            head.count = offset
            return head
        }
    }

    /// Calls `body` with the key.
    @inline(__always)
    func withKey<Result>(_ body: (RawSpan) -> Result) -> Result {
        withBytes { bytes in
            var offset = 1
            guard let count = Varint.read(bytes, at: &offset) else { preconditionFailure("a change without head") }
            let begin = Int(bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self) & Self.lengthMask)
            return body(bytes.extracting(begin..<begin + Int(count)))
        }
    }

    /// Calls `body` with key and value.
    ///
    /// - Parameter head: the change's own.
    @inline(__always)
    func withContent<Result>(_ head: Head, _ body: (_ key: RawSpan, _ value: RawSpan) -> Result) -> Result {
        withBytes { bytes in
            let value = head.count + head.keyCount
            return body(bytes.extracting(head.count..<value), bytes.extracting(value..<value + head.valueCount))
        }
    }

    var revision: Revision { Revision(main: main, sub: head.sub) }
    var keyNumber: KeyNumber { head.keyNumber }
    var version: Int64 { isTombstone ? 0 : head.version }
    var createRevision: Int64 { isTombstone ? 0 : head.createRevision }
    var lease: LeaseID { isTombstone ? .none : head.lease }
    /// A copy.
    var key: [UInt8] { withKey { [UInt8](copying: $0) } }
    /// A copy.
    var value: [UInt8] { withContent(head) { [UInt8](copying: $1) } }

    /// Bytes of key and value.
    var contentCount: Int {
        let head = head
        return head.keyCount + head.valueCount
    }

    /// Bytes that it takes in its slab, its slot included.
    var packedCount: Int { packedEnd - offset + ChangeSlab.slotBytes }

    /// Where in the slab it ends.
    var packedEnd: Int {
        let head = head
        return offset + head.count + head.keyCount + head.valueCount
    }

    func isBefore(_ revision: Revision) -> Bool {
        main != revision.main ? main < revision.main : head.sub < revision.sub
    }

    var record: KeyValueRecord { KeyValueRecord(self) }
}

// MARK: Writing

extension HistoryRecord {
    fileprivate static let kindShift: UInt8 = 6
    fileprivate static let lengthMask: UInt8 = 0x3F
    fileprivate static let version: UInt8 = 0
    fileprivate static let first: UInt8 = 1
    fileprivate static let tombstone: UInt8 = 2
}

extension HistoryRecord.Head {
    private var age: UInt64 { UInt64(main - createRevision) }

    private var kind: UInt8 {
        if version == 0 { return HistoryRecord.tombstone }
        let isPlain = version == 1 && sub == 0 && createRevision == main && lease == .none
        return isPlain ? HistoryRecord.first : HistoryRecord.version
    }

    /// Bytes in front of the key.
    var packedCount: Int {
        var count =
            1 + Varint.length(of: UInt64(keyCount)) + Varint.length(of: UInt64(valueCount))
            + Varint.length(of: UInt64(main)) + Varint.length(of: keyNumber.rawValue)
        let kind = kind
        if kind == HistoryRecord.first { return count }
        count += Varint.length(of: UInt64(sub))
        if kind == HistoryRecord.tombstone { return count }
        count += Varint.length(of: UInt64(version)) + Varint.length(of: age) + Varint.length(ofSigned: lease.rawValue)
        return count
    }

    /// - Parameter headCount: `packedCount`, for which there is room.
    func write(to target: UnsafeMutableRawBufferPointer, headCount: Int) {
        let kind = kind
        target[0] = UInt8(headCount) | kind << HistoryRecord.kindShift
        var offset = 1
        func put(_ number: UInt64) {
            var rest = number
            while rest >= 0x80 {
                target[offset] = UInt8(truncatingIfNeeded: rest) | 0x80
                offset += 1
                rest >>= 7
            }
            target[offset] = UInt8(truncatingIfNeeded: rest)
            offset += 1
        }
        put(UInt64(keyCount))
        put(UInt64(valueCount))
        put(UInt64(main))
        put(keyNumber.rawValue)
        if kind == HistoryRecord.first { return }
        put(UInt64(sub))
        if kind == HistoryRecord.tombstone { return }
        put(UInt64(version))
        put(age)
        put(Varint.folded(lease.rawValue))
    }
}
