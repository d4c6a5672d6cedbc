// SPDX-License-Identifier: Apache-2.0

/// Writes JSON text the way Go's `encoding/json` does, so that records compare byte for byte.
///
/// Go escapes `"`, `\`, newline, carriage return and tab by name, every other control character as `\u00xx`, and the
/// five characters `<`, `>`, `&`, U+2028 and U+2029 as `\uxxxx` so that a text may stand inside HTML.
package struct JSONText {
    package private(set) var bytes: [UInt8]

    package init(capacity: Int = 256) {
        self.bytes = []
        self.bytes.reserveCapacity(capacity)
    }

    /// The text as a string.
    package var string: String { String(decoding: self.bytes, as: UTF8.self) }

    /// Appends text that is JSON already: punctuation, `null`, a number.
    package mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { self.bytes.append(contentsOf: $0) }
    }

    package mutating func integer(_ value: some BinaryInteger) {
        self.bytes.append(contentsOf: String(value).utf8)
    }

    /// Appends a quoted and escaped string.
    package mutating func string(_ value: String) {
        self.bytes.append(UInt8(ascii: "\""))
        for scalar in value.unicodeScalars {
            switch scalar.value {
            case 0x22: self.raw("\\\"")
            case 0x5C: self.raw("\\\\")
            case 0x0A: self.raw("\\n")
            case 0x0D: self.raw("\\r")
            case 0x09: self.raw("\\t")
            case 0..<0x20, 0x3C, 0x3E, 0x26, 0x2028, 0x2029: self.escaped(UInt16(scalar.value))
            default: self.bytes.append(contentsOf: String(scalar).utf8)
            }
        }
        self.bytes.append(UInt8(ascii: "\""))
    }

    /// Appends an object of strings, keys in byte order, or `null` for `nil`.
    package mutating func object(_ map: [String: String]?) {
        guard let map else { return self.raw("null") }
        self.raw("{")
        var isFirst = true
        for (key, value) in map.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            if !isFirst { self.raw(",") }
            isFirst = false
            self.string(key)
            self.raw(":")
            self.string(value)
        }
        self.raw("}")
    }

    /// Appends an array, or `null` for `nil`.
    package mutating func array<Element>(_ elements: [Element]?, _ write: (Element, inout JSONText) -> Void) {
        guard let elements else { return self.raw("null") }
        self.raw("[")
        for (position, element) in elements.enumerated() {
            if position > 0 { self.raw(",") }
            write(element, &self)
        }
        self.raw("]")
    }

    private mutating func escaped(_ unit: UInt16) {
        let digits: StaticString = "0123456789abcdef"
        self.raw("\\u")
        for shift in [12, 8, 4, 0] {
            let digit = Int(unit >> UInt16(shift)) & 0xF
            self.bytes.append(digits.withUTF8Buffer { $0[digit] })
        }
    }
}
