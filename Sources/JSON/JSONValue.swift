// SPDX-License-Identifier: Apache-2.0

/// A value of JSON. Numbers stay text, so that none loses a digit; members of an object keep their order.
package indirect enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([(name: String, value: JSONValue)])

    package static func == (left: JSONValue, right: JSONValue) -> Bool { left.text == right.text }

    /// Of an object's members with one name the last counts.
    package subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name == name }?.value
    }

    package var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    package var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    package var unsigned: UInt64? {
        if case .number(let text) = self { UInt64(text) } else { nil }
    }

    /// An empty list for null, which Go writes for a list without elements.
    package var array: [JSONValue]? {
        switch self {
        case .array(let values): values
        case .null: []
        default: nil
        }
    }

    /// Without spaces, and escaped as Go does.
    package var text: String { self.text(forHTML: true) }

    /// Without spaces. For people and files: only what JSON itself demands is escaped.
    package var plainText: String { self.text(forHTML: false) }

    private func text(forHTML: Bool) -> String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let text): text
        case .string(let text): Self.quoted(text, forHTML)
        case .array(let values): "[" + values.map { $0.text(forHTML: forHTML) }.joined(separator: ",") + "]"
        case .object(let members):
            "{"
                + members.map { Self.quoted($0.name, forHTML) + ":" + $0.value.text(forHTML: forHTML) }
                .joined(separator: ",") + "}"
        }
    }

    private static func quoted(_ text: String, _ forHTML: Bool) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "<" where !forHTML, ">" where !forHTML, "&" where !forHTML: result.unicodeScalars.append(scalar)
            case "<", ">", "&", "\u{2028}", "\u{2029}", "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
