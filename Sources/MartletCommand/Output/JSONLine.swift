// SPDX-License-Identifier: Apache-2.0

/// Writes small JSON texts in which the order of the fields matters to readers.
package enum JSONLine {
    /// An object of strings.
    package static func object(_ fields: [(String, String)]) -> String {
        object(values: fields.map { ($0.0, string($0.1)) })
    }

    /// An object of values that are JSON already.
    package static func object(values fields: [(String, String)]) -> String {
        "{" + fields.map { string($0.0) + ":" + $0.1 }.joined(separator: ",") + "}"
    }

    /// A quoted and escaped string.
    package static func string(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
