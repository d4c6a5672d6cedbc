// SPDX-License-Identifier: Apache-2.0

/// Numbers as clients write them.
public enum Decimal {
    /// The number that has exactly this text, without signs, blanks or zeros it doesn't need; `nil` where none has.
    public static func integer(_ text: RawSpan) -> Int64? {
        // The longest has nineteen digits and a sign.
        guard text.byteCount > 0, text.byteCount <= 20 else { return nil }
        let first = text.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
        if text.byteCount == 1 {
            let digit = first &- UInt8(ascii: "0")
            return digit <= 9 ? Int64(digit) : nil
        }
        let isNegative = first == UInt8(ascii: "-")
        var offset = isNegative ? 1 : 0
        if text.unsafeLoad(fromByteOffset: offset, as: UInt8.self) == UInt8(ascii: "0") { return nil }
        var number: UInt64 = 0
        while offset < text.byteCount {
            let digit = text.unsafeLoad(fromByteOffset: offset, as: UInt8.self) &- UInt8(ascii: "0")
            if digit > 9 { return nil }
            let (tens, isTooBig) = number.multipliedReportingOverflow(by: 10)
            let (sum, carries) = tens.addingReportingOverflow(UInt64(digit))
            if isTooBig || carries { return nil }
            number = sum
            offset += 1
        }
        if !isNegative { return Int64(exactly: number) }
        return number <= Int64.min.magnitude ? Int64(truncatingIfNeeded: 0 &- number) : nil
    }

    /// Adds the number's digits.
    @inline(__always)
    public static func append(_ number: UInt64, to bytes: inout [UInt8]) {
        if number < 10 {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number))
            return
        }
        appendLong(number, to: &bytes)
    }

    private static func appendLong(_ number: UInt64, to bytes: inout [UInt8]) {
        var line = TailLine()
        line.put(number)
        line.append(to: &bytes)
    }

    public static func append(_ number: Int64, to bytes: inout [UInt8]) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        append(number.magnitude, to: &bytes)
    }

    /// Characters that `append` adds.
    public static func count(_ number: Int64) -> Int {
        (number < 0 ? 1 : 0) + count(number.magnitude)
    }

    public static func count(_ number: UInt64) -> Int {
        var count = 1
        var rest = number
        while rest >= 10_000 {
            rest /= 10_000
            count += 4
        }
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        return count
    }
}

extension [UInt8] {
    @inline(__always)
    public mutating func append(text: StaticString) {
        text.withUTF8Buffer { self.append(contentsOf: $0) }
    }
}
