// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// A short piece of a reply, put together from its end: digits come in that order.
struct TailLine {
    /// Two numbers of twenty digits, what stands between them, their length, and ends of lines.
    private static let capacity = 56

    private var bytes = InlineArray<56, UInt8>(repeating: 0)
    private(set) var begin = capacity

    @inline(__always)
    mutating func put(_ byte: UInt8) {
        begin -= 1
        bytes[begin] = byte
    }

    @inline(__always)
    mutating func put(_ first: UInt8, _ second: UInt8) {
        put(second)
        put(first)
    }

    /// The number's digits.
    @inline(__always)
    mutating func put(_ number: UInt64) {
        var rest = number
        // Two digits a division, which of all that is done here takes longest.
        while rest >= 10 {
            let pair = UInt8(truncatingIfNeeded: rest % 100)
            rest /= 100
            put(UInt8(ascii: "0") + pair / 10, UInt8(ascii: "0") + pair % 10)
        }
        if rest > 0 || number == 0 { put(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest)) }
    }

    @inline(__always)
    mutating func put(_ number: Int64) {
        put(number.magnitude)
        if number < 0 { put(UInt8(ascii: "-")) }
    }

    @inline(__always)
    func append(to buffer: inout [UInt8]) { buffer.append(copying: bytes.span.bytes.extracting(begin..<Self.capacity)) }
}
