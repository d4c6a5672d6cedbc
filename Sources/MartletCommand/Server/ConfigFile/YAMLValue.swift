// SPDX-License-Identifier: Apache-2.0

/// A value of a YAML text.
enum YAMLValue: Equatable {
    case null
    case boolean(Bool)
    /// As it is spelt.
    case number(String)
    case string(String)
    case list([YAMLValue])
    /// In the order of the text; a later field of the same name counts.
    case map([(String, YAMLValue)])

    static func == (left: YAMLValue, right: YAMLValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.boolean(let left), .boolean(let right)): left == right
        case (.number(let left), .number(let right)), (.string(let left), .string(let right)): left == right
        case (.list(let left), .list(let right)): left == right
        case (.map(let left), .map(let right)): left.elementsEqual(right) { $0.0 == $1.0 && $0.1 == $1.1 }
        default: false
        }
    }

    /// What Go's JSON calls it.
    var jsonType: String {
        switch self {
        case .null: "null"
        case .boolean: "bool"
        case .number: "number"
        case .string: "string"
        case .list: "array"
        case .map: "object"
        }
    }

    /// The value of a word without quotes. Source: YAML 1.1 types, as Go's library has them.
    init(plain word: String) {
        switch word {
        case "", "~", "null", "Null", "NULL": self = .null
        case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON": self = .boolean(true)
        case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF": self = .boolean(false)
        default: self = Self.isNumber(word) ? .number(word) : .string(word)
        }
    }

    private static func isNumber(_ word: String) -> Bool {
        let digits = word.first == "-" || word.first == "+" ? word.dropFirst() : word[...]
        guard let first = digits.first, first.isASCII, first.isNumber || first == "." else { return false }
        if FlagValue.number(String(digits)) != nil { return true }
        return digits.allSatisfy { $0.isASCII && ($0.isNumber || ".eE+-".contains($0)) } && Double(word) != nil
    }
}

/// Why a text can't be read as YAML.
struct YAMLError: Error, Equatable, CustomStringConvertible {
    /// From 1.
    var line: Int
    var reason: String

    var description: String { "line \(line): \(reason)" }
}
