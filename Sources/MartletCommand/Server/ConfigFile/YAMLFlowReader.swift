// SPDX-License-Identifier: Apache-2.0

/// Reads values in quotes and brackets, over as many lines as they take: YAML's flow style, of which JSON is a part.
struct YAMLFlowReader {
    private var text: Substring
    /// Of what is read next, from 1.
    private(set) var line: Int

    init(_ text: String, line: Int) {
        self.text = text[...]
        self.line = line
    }

    /// What hasn't been read.
    var rest: String { String(text) }

    mutating func value(depth: Int) throws(YAMLError) -> YAMLValue {
        skipSpace()
        guard depth < YAMLDocument.maximumDepth else {
            throw error("exceeded max depth of \(YAMLDocument.maximumDepth)")
        }
        switch text.first {
        case "[": return try list(depth: depth)
        case "{": return try map(depth: depth)
        case "\"": return .string(try doubleQuoted())
        case "'": return .string(try singleQuoted())
        default: return YAMLValue(plain: try plain())
        }
    }

    /// Nothing but space and comments may be left.
    mutating func expectEnd() throws(YAMLError) {
        skipSpace()
        guard text.isEmpty else { throw error("did not find expected <document start>") }
    }

    /// Nothing but a comment may be left on this line.
    mutating func expectLineEnd() throws(YAMLError) {
        let spaces = text.prefix { $0 == " " || $0 == "\t" }
        let next = text.dropFirst(spaces.count).first
        guard next == nil || next?.isNewline == true || (next == "#" && !spaces.isEmpty) else {
            throw error("did not find expected key")
        }
    }

    /// Whether the next character, behind spaces, is this one; then it is taken.
    mutating func take(_ character: Character) -> Bool {
        skipSpace()
        guard text.first == character else { return false }
        advance()
        return true
    }

    private mutating func list(depth: Int) throws(YAMLError) -> YAMLValue {
        let start = line
        advance()
        var items: [YAMLValue] = []
        while !take("]") {
            items.append(try value(depth: depth + 1))
            if take("]") { break }
            guard take(",") else { throw YAMLError(line: start, reason: "did not find expected ',' or ']'") }
        }
        return .list(items)
    }

    private mutating func map(depth: Int) throws(YAMLError) -> YAMLValue {
        let start = line
        advance()
        var fields: [(String, YAMLValue)] = []
        while !take("}") {
            guard case .string(let name) = try value(depth: depth + 1), take(":") else {
                throw error("did not find expected ':'")
            }
            let value = try value(depth: depth + 1)
            fields.removeAll { $0.0 == name }
            fields.append((name, value))
            if take("}") { break }
            guard take(",") else { throw YAMLError(line: start, reason: "did not find expected ',' or '}'") }
        }
        return .map(fields)
    }

    /// A word that ends with its line, or where the bracket around it goes on.
    private mutating func plain() throws(YAMLError) -> String {
        var word = ""
        while let character = text.first, !character.isNewline, !",[]{}".contains(character) {
            let next = text.dropFirst().first
            if character == ":", next.map({ $0.isWhitespace || ",[]{}".contains($0) }) ?? true { break }
            if character == "#", word.last?.isWhitespace == true { break }
            word.append(character)
            advance()
        }
        guard !word.isEmpty else { throw error("did not find expected node content") }
        return word[...].trimmed
    }

    private mutating func singleQuoted() throws(YAMLError) -> String {
        let start = line
        advance()
        var result = ""
        while let character = text.first {
            if character == "'" {
                advance()
                guard text.first == "'" else { return result }
            }
            append(character, to: &result)
        }
        throw YAMLError(line: start, reason: "found unexpected end of stream")
    }

    private mutating func doubleQuoted() throws(YAMLError) -> String {
        let start = line
        advance()
        var result = ""
        while let character = text.first {
            if character == "\"" {
                advance()
                return result
            }
            if character == "\\" {
                advance()
                result.unicodeScalars.append(try escape())
            } else {
                append(character, to: &result)
            }
        }
        throw YAMLError(line: start, reason: "found unexpected end of stream")
    }

    /// A line's end within quotes, with the space around it, is a space.
    private mutating func append(_ character: Character, to result: inout String) {
        advance()
        guard character.isNewline else { return result.append(character) }
        while result.last == " " || result.last == "\t" { result.removeLast() }
        while text.first == " " || text.first == "\t" { advance() }
        result.append(" ")
    }

    /// What stands behind a backslash.
    private mutating func escape() throws(YAMLError) -> Unicode.Scalar {
        guard let letter = text.first else { throw error("found unexpected end of stream") }
        advance()
        switch letter {
        case "n": return "\n"
        case "t": return "\t"
        case "r": return "\r"
        case "0": return "\0"
        case "b": return "\u{8}"
        case "f": return "\u{C}"
        case "e": return "\u{1B}"
        case "\"", "\\", "/", " ": return letter.unicodeScalars.first ?? " "
        case "x": return try scalar(try hexadecimal(2))
        case "U": return try scalar(try hexadecimal(8))
        case "u":
            let unit = try hexadecimal(4)
            // JSON writes what 16 bits can't hold as two units.
            guard unit & 0xFC00 == 0xD800, text.hasPrefix("\\u") else { return try scalar(unit) }
            advance()
            advance()
            let low = try hexadecimal(4)
            guard low & 0xFC00 == 0xDC00 else { throw error("found invalid Unicode character escape code") }
            return try scalar(0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF)
        default: throw error("found unknown escape character")
        }
    }

    private mutating func hexadecimal(_ count: Int) throws(YAMLError) -> UInt32 {
        let digits = text.prefix(count)
        guard digits.count == count, digits.allSatisfy(\.isHexDigit), let number = UInt32(digits, radix: 16) else {
            throw error("did not find expected hexdecimal number")
        }
        text = text.dropFirst(count)
        return number
    }

    private func scalar(_ number: UInt32) throws(YAMLError) -> Unicode.Scalar {
        guard let scalar = Unicode.Scalar(number) else { throw error("found invalid Unicode character escape code") }
        return scalar
    }

    private mutating func skipSpace() {
        while let character = text.first {
            if character.isWhitespace {
                advance()
            } else if character == "#" {
                while text.first?.isNewline == false { advance() }
            } else {
                return
            }
        }
    }

    private mutating func advance() {
        if text.first?.isNewline == true { line += 1 }
        text = text.dropFirst()
    }

    private func error(_ reason: String) -> YAMLError { YAMLError(line: line, reason: reason) }
}
