// SPDX-License-Identifier: Apache-2.0

/// Swift source reduced to what the compiler acts on.
enum SwiftText {
    /// The source with each comment and each literal text replaced by spaces; line breaks stay, so lines keep their
    /// numbers. Code inside `\(…)` of a string stays. Regular-expression literals are not known.
    static func codeOnly(_ source: String) -> String {
        var stripper = Stripper(Array(source.utf8))
        stripper.code(endsAtParenthesis: false)
        return String(decoding: stripper.output, as: UTF8.self)
    }

    /// The modules that the source imports, with the lines of their imports (from 1).
    static func imports(inCode code: String) -> [(module: String, line: Int)] {
        var result: [(module: String, line: Int)] = []
        let lines = code.split(separator: "\n", omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            var words = line.split(whereSeparator: { $0 == " " || $0 == ";" })[...]
            while let word = words.first, word.hasPrefix("@") || modifiers.contains(String(word)) {
                words.removeFirst()
            }
            guard words.first == "import" else { continue }
            words.removeFirst()
            if let word = words.first, kinds.contains(String(word)) {
                words.removeFirst()
            }
            if let path = words.first, let module = path.split(separator: ".").first {
                result.append((String(module), number + 1))
            }
        }
        return result
    }

    /// The lines (from 1) on which the words stand; a name that only begins or ends like them does not count.
    static func lines(inCode code: String, saying words: String) -> [Int] {
        let needle = Array(words.utf8)
        var result: [Int] = []
        for (number, line) in code.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let bytes = Array(line.utf8)
            guard bytes.count >= needle.count else { continue }
            for start in 0...(bytes.count - needle.count) where bytes[start...].starts(with: needle) {
                let end = start + needle.count
                let beginsName = start > 0 && isName(needle[0]) && isName(bytes[start - 1])
                let endsName = end < bytes.count && isName(needle[needle.count - 1]) && isName(bytes[end])
                if !beginsName, !endsName {
                    result.append(number + 1)
                    break
                }
            }
        }
        return result
    }

    private static let modifiers: Set<String> = ["public", "package", "internal", "fileprivate", "private"]
    private static let kinds: Set<String> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]

    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
            true
        default:
            false
        }
    }
}

/// Walks through source once. `position` never passes the end; an unfinished literal ends with the file.
private struct Stripper {
    let source: [UInt8]
    var output: [UInt8] = []
    var position = 0

    init(_ source: [UInt8]) {
        self.source = source
        output.reserveCapacity(source.count)
    }

    func sees(_ text: StaticString) -> Bool {
        text.withUTF8Buffer { source[position...].starts(with: $0) }
    }

    mutating func keep() {
        output.append(source[position])
        position += 1
    }

    mutating func blank(_ count: Int = 1) {
        for _ in 0..<min(count, source.count - position) {
            output.append(source[position] == UInt8(ascii: "\n") ? UInt8(ascii: "\n") : UInt8(ascii: " "))
            position += 1
        }
    }

    /// Copies code, up to the parenthesis that closes an interpolation or to the end.
    mutating func code(endsAtParenthesis: Bool) {
        var depth = 0
        while position < source.count {
            if sees("//") {
                while position < source.count, source[position] != UInt8(ascii: "\n") { blank() }
            } else if sees("/*") {
                blockComment()
            } else if let pounds = openingPounds() {
                string(pounds: pounds)
            } else {
                if source[position] == UInt8(ascii: "(") { depth += 1 }
                if source[position] == UInt8(ascii: ")") {
                    if endsAtParenthesis, depth == 0 { return }
                    depth -= 1
                }
                keep()
            }
        }
    }

    mutating func blockComment() {
        var depth = 0
        repeat {
            if sees("/*") {
                depth += 1
                blank(2)
            } else if sees("*/") {
                depth -= 1
                blank(2)
            } else {
                blank()
            }
        } while depth > 0 && position < source.count
    }

    /// The number of `#` before a quotation mark here, or nil if no string begins here.
    func openingPounds() -> Int? {
        var end = position
        while end < source.count, source[end] == UInt8(ascii: "#") { end += 1 }
        guard end < source.count, source[end] == UInt8(ascii: "\"") else { return nil }
        return end - position
    }

    mutating func string(pounds: Int) {
        blank(pounds)
        let isMultiline = sees("\"\"\"")
        blank(isMultiline ? 3 : 1)
        let marks = [UInt8](repeating: UInt8(ascii: "#"), count: pounds)
        let closing = [UInt8](repeating: UInt8(ascii: "\""), count: isMultiline ? 3 : 1) + marks
        let escape = [UInt8(ascii: "\\")] + marks
        while position < source.count {
            if source[position...].starts(with: closing) {
                blank(closing.count)
                return
            }
            if source[position...].starts(with: escape) {
                blank(escape.count)
                if position < source.count, source[position] == UInt8(ascii: "(") {
                    keep()
                    code(endsAtParenthesis: true)
                    if position < source.count { keep() }
                } else {
                    blank()
                }
            } else {
                blank()
            }
        }
    }
}
