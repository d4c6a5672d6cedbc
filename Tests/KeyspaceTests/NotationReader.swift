// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

/// Reads replies on one line: see `notation`.
struct NotationReader {
    private let text: [UInt8]
    private var offset = 0

    private init(_ text: String) {
        self.text = Array(text.utf8)
    }

    static func read(_ text: String) -> ReplyValue {
        // Errors and simple strings end with the line.
        if text.hasPrefix("-") { return .error(Array(text.dropFirst().utf8)) }
        if text.hasPrefix("+") { return .simple(Array(text.dropFirst().utf8)) }
        var reader = NotationReader(text)
        let value = reader.value()
        precondition(reader.offset == reader.text.count, "\(text): more behind \(reader.offset)")
        return value
    }

    private func starts(_ part: String) -> Bool { text[offset...].starts(with: part.utf8) }

    private mutating func skip(_ part: String) -> Bool {
        guard starts(part) else { return false }
        offset += part.utf8.count
        return true
    }

    private mutating func value() -> ReplyValue {
        if skip("$-1") || skip("_") { return .null }
        if skip("*-1") { return .nullArray }
        if skip("$\"") {
            let begin = offset
            while text[offset] != UInt8(ascii: "\"") { offset += 1 }
            offset += 1
            return .bulk(Array(text[begin..<offset - 1]))
        }
        if skip(":") {
            let begin = offset
            while offset < text.count, text[offset] == UInt8(ascii: "-") || (48...57).contains(text[offset]) {
                offset += 1
            }
            return .integer(Int64(String(decoding: text[begin..<offset], as: UTF8.self))!)
        }
        if skip("+") {
            // In a list: up to the next one that begins like this, or the list's end.
            let begin = offset
            while !starts(", +"), !(offset == text.count - 1) { offset += 1 }
            return .simple(Array(text[begin..<offset]))
        }
        if skip("*[") {
            var values: [ReplyValue] = []
            while !skip("]") {
                values.append(value())
                _ = skip(", ")
            }
            return .array(values)
        }
        if skip("%{") {
            var pairs: [ReplyValue.Pair] = []
            while !skip("}") {
                let key = value()
                precondition(skip(" => "), "no value at \(offset)")
                pairs.append(ReplyValue.Pair(key: key, value: value()))
                _ = skip(", ")
            }
            return .map(pairs)
        }
        preconditionFailure("nothing is read at \(offset) of \(String(decoding: text, as: UTF8.self))")
    }
}
