// SPDX-License-Identifier: Apache-2.0

/// Durations as Go writes them: `300ms`, `1h15m`, `-1.5h`, `0`.
package enum GoDuration {
    private static let nanosecondsByUnit: [String: Double] = [
        "ns": 1, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9,
    ]
    /// Go counts nanoseconds in 64 bits.
    private static let limit = 0x1p63

    /// Nil for text that Go's `time.ParseDuration` refuses. Exact to the nanosecond below 2 to the power of 53 of them,
    /// which is a hundred days.
    package static func parse(_ text: String) -> Duration? {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if isNegative || rest.first == "+" { rest.removeFirst() }
        if rest == "0" { return .zero }
        guard !rest.isEmpty else { return nil }
        var nanoseconds = 0.0
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let unit = rest.prefix { $0 != "." && !($0.isASCII && $0.isNumber) }
            rest = rest.dropFirst(unit.count)
            // Go takes a point without digits on one of its sides, Swift takes none.
            let padded = "0" + digits + (digits.contains(".") ? "0" : "")
            guard digits.contains(where: \.isNumber), let number = Double(padded),
                let factor = nanosecondsByUnit[String(unit)]
            else { return nil }
            nanoseconds += number * factor
        }
        guard nanoseconds < limit else { return nil }
        let count = Int64(nanoseconds)
        return .nanoseconds(isNegative ? -count : count)
    }
}
