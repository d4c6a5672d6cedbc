// SPDX-License-Identifier: Apache-2.0

/// Numbers in as few bytes as they need: seven bits a byte, lowest first; the top bit says that more follow.
public enum Varint {
    @inlinable
    @inline(__always)
    public static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// As `append`, into memory that has room.
    @inlinable
    @inline(__always)
    public static func append(_ number: UInt64, to output: inout OutputSpan<UInt8>) {
        var rest = number
        while rest >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        output.append(UInt8(truncatingIfNeeded: rest))
    }

    /// As `append`, for a number that may be negative but is mostly near zero: the sign becomes the lowest bit.
    public static func append(signed number: Int64, to bytes: inout [UInt8]) {
        append(folded(number), to: &bytes)
    }

    /// Bytes that `append` adds.
    @inlinable
    @inline(__always)
    public static func length(of number: UInt64) -> Int {
        (70 &- (number | 1).leadingZeroBitCount) / 7
    }

    /// Bytes that `append(signed:)` adds.
    @inlinable
    @inline(__always)
    public static func length(ofSigned number: Int64) -> Int {
        length(of: folded(number))
    }

    /// What stands for a signed number.
    @inlinable
    @inline(__always)
    public static func folded(_ number: Int64) -> UInt64 {
        UInt64(bitPattern: (number << 1) ^ (number >> 63))
    }

    /// The number at `offset`, which then moves behind it; `nil` where the bytes end before it does, or it does not fit
    /// 64 bits.
    @inlinable
    @inline(__always)
    public static func read(_ bytes: RawSpan, at offset: inout Int) -> UInt64? {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.byteCount, shift < 64 {
            let byte = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            offset += 1
            // The tenth byte has room for one bit.
            if shift == 63, byte > 1 { return nil }
            number |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return number }
            shift += 7
        }
        return nil
    }

    @inlinable
    public static func readSigned(_ bytes: RawSpan, at offset: inout Int) -> Int64? {
        guard let folded = read(bytes, at: &offset) else { return nil }
        return Int64(bitPattern: (folded >> 1)) ^ -Int64(bitPattern: folded & 1)
    }
}

extension Array where Element == UInt8 {
    /// A copy of the bytes from `offset` on.
    @inline(__always)
    public init(copying bytes: RawSpan, from offset: Int = 0) {
        // The bytes are read while the span lives. Of an array that is told its capacity the library looks up the type
        // each time, which takes as long again.
        self = bytes.extracting(droppingFirst: offset).withUnsafeBytes { Array($0) }
    }

    /// Adds a copy of the bytes.
    @inlinable
    @inline(__always)
    public mutating func append(copying bytes: RawSpan) {
        // The bytes are read while the span lives, and `self` does not own them.
        bytes.withUnsafeBytes { append(contentsOf: $0) }
    }
}

extension OutputSpan<UInt8> {
    /// Adds a copy of the span, for which there is room.
    @inlinable
    @inline(__always)
    public mutating func append(copying span: RawSpan) {
        precondition(span.byteCount <= freeCapacity)
        withUnsafeMutableBufferPointer { target, count in
            // Within the capacity, as said above; the two are different memory, as this one is borrowed for writing.
            span.withUnsafeBytes { source in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                UnsafeMutableRawPointer(to + count).copyMemory(from: from, byteCount: source.count)
                count += source.count
            }
        }
    }
}
