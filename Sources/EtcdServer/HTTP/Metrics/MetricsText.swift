// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Prometheus' text format, line by line. Source: Prometheus, exposition formats, text format 0.0.4.
struct MetricsText {
    typealias Labels = [(name: String, value: String)]

    enum Kind: String { case counter, gauge, histogram }

    private(set) var text = ""

    /// Begins a family; its samples follow.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ name: String, _ value: some BinaryInteger, _ labels: Labels = []) {
        line(name, "\(value)", labels)
    }

    mutating func sample(_ name: String, _ value: Double, _ labels: Labels = []) {
        line(name, Self.number(value), labels)
    }

    /// A family of one sample.
    mutating func gauge(_ name: String, _ value: some BinaryInteger, _ labels: Labels = [], _ help: String) {
        family(name, .gauge, help)
        sample(name, value, labels)
    }

    mutating func counter(_ name: String, _ value: some BinaryInteger, _ help: String) {
        family(name, .counter, help)
        sample(name, value)
    }

    mutating func histogram(_ name: String, _ histogram: ValueHistogram, _ help: String) {
        family(name, .histogram, help)
        samples(name, histogram)
    }

    /// The samples of one histogram: each bucket counts what the smaller ones do.
    mutating func samples(_ name: String, _ histogram: ValueHistogram, _ labels: Labels = []) {
        var total: UInt64 = 0
        for (bound, count) in zip(histogram.bounds, histogram.counts) {
            total += count
            line(name + "_bucket", "\(total)", labels + [("le", Self.number(bound))])
        }
        line(name + "_bucket", "\(histogram.count)", labels + [("le", "+Inf")])
        line(name + "_sum", Self.number(histogram.sum), labels)
        line(name + "_count", "\(histogram.count)", labels)
    }

    private mutating func line(_ name: String, _ value: String, _ labels: Labels) {
        text += name
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") || $0 == 10 }) else {
            return value
        }
        var text = ""
        for character in value.unicodeScalars {
            switch character {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }

    /// As etcd writes it: a bound's text is part of a series' name. Shortest digits; with an exponent of two digits or
    /// more where it is below -4 or above 5.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf" }
        guard value != 0 else { return "0" }
        // The shortest digits, and where the point stands among them.
        let parts = value.magnitude.description.split(separator: "e")
        let halves = parts[0].split(separator: ".")
        var exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        var digits = Array(halves.joined().utf8)
        exponent += halves[0].utf8.count
        while digits.first == UInt8(ascii: "0") {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        let sign = value < 0 ? "-" : ""
        func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }
        let power = exponent - 1
        if power < -4 || power > 5 {
            let rest = digits.count > 1 ? "." + text(digits.dropFirst()) : ""
            let size = "\(power.magnitude)"
            return sign + text(digits.prefix(1)) + rest + (power < 0 ? "e-" : "e+") + (size.utf8.count < 2 ? "0" : "")
                + size
        }
        if exponent <= 0 { return sign + "0." + String(repeating: "0", count: -exponent) + text(digits) }
        if digits.count <= exponent {
            return sign + text(digits) + String(repeating: "0", count: exponent - digits.count)
        }
        return sign + text(digits.prefix(exponent)) + "." + text(digits.dropFirst(exponent))
    }
}
