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

    /// A decimal or, behind `0x`, hexadecimal number.
    package static func number(_ text: String) -> UInt64? {
        if text.hasPrefix("0x") { return UInt64(text.dropFirst(2), radix: 16) }
        guard text.utf8.first != UInt8(ascii: "+") else { return nil }
        return UInt64(text)
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
