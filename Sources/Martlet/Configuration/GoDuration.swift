// SPDX-License-Identifier: Apache-2.0

/// Durations as go-micro's settings write them: `500ms`, `1m30s`, `1.5h`; a bare number is seconds.
package enum GoDuration {
    /// `nil` for what is none.
    package static func parse(_ text: String) -> Duration? {
        if let seconds = Double(text), seconds.isFinite, abs(seconds) < Self.maximumSeconds {
            return self.duration(seconds)
        }
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if isNegative { rest = rest.dropFirst() }
        guard !rest.isEmpty else { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
            rest = rest.dropFirst(unit.count)
            guard let number = Double(digits), let seconds = Self.seconds(of: unit) else { return nil }
            total += number * seconds
        }
        guard total < Self.maximumSeconds else { return nil }
        return self.duration(isNegative ? -total : total)
    }

    /// Rounded to nanoseconds, as Go's are.
    private static func duration(_ seconds: Double) -> Duration {
        .nanoseconds(Int64((seconds * 1e9).rounded()))
    }

    /// Some three hundred years: what Go's own durations hold.
    private static let maximumSeconds = 9_223_372_036.0

    private static func seconds(of unit: Substring) -> Double? {
        switch unit {
        case "ns": 1e-9
        case "us", "µs": 1e-6
        case "ms": 1e-3
        case "s": 1
        case "m": 60
        case "h": 3600
        default: nil
        }
    }
}
