// SPDX-License-Identifier: Apache-2.0

/// Reads the values of flags in Go's spelling.
package enum FlagValue {
    /// One of the twelve spellings that Go's `strconv.ParseBool` takes.
    package static func boolean(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "true", "TRUE", "True": true
        case "0", "f", "F", "false", "FALSE", "False": false
        default: nil
        }
    }

    /// Bytes: a number, or one with `KiB`, `MiB` or `GiB` behind it.
    package static func size(_ text: String) -> UInt64? {
        for (suffix, shift) in [("KiB", 10), ("MiB", 20), ("GiB", 30)] where text.hasSuffix(suffix) {
            guard let count = number(String(text.dropLast(suffix.count))), count <= UInt64.max >> shift else {
                return nil
            }
            return count << shift
        }
        return number(text)
    }

    /// A whole number of zero or more: decimal, or behind `0x`, `0o` (also `0` alone) or `0b` in another base.
    package static func number(_ text: String) -> UInt64? {
        // Swift takes a sign, Go takes none.
        guard let first = text.utf8.first, first != UInt8(ascii: "+") else { return nil }
        for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)]
        where text.hasPrefix(prefix) {
            let digits = text.dropFirst(2)
            return digits.first == "+" ? nil : UInt64(digits, radix: radix)
        }
        if first == UInt8(ascii: "0"), text.utf8.count > 1 {
            let digits = text.dropFirst()
            return digits.first == "+" ? nil : UInt64(digits, radix: 8)
        }
        return UInt64(text)
    }

    /// The same with a sign.
    package static func integer(_ text: String) -> Int64? {
        let isSigned = text.hasPrefix("-") || text.hasPrefix("+")
        guard let size = number(isSigned ? String(text.dropFirst()) : text) else { return nil }
        if text.hasPrefix("-") { return size > UInt64(Int64.max) + 1 ? nil : Int64(truncatingIfNeeded: 0 &- size) }
        return Int64(exactly: size)
    }

    /// A sequence of numbers with units, `1m30s` or `1.5h`; `0` needs no unit. Negative durations mean nothing here.
    package static func duration(_ text: String) -> Duration? {
        if text == "0" { return .zero }
        var total = Duration.zero
        var rest = text[...]
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
            rest = rest.dropFirst(letters.count)
            guard digits != ".", let value = Double(digits), let unit = unit(letters) else { return nil }
            let nanoseconds = value * unit
            // Go's durations are 64-bit counts of nanoseconds.
            guard nanoseconds < 9.2e18 else { return nil }
            total += .nanoseconds(Int64(nanoseconds))
        }
        return total
    }

    /// A unit in nanoseconds.
    private static func unit(_ name: Substring) -> Double? {
        switch name {
        case "ns": 1
        case "us", "µs", "μs": 1e3
        case "ms": 1e6
        case "s": 1e9
        case "m": 60e9
        case "h": 3600e9
        default: nil
        }
    }
}
