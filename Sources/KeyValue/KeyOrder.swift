// SPDX-License-Identifier: Apache-2.0

/// The order of keys: byte by byte, unsigned, a prefix before what it begins. The same as `memcmp`.
enum KeyOrder {
    /// Negative, zero or positive as `left` sorts before, with or after `right`. Complexity: O(shorter length).
    @inline(__always)
    static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
        compare(left.span.bytes, right.span.bytes)
    }

    @inline(__always)
    static func compare(_ left: RawSpan, _ right: RawSpan) -> Int {
        compare(left, right, first: .max)
    }

    /// As `compare`, for no more than the first `count` bytes of both.
    @inline(__always)
    static func compare(_ left: RawSpan, _ right: RawSpan, first count: Int) -> Int {
        let shared = min(left.byteCount, right.byteCount, count)
        let offset = firstDifference(left, right, before: shared)
        if offset < shared { return byte(of: left, at: offset) < byte(of: right, at: offset) ? -1 : 1 }
        return min(left.byteCount, count) - min(right.byteCount, count)
    }

    /// How many bytes both begin with.
    static func sharedCount(_ left: [UInt8], _ right: [UInt8]) -> Int {
        sharedCount(left.span.bytes, right.span.bytes)
    }

    static func sharedCount(_ left: RawSpan, _ right: RawSpan) -> Int {
        firstDifference(left, right, before: min(left.byteCount, right.byteCount))
    }

    static func head(of key: [UInt8], from offset: Int) -> UInt64 {
        head(of: key.span.bytes, from: offset)
    }

    /// Eight bytes from `offset` on as a number that sorts like them; zeros stand for bytes behind the end.
    @inline(__always)
    static func head(of key: RawSpan, from offset: Int) -> UInt64 {
        if offset &+ 8 <= key.byteCount { return UInt64(bigEndian: word(of: key, at: offset)) }
        var head: UInt64 = 0
        var shift: UInt64 = 56
        var next = offset
        // At most seven bytes: shifts end at 8.
        while next < key.byteCount {
            head |= UInt64(byte(of: key, at: next)) << shift
            shift &-= 8
            next &+= 1
        }
        return head
    }

    /// The offset of the first byte that differs, or `end`, which is at most both lengths. Looks at eight bytes at a
    /// time. Additions cannot overflow: offsets stay below the length of a key.
    @inline(__always)
    private static func firstDifference(_ left: RawSpan, _ right: RawSpan, before end: Int) -> Int {
        var offset = 0
        while offset &+ 8 <= end {
            let difference = UInt64(bigEndian: word(of: left, at: offset) ^ word(of: right, at: offset))
            if difference != 0 { return offset &+ (difference.leadingZeroBitCount >> 3) }
            offset &+= 8
        }
        while offset < end, byte(of: left, at: offset) == byte(of: right, at: offset) { offset &+= 1 }
        return offset
    }

    /// The load checks its bounds, and every bit pattern is a valid `UInt64`.
    @inline(__always)
    private static func word(of key: RawSpan, at offset: Int) -> UInt64 {
        key.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    /// The load checks its bounds, and every byte is a valid `UInt8`.
    @inline(__always)
    private static func byte(of key: RawSpan, at offset: Int) -> UInt8 {
        key.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    @inline(__always)
    static func isLess(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        compare(left, right) < 0
    }
}
