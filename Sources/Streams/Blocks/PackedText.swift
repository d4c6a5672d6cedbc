// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// A name or a value as blocks hold it. Decimal integers, written the one way that a number has, are kept as numbers.
///
///     0x00 … 0x7F    the integer itself
///     0x80 … 0xBF    a text of 0 … 63 bytes, which follow
///     0xC0 … 0xC7    an integer of 1 … 8 bytes, which follow: lowest first, two's complement
///     0xC8           a text: its length as a varint, its bytes
public enum PackedText {
    private static let shortText: UInt8 = 0x80
    private static let integer: UInt8 = 0xC0
    private static let longText: UInt8 = 0xC8
    private static let maximumShortCount = 63
    /// Bytes in front of a text, at most, if the text has up to 2^35 bytes.
    static let maximumOverhead = 6

    /// Where a text stands in a block.
    struct Place {
        /// Of the text's bytes; of nothing in an integer.
        var offset: Int
        var count: Int
        var integer: Int64?
        /// Where the next one begins.
        var end: Int
    }

    // MARK: Writing

    static func append(_ text: RawSpan, to bytes: inout [UInt8]) {
        if let number = canonicalInteger(text) {
            append(number, to: &bytes)
        } else {
            if text.byteCount <= maximumShortCount {
                bytes.append(shortText + UInt8(text.byteCount))
            } else {
                bytes.append(longText)
                Varint.append(UInt64(text.byteCount), to: &bytes)
            }
            bytes.append(copying: text)
        }
    }

    private static func append(_ number: Int64, to bytes: inout [UInt8]) {
        if 0 <= number, number < 0x80 {
            bytes.append(UInt8(number))
            return
        }
        // Bits that the number needs beside its sign, and the sign.
        let bits = 65 - (number < 0 ? ~number : number).leadingZeroBitCount
        let width = (bits + 7) / 8
        bytes.append(integer + UInt8(width - 1))
        var rest = number
        for _ in 0..<width {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    /// The number that has exactly this text; `nil` where none has.
    static func canonicalInteger(_ text: RawSpan) -> Int64? {
        // The longest has nineteen digits and a sign.
        guard text.byteCount > 0, text.byteCount <= 20 else { return nil }
        let first = text.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
        if first == UInt8(ascii: "0") { return text.byteCount == 1 ? 0 : nil }
        let isNegative = first == UInt8(ascii: "-")
        var offset = isNegative ? 1 : 0
        if offset == text.byteCount { return nil }
        if isNegative, text.unsafeLoad(fromByteOffset: 1, as: UInt8.self) == UInt8(ascii: "0") { return nil }
        guard let magnitude = StreamID.number(in: text, at: &offset), offset == text.byteCount else { return nil }
        if !isNegative { return Int64(exactly: magnitude) }
        return magnitude <= Int64.min.magnitude ? Int64(truncatingIfNeeded: 0 &- magnitude) : nil
    }

    // MARK: Reading

    /// The text that begins at `offset`; `nil` where none does, or the bytes end before it.
    @inline(__always)
    static func place(in bytes: RawSpan, at offset: Int) -> Place? {
        guard offset < bytes.byteCount else { return nil }
        let tag = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
        let begin = offset + 1
        if tag < shortText { return Place(offset: begin, count: 0, integer: Int64(tag), end: begin) }
        if tag < integer {
            let count = Int(tag - shortText)
            if count > bytes.byteCount - begin { return nil }
            return Place(offset: begin, count: count, integer: nil, end: begin + count)
        }
        if tag < longText {
            let width = Int(tag - integer) + 1
            if width > bytes.byteCount - begin { return nil }
            var number: UInt64 = 0
            for place in 0..<width {
                number |= UInt64(bytes.unsafeLoad(fromByteOffset: begin + place, as: UInt8.self)) << UInt64(place * 8)
            }
            let unused = UInt64(64 - width * 8)
            let integer = Int64(bitPattern: number << unused) >> Int64(unused)
            return Place(offset: begin, count: 0, integer: integer, end: begin + width)
        }
        guard tag == longText else { return nil }
        var text = begin
        guard let length = Varint.read(bytes, at: &text), let count = Int(exactly: length),
            count <= bytes.byteCount - text
        else { return nil }
        return Place(offset: text, count: count, integer: nil, end: text + count)
    }

    // MARK: Decimals

    /// Writes a number up to the end of the digits.
    ///
    /// - Returns: where it begins.
    static func writeDecimal(_ number: Int64, into digits: inout InlineArray<20, UInt8>) -> Int {
        var begin = 20
        var rest = number.magnitude
        repeat {
            begin -= 1
            digits[begin] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        if number < 0 {
            begin -= 1
            digits[begin] = UInt8(ascii: "-")
        }
        return begin
    }

    /// Adds the number's digits.
    public static func appendDecimal(_ number: UInt64, to bytes: inout [UInt8]) {
        if number < 10 {
            bytes.append(UInt8(ascii: "0") + UInt8(number))
            return
        }
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var begin = 20
        var rest = number
        while rest > 0 {
            begin -= 1
            digits[begin] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
        for place in begin..<20 { bytes.append(digits[place]) }
    }

    public static func appendDecimal(_ number: Int64, to bytes: inout [UInt8]) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        appendDecimal(number.magnitude, to: &bytes)
    }

    /// Characters that `appendDecimal` adds.
    public static func decimalCount(_ number: Int64) -> Int {
        var count = number < 0 ? 2 : 1
        var rest = number.magnitude
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        return count
    }
}
