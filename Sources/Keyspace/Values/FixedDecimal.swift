// SPDX-License-Identifier: Apache-2.0

/// A number with a point, exact to seventeen digits behind it: what INCRBYFLOAT adds.
///
/// Redis adds numbers of the machine, whose width depends on the machine. Here they are decimal, so that every member
/// has the same sum; where few digits are meant, the result is the same.
struct FixedDecimal: Sendable {
    /// Digits behind the point. Source: Redis.
    static let scale = 17
    /// Digits in front of the point: what the widest numbers of Redis's machines have.
    static let maximumWholeDigits = 4932
    /// Bytes of a text that is a number. Source: about what Redis takes.
    private static let maximumTextBytes = 5120

    private(set) var isNegative: Bool
    /// The magnitude's, from the last behind the point to the highest, which isn't 0.
    private var digits: [UInt8]

    enum Reading: Sendable {
        case number(FixedDecimal)
        case infinite
        case none
    }

    /// Reads a text as C's `strtold` does, but for hexadecimal numbers.
    static func read(_ text: ArraySlice<UInt8>) -> Reading {
        guard text.count <= maximumTextBytes else { return .none }
        var rest = text
        var isNegative = false
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            rest = rest.dropFirst()
        }
        let small = rest.map { $0 | 0x20 }
        if small == Array("inf".utf8) || small == Array("infinity".utf8) { return .infinite }
        var digits: [UInt8] = []
        var pointAt: Int?
        while let byte = rest.first {
            if byte == UInt8(ascii: "."), pointAt == nil {
                pointAt = digits.count
            } else if byte &- UInt8(ascii: "0") <= 9 {
                digits.append(byte - UInt8(ascii: "0"))
            } else {
                break
            }
            rest = rest.dropFirst()
        }
        if digits.isEmpty { return .none }
        guard let exponent = exponent(rest) else { return .none }
        return number(isNegative, digits, pointAt: (pointAt ?? digits.count) + exponent)
    }

    /// Beyond it a number is endless or nothing, whatever its digits.
    private static let maximumExponent = 100_000

    /// Of what stands behind the digits; `nil` where that is no exponent.
    private static func exponent(_ text: ArraySlice<UInt8>) -> Int? {
        guard let first = text.first else { return 0 }
        guard first | 0x20 == UInt8(ascii: "e") else { return nil }
        var rest = text.dropFirst()
        var isNegative = false
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            rest = rest.dropFirst()
        }
        if rest.isEmpty { return nil }
        var exponent = 0
        for byte in rest {
            guard byte &- UInt8(ascii: "0") <= 9 else { return nil }
            exponent = min(exponent * 10 + Int(byte - UInt8(ascii: "0")), maximumExponent)
        }
        return isNegative ? -exponent : exponent
    }

    /// - Parameter pointAt: behind how many of the digits the point stands; it may stand anywhere.
    private static func number(_ isNegative: Bool, _ digits: [UInt8], pointAt: Int) -> Reading {
        let zeros = digits.prefix { $0 == 0 }.count
        let significant = digits[zeros...]
        if significant.isEmpty { return .number(FixedDecimal(isNegative: false, digits: [])) }
        let whole = pointAt - zeros
        if whole > maximumWholeDigits { return .infinite }
        // Digits that are kept: those in front of the point and `scale` behind it.
        let kept = whole + scale
        if kept < 0 { return .number(FixedDecimal(isNegative: false, digits: [])) }
        var magnitude = Array(significant.prefix(kept))
        let padding = kept - magnitude.count
        magnitude += [UInt8](repeating: 0, count: padding)
        magnitude.reverse()
        var number = FixedDecimal(isNegative: isNegative, digits: magnitude)
        if padding == 0 { number.round(significant.dropFirst(kept)) }
        number.normalize()
        return .number(number)
    }

    /// Half goes to the even neighbour.
    private mutating func round(_ cut: ArraySlice<UInt8>) {
        guard let first = cut.first, first >= 5 else { return }
        let isHalf = first == 5 && cut.dropFirst().allSatisfy { $0 == 0 }
        if isHalf, (digits.first ?? 0) & 1 == 0 { return }
        digits = Self.sum(digits, [1])
    }

    private mutating func normalize() {
        while digits.last == 0 { digits.removeLast() }
        if digits.isEmpty { isNegative = false }
    }

    // MARK: Sums

    private static func sum(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        var sum: [UInt8] = []
        var carry: UInt8 = 0
        for place in 0..<max(left.count, right.count) {
            let digit = (place < left.count ? left[place] : 0) + (place < right.count ? right[place] : 0) + carry
            sum.append(digit % 10)
            carry = digit / 10
        }
        if carry > 0 { sum.append(carry) }
        return sum
    }

    /// The left one is not the lesser.
    private static func difference(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        var difference: [UInt8] = []
        var borrow: UInt8 = 0
        for place in 0..<left.count {
            let taken = (place < right.count ? right[place] : 0) + borrow
            borrow = left[place] < taken ? 1 : 0
            difference.append(left[place] + borrow * 10 - taken)
        }
        return difference
    }

    private static func isLess(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        if left.count != right.count { return left.count < right.count }
        return left.reversed().lexicographicallyPrecedes(right.reversed())
    }

    /// `nil` where the sum has too many digits.
    static func + (left: FixedDecimal, right: FixedDecimal) -> FixedDecimal? {
        var result: FixedDecimal
        if left.isNegative == right.isNegative {
            result = FixedDecimal(isNegative: left.isNegative, digits: sum(left.digits, right.digits))
        } else if isLess(left.digits, right.digits) {
            result = FixedDecimal(isNegative: right.isNegative, digits: difference(right.digits, left.digits))
        } else {
            result = FixedDecimal(isNegative: left.isNegative, digits: difference(left.digits, right.digits))
        }
        result.normalize()
        return result.digits.count <= maximumWholeDigits + scale ? result : nil
    }

    // MARK: Text

    /// Without zeros at its end, and without a point where nothing stands behind it.
    var text: [UInt8] {
        var padded = digits
        while padded.count <= Self.scale { padded.append(0) }
        var text = isNegative ? [UInt8(ascii: "-")] : []
        for digit in padded[Self.scale...].reversed() { text.append(UInt8(ascii: "0") + digit) }
        let fraction = padded[..<Self.scale].drop { $0 == 0 }
        if fraction.isEmpty { return text }
        text.append(UInt8(ascii: "."))
        for digit in fraction.reversed() { text.append(UInt8(ascii: "0") + digit) }
        return text
    }
}
