// SPDX-License-Identifier: Apache-2.0

/// The words of a command behind its name, as HELP shows them and COMMAND DOCS takes them apart.
///
///     words     item item …                 one behind the other
///     item      TOKEN                       this word: capitals, or a sign
///               name                        a value; what kind is told by its name, see `CommandArgument.Kind`
///               [words|words|…]             may be missing
///               (words|words|…)             one of these
///     item...                               once or more, without a blank between
///
/// A token right before a value or a choice of values is part of that argument: `[COUNT count]` is one argument.
public struct CommandSyntax: Sendable {
    public let text: String
    let arguments: [CommandArgument]

    init(_ text: String) {
        self.text = text
        var parser = Parser(rest: text[...])
        arguments = parser.words()
        precondition(parser.rest.isEmpty, "a bracket too many in '\(text)'")
    }

    /// Words that a command has at least, its names not included.
    public var leastWords: Int { arguments.reduce(0) { $0 + $1.leastWords } }
    /// Whether it may have more.
    public var isVariable: Bool { arguments.contains(where: \.isVariable) }
}

extension CommandEntry {
    /// The words behind its name.
    public var syntax: CommandSyntax { .of(self) }
}

/// One argument of a command. Source: COMMAND DOCS of Redis.
struct CommandArgument: Sendable {
    enum Kind: String, Sendable {
        case string, integer, double, key, pattern
        case unixTime = "unix-time"
        case token = "pure-token"
        case choice = "oneof"
        case block

        /// Of a value, by what names like it are for.
        init(ofValue name: String) {
            if name == "source" || name == "destination" || name.hasSuffix("key") {
                self = .key
            } else if name.hasSuffix("pattern") {
                self = .pattern
            } else if name.hasPrefix("unix-time") {
                self = .unixTime
            } else if Self.integers.contains(name) {
                self = .integer
            } else {
                self = name == "float" || name == "timeout" ? .double : .string
            }
        }

        private static let integers: Set<String> = [
            "bits", "bytes", "client-id", "count", "cursor", "decrement", "duration", "end-index", "entries-added",
            "entries-read", "increment", "index", "iid-count", "lease", "len", "limit", "milliseconds", "numkeys",
            "numlocal", "numreplicas", "offset", "operations", "port", "priority", "protover", "rank", "revision",
            "seconds", "start-index", "version", "words",
        ]
    }

    var name: String
    var kind: Kind
    var token: String?
    var isOptional = false
    var isMultiple = false
    var arguments: [CommandArgument] = []

    fileprivate var leastWords: Int {
        if isOptional { return 0 }
        let own = token == nil ? 0 : 1
        switch kind {
        case .token: return 1
        case .choice: return own + (arguments.map(\.leastWords).min() ?? 0)
        case .block: return own + arguments.reduce(0) { $0 + $1.leastWords }
        case .string, .integer, .double, .key, .pattern, .unixTime: return own + 1
        }
    }

    fileprivate var isVariable: Bool {
        isOptional || isMultiple || arguments.contains(where: \.isVariable)
            || kind == .choice && Set(arguments.map(\.leastWords)).count > 1
    }
}

/// Reads a notation of ours, not of a client's: what is wrong in it is a fault of this program.
private struct Parser {
    var rest: Substring

    /// Up to the end, or to what ends a bracket.
    mutating func words() -> [CommandArgument] {
        var arguments: [CommandArgument] = []
        // A token that may be part of what follows.
        var pending: CommandArgument?
        while let first = rest.first, !"|])".contains(first) {
            if first == " " {
                rest.removeFirst()
                continue
            }
            var argument = item()
            if let token = pending {
                pending = nil
                if argument.kind != .token, argument.token == nil, !argument.isOptional {
                    argument.token = token.token
                } else {
                    arguments.append(token)
                }
            }
            if argument.kind == .token, !argument.isMultiple, !argument.isOptional {
                pending = argument
            } else {
                arguments.append(argument)
            }
        }
        if let pending { arguments.append(pending) }
        return arguments
    }

    private mutating func item() -> CommandArgument {
        let opening = rest.first
        var argument: CommandArgument
        if opening == "[" || opening == "(" {
            rest.removeFirst()
            argument = group(closing: opening == "[" ? "]" : ")")
            if opening == "[" { argument.isOptional = true }
        } else {
            let word = rest.prefix { !" |[]().".contains($0) }
            precondition(!word.isEmpty, "no word at '\(rest)'")
            rest.removeFirst(word.count)
            argument = Self.word(String(word))
        }
        if rest.hasPrefix("...") {
            rest.removeFirst(3)
            argument.isMultiple = true
        }
        return argument
    }

    private mutating func group(closing: Character) -> CommandArgument {
        var choices: [CommandArgument] = []
        while true {
            let words = words()
            precondition(!words.isEmpty, "nothing between brackets, before '\(rest)'")
            choices.append(
                words.count == 1 ? words[0] : CommandArgument(name: words[0].name, kind: .block, arguments: words))
            precondition(!rest.isEmpty, "a bracket that isn't closed")
            if rest.removeFirst() == closing { break }
        }
        if choices.count == 1, !choices[0].isOptional, !choices[0].isMultiple { return choices[0] }
        return CommandArgument(name: choices[0].name, kind: choices.count == 1 ? .block : .choice, arguments: choices)
    }

    private static let signs = [
        "*": "any-id", "$": "last-id", "=": "exactly", "~": "about", "<": "below", ">": "above",
    ]

    private static func word(_ text: String) -> CommandArgument {
        let isToken = text.contains { $0.isUppercase } || !text.contains { $0.isLetter }
        guard isToken else { return CommandArgument(name: text, kind: .init(ofValue: text)) }
        return CommandArgument(name: signs[text] ?? text.lowercased(), kind: .token, token: text)
    }
}
