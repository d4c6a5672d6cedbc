// SPDX-License-Identifier: Apache-2.0

/// Reads the part of YAML that configuration files are written in, and all of JSON.
///
/// That part: one document; maps of `name: value` lines, deeper ones indented by spaces; lists of `- value` lines;
/// values without quotes, in single or double quotes, or in JSON's brackets, there over several lines as well; comments
/// behind `#`. Anchors, tags, several documents, texts of several lines (`|`, `>`) and names that aren't texts are
/// refused with their line.
enum YAMLDocument {
    /// Deeper nesting than any settings have; bounds the recursion.
    static let maximumDepth = 32

    static func parse(_ text: String) throws(YAMLError) -> YAMLValue {
        if let first = text.first(where: { !$0.isWhitespace }), first == "{" || first == "[" {
            var reader = YAMLFlowReader(text, line: 1)
            let value = try reader.value(depth: 0)
            try reader.expectEnd()
            return value
        }
        var lines = try YAMLLines(text)
        guard let first = lines.next else { return .null }
        let value = try block(&lines, indent: first.indent, depth: 0)
        if let rest = lines.next { throw YAMLError(line: rest.number, reason: "did not find expected key") }
        return value
    }

    /// The map, list or word whose lines are indented by `indent`.
    private static func block(
        _ lines: inout YAMLLines, indent: Int, depth: Int
    ) throws(YAMLError) -> YAMLValue {
        guard depth < maximumDepth, let first = lines.next else {
            throw YAMLError(line: lines.next?.number ?? 0, reason: "exceeded max depth of \(maximumDepth)")
        }
        return first.isItem
            ? try list(&lines, indent: indent, depth: depth) : try map(&lines, indent: indent, depth: depth)
    }

    private static func map(_ lines: inout YAMLLines, indent: Int, depth: Int) throws(YAMLError) -> YAMLValue {
        var fields: [(String, YAMLValue)] = []
        while let line = lines.next, line.indent == indent, !line.isItem {
            try lines.drop()
            guard let (name, rest) = try field(line) else {
                throw YAMLError(line: line.number, reason: "could not find expected ':'")
            }
            let value = try self.value(rest, of: line, &lines, depth: depth) { next in
                // A list may stand right under its name.
                next.indent > indent || (next.indent == indent && next.isItem)
            }
            fields.removeAll { $0.0 == name }
            fields.append((name, value))
        }
        if let line = lines.next, line.indent > indent {
            throw YAMLError(line: line.number, reason: "mapping values are not allowed in this context")
        }
        return .map(fields)
    }

    private static func list(_ lines: inout YAMLLines, indent: Int, depth: Int) throws(YAMLError) -> YAMLValue {
        var items: [YAMLValue] = []
        while let line = lines.next, line.indent == indent, line.isItem {
            try lines.drop()
            let rest = line.text.dropFirst()
            items.append(try value(rest, of: line, &lines, depth: depth) { $0.indent > indent })
        }
        return .list(items)
    }

    /// The value that begins behind a name or dash, or, where nothing stands there, in the lines below that `belongs`.
    private static func value(
        _ text: Substring, of line: YAMLLines.Line, _ lines: inout YAMLLines, depth: Int,
        _ belongs: (YAMLLines.Line) -> Bool
    ) throws(YAMLError) -> YAMLValue {
        let start = text.drop { $0 == " " || $0 == "\t" }
        if start.isEmpty || start.first == "#" {
            guard let next = lines.next, belongs(next) else { return .null }
            return try block(&lines, indent: next.indent, depth: depth + 1)
        }
        if "|>&*!%@`".contains(start.first ?? " ") {
            throw YAMLError(line: line.number, reason: "a value that begins with '\(start.prefix(1))' is not read here")
        }
        guard "[{\"'".contains(start.first ?? " ") else {
            let word = YAMLLines.withoutComment(start)
            guard !word.contains(": "), !word.hasSuffix(":") else {
                throw YAMLError(line: line.number, reason: "mapping values are not allowed in this context")
            }
            return YAMLValue(plain: word)
        }
        // Brackets and quotes may go on below.
        var reader = YAMLFlowReader(String(start) + "\n" + lines.text(below: line.number), line: line.number)
        let value = try reader.value(depth: depth + 1)
        try reader.expectLineEnd()
        try lines.drop(upTo: reader.line)
        return value
    }

    /// A line's name and what follows its colon.
    private static func field(_ line: YAMLLines.Line) throws(YAMLError) -> (String, Substring)? {
        if let quote = line.text.first, quote == "\"" || quote == "'" {
            var reader = YAMLFlowReader(String(line.text), line: line.number)
            guard case .string(let name) = try reader.value(depth: 0), reader.take(":") else { return nil }
            return (name, Substring(reader.rest))
        }
        var position = line.text.startIndex
        while let colon = line.text[position...].firstIndex(of: ":") {
            let rest = line.text[line.text.index(after: colon)...]
            if rest.isEmpty || rest.first == " " || rest.first == "\t" {
                let name = line.text[..<colon].trimmed
                return name.isEmpty ? nil : (name, rest)
            }
            position = line.text.index(after: colon)
        }
        return nil
    }
}

/// The lines of a YAML text that say something.
struct YAMLLines {
    struct Line {
        /// From 1.
        var number: Int
        /// Spaces before the text.
        var indent: Int
        var text: Substring

        var isItem: Bool { text == "-" || text.hasPrefix("- ") }
    }

    private let all: [Substring]
    private var position = 0

    init(_ text: String) throws(YAMLError) {
        all = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" || $0 == "\r" }
        try skip()
    }

    /// Nil at the end.
    private(set) var next: Line?

    mutating func drop() throws(YAMLError) {
        hasBegun = true
        position += 1
        try skip()
    }

    /// Goes on behind the line with this number.
    mutating func drop(upTo number: Int) throws(YAMLError) {
        position = number - 1
        try drop()
    }

    private var hasBegun = false

    /// The text below the line with this number.
    func text(below number: Int) -> String { all[number...].joined(separator: "\n") }

    private mutating func skip() throws(YAMLError) {
        next = nil
        while position < all.count {
            let line = all[position]
            let text = line.drop { $0 == " " }
            let isMarker = line.hasPrefix("---") && line.dropFirst(3).trimmed.isEmpty
            if line.hasPrefix("...") || (isMarker && hasBegun) {
                position = all.count
                return
            }
            if text.isEmpty || text.first == "#" || isMarker {
                position += 1
                continue
            }
            guard text.first != "\t" else {
                throw YAMLError(line: position + 1, reason: "found character that cannot start any token")
            }
            next = Line(number: position + 1, indent: line.count - text.count, text: text)
            return
        }
    }

    /// A word without what follows a `#` behind a space.
    static func withoutComment(_ text: Substring) -> String {
        var end = text.startIndex
        var isBehindSpace = false
        while end < text.endIndex {
            if text[end] == "#", isBehindSpace { break }
            isBehindSpace = text[end] == " " || text[end] == "\t"
            end = text.index(after: end)
        }
        var word = text[..<end]
        while let last = word.last, last == " " || last == "\t" { word.removeLast() }
        return String(word)
    }
}
