// SPDX-License-Identifier: Apache-2.0

import MartletBasics

// Of a block that isn't in memory there is kept, in place of its bytes,
//
//     given, live, begin    as in the block
//     last                  16 bytes: the ID of the last entry, deleted or not; lowest byte first, as all of these
//     first live            16 bytes: the ID of the first entry that is not deleted
//     last live             16 bytes: that of the last one
//     count                 4 bytes: how many bytes the block has
//     image                 8 bytes: their hash
//
// so that only what asks for entries inside needs the block itself. Whoever does has to see first that it is there:
// asked in vain, a block traps.
extension EntryBlock {
    private enum Place {
        static let last = EntryBlock.fixedBytes
        static let firstLive = last + 16
        static let lastLive = firstLive + 16
        static let count = lastLive + 16
        static let image = count + 4
        static let end = image + 8
    }

    /// Bytes of what is kept.
    static let keptBytes = Place.end

    /// What stays of the block when it leaves memory. Complexity: O(bytes).
    func kept(base: StreamID) -> EntryBlock {
        precondition(!isAbsent && !isEmpty, "block \(number) can't leave memory")
        var (last, firstLive, lastLive) = (base, base, base)
        var isFirst = true
        forEach(base: base) { cursor in
            last = cursor.id
            if cursor.isDead { return true }
            if isFirst { firstLive = cursor.id }
            isFirst = false
            lastLive = cursor.id
            return true
        }
        var kept = EntryBlock(bytes: [UInt8](repeating: 0, count: Place.end), number: number)
        for offset in 0..<Self.fixedBytes { kept.bytes[offset] = bytes[offset] }
        kept.store(last, Place.last)
        kept.store(firstLive, Place.firstLive)
        kept.store(lastLive, Place.lastLive)
        kept.store(bytes.count, Place.count, 4)
        kept.store(Int(bitPattern: UInt(image)), Place.image, 8)
        kept.isAbsent = true
        kept.isChanged = isChanged
        return kept
    }

    /// A block that isn't in memory, of what is kept of it; `nil` if these are no such bytes.
    init?(kept bytes: [UInt8], number: UInt64, base: StreamID) {
        guard bytes.count == Place.end else { return nil }
        self.init(bytes: bytes, number: number)
        isAbsent = true
        isChanged = false
        guard 1 <= liveCount, liveCount <= givenCount, Self.fixedBytes < begin, begin < byteCount, base <= firstLive,
            firstLive <= lastLive, lastLive <= keptLast
        else { return nil }
    }

    private mutating func store(_ id: StreamID, _ offset: Int) {
        store(Int(bitPattern: UInt(id.milliseconds)), offset, 8)
        store(Int(bitPattern: UInt(id.sequence)), offset + 8, 8)
    }

    private func number(at offset: Int) -> UInt64 {
        // Loads check their bounds, and every bit pattern is a number.
        UInt64(littleEndian: bytes.span.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    private func id(at offset: Int) -> StreamID { StreamID(number(at: offset), number(at: offset + 8)) }

    // MARK: Of a block that isn't in memory

    var keptLast: StreamID { id(at: Place.last) }
    var firstLive: StreamID { id(at: Place.firstLive) }
    var lastLive: StreamID { id(at: Place.lastLive) }

    /// Whether live entries may be in a range.
    func mustBeRead(for range: StreamRange) -> Bool {
        isAbsent && range.lower <= lastLive && firstLive <= range.upper
    }

    /// Whether its numbers don't say how many live entries are before `id`.
    func mustBeRead(toCountBefore id: StreamID) -> Bool { isAbsent && firstLive < id && id <= lastLive }

    // MARK: Of any block

    /// How many bytes the block has, here or elsewhere.
    var byteCount: Int { isAbsent ? load(Place.count, 4) : bytes.count }

    /// A hash of the block's bytes, here or elsewhere.
    var image: UInt64 { isAbsent ? number(at: Place.image) : ImageHash.hash(bytes.span.bytes) }

    /// The ID of the first live entry. Complexity: O(entries).
    func firstLiveID(base: StreamID) -> StreamID? {
        if isAbsent { return firstLive }
        var first: StreamID?
        forEach(base: base) { cursor in
            if !cursor.isDead { first = cursor.id }
            return first == nil
        }
        return first
    }

    /// That of the last one.
    func lastLiveID(base: StreamID) -> StreamID? {
        if isAbsent { return lastLive }
        var last: StreamID?
        forEach(base: base) { cursor in
            if !cursor.isDead { last = cursor.id }
            return true
        }
        return last
    }
}

/// A hash that tells one image of a block from another of the same block: for comparing members, and for blocks that
/// come back. It protects from no one who chooses content.
enum ImageHash {
    private static let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15
    private static let finisher: UInt64 = 0xD6E8_FEB8_6659_FD93

    static func hash(_ bytes: RawSpan) -> UInt64 {
        var hash = UInt64(bytes.byteCount) &* finisher
        var offset = 0
        while offset + 8 <= bytes.byteCount {
            // Within bounds, and every bit pattern is a number.
            let word = bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            hash = fold(hash ^ UInt64(littleEndian: word), multiplier) &+ hash
            offset += 8
        }
        var rest: UInt64 = 1
        while offset < bytes.byteCount {
            rest = rest << 8 | UInt64(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
            offset += 1
        }
        return fold(hash ^ rest, finisher)
    }

    @inline(__always)
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let (high, low) = left.multipliedFullWidth(by: right)
        return high ^ low
    }
}
