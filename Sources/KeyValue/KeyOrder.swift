// SPDX-License-Identifier: Apache-2.0

/// The order of keys: byte by byte, unsigned, a prefix before what it begins. The same as `memcmp`.
enum KeyOrder {
    /// Negative, zero or positive as `left` sorts before, with or after `right`. Complexity: O(shorter length).
    @inline(__always)
    static func compare(_ left: [UInt8], _ right: [UInt8]) -> Int {
        compare(ByteRun(left), ByteRun(right))
    }

    @inline(__always)
    static func compare(_ left: ByteRun, _ right: ByteRun) -> Int {
        compare(left, right, first: .max)
    }

    /// As `compare`, for no more than the first `count` bytes of both.
    @inline(__always)
    static func compare(_ left: ByteRun, _ right: ByteRun, first count: Int) -> Int {
        let shared = min(left.count, right.count, count)
        let offset = firstDifference(left, right, before: shared)
        if offset < shared { return left.bytes[left.offset &+ offset] < right.bytes[right.offset &+ offset] ? -1 : 1 }
        return min(left.count, count) - min(right.count, count)
    }

    /// How many bytes both begin with.
    static func sharedCount(_ left: [UInt8], _ right: [UInt8]) -> Int {
        sharedCount(ByteRun(left), ByteRun(right))
    }

    static func sharedCount(_ left: ByteRun, _ right: ByteRun) -> Int {
        firstDifference(left, right, before: min(left.count, right.count))
    }

    static func head(of key: [UInt8], from offset: Int) -> UInt64 {
        head(of: ByteRun(key), from: offset)
    }

    /// Eight bytes from `offset` on as a number that sorts like them; zeros stand for bytes behind the end.
    @inline(__always)
    static func head(of key: ByteRun, from offset: Int) -> UInt64 {
        if offset &+ 8 <= key.count { return UInt64(bigEndian: word(of: key.bytes, at: key.offset &+ offset)) }
        var head: UInt64 = 0
        var shift: UInt64 = 56
        var next = offset
        // At most seven bytes: shifts end at 8.
        while next < key.count {
            head |= UInt64(key.bytes[key.offset &+ next]) << shift
            shift &-= 8
            next &+= 1
        }
        return head
    }

    /// The offset of the first byte that differs, or `end`, which is at most both lengths. Looks at eight bytes at a
    /// time. Additions cannot overflow: offsets stay below the length of an array.
    @inline(__always)
    private static func firstDifference(_ left: ByteRun, _ right: ByteRun, before end: Int) -> Int {
        var offset = 0
        while offset &+ 8 <= end {
            let difference = UInt64(
                bigEndian: word(of: left.bytes, at: left.offset &+ offset)
                    ^ word(of: right.bytes, at: right.offset &+ offset))
            if difference != 0 { return offset &+ (difference.leadingZeroBitCount >> 3) }
            offset &+= 8
        }
        while offset < end, left.bytes[left.offset &+ offset] == right.bytes[right.offset &+ offset] { offset &+= 1 }
        return offset
    }

    /// The load checks its bounds, and every bit pattern is a valid `UInt64`.
    @inline(__always)
    private static func word(of key: [UInt8], at offset: Int) -> UInt64 {
        key.span.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    @inline(__always)
    static func isLess(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        compare(left, right) < 0
    }
}
