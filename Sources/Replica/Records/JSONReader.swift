// SPDX-License-Identifier: Apache-2.0

/// Reads the little JSON that stands in the log. Nothing in the bytes traps.
struct JSONReader {
    /// Arrays and objects inside each other; etcd's have three.
    static let depthMax = 16

    private let bytes: [UInt8]
    private var next = 0
    private var depth = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func finish() throws(RecordError) {
        skipSpace()
        if next < bytes.count { throw .malformed }
    }

    mutating func readObject(
        _ member: (String, inout JSONReader) throws(RecordError) -> Void
    ) throws(RecordError) {
        try readList("{", "}") { (json) throws(RecordError) in
            let key = try json.text()
            guard json.take(":") else { throw .malformed }
            try member(key, &json)
        }
    }

    /// Also `null`, which Go writes for none.
    mutating func texts() throws(RecordError) -> [String] {
        if takeWord("null") { return [] }
        var texts: [String] = []
        try readList("[", "]") { (json) throws(RecordError) in texts.append(try json.text()) }
        return texts
    }

    mutating func flag() throws(RecordError) -> Bool {
        if takeWord("true") { return true }
        guard takeWord("false") else { throw .malformed }
        return false
    }

    mutating func text() throws(RecordError) -> String {
        guard take("\"") else { throw .malformed }
        var units: [UInt16] = []
        var plain: [UInt8] = []
        var text = ""
        func flushed(_ text: String) throws(RecordError) -> String {
            guard let more = String(validating: plain, as: UTF8.self) else { throw .malformed }
            return text + String(decoding: units, as: UTF16.self) + more
        }
        while next < bytes.count {
            let byte = bytes[next]
            next += 1
            switch byte {
            case UInt8(ascii: "\""): return try flushed(text)
            case UInt8(ascii: "\\"):
                if !plain.isEmpty {
                    text = try flushed(text)
                    (units, plain) = ([], [])
                }
                units.append(try escaped())
            case 0..<0x20: throw .malformed
            default: plain.append(byte)
            }
        }
        throw .malformed
    }

    /// The code unit behind a backslash.
    private mutating func escaped() throws(RecordError) -> UInt16 {
        guard next < bytes.count else { throw .malformed }
        defer { next += 1 }
        switch bytes[next] {
        case UInt8(ascii: "n"): return 10
        case UInt8(ascii: "r"): return 13
        case UInt8(ascii: "t"): return 9
        case UInt8(ascii: "b"): return 8
        case UInt8(ascii: "f"): return 12
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return UInt16(bytes[next])
        case UInt8(ascii: "u"):
            guard bytes.count - next > 4 else { throw .malformed }
            var unit: UInt16 = 0
            for byte in bytes[next + 1...next + 4] {
                guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { throw .malformed }
                unit = unit << 4 | UInt16(digit)
            }
            next += 4
            return unit
        default: throw .malformed
        }
    }

    mutating func skipValue() throws(RecordError) {
        skipSpace()
        guard next < bytes.count else { throw .malformed }
        switch bytes[next] {
        case UInt8(ascii: "\""): _ = try text()
        case UInt8(ascii: "{"):
            try readObject { (_, json) throws(RecordError) in try json.skipValue() }
        case UInt8(ascii: "["):
            try readList("[", "]") { (json) throws(RecordError) in try json.skipValue() }
        default:
            let start = next
            while next < bytes.count, !Self.endsWord(bytes[next]) { next += 1 }
            if next == start { throw .malformed }
        }
    }

    private mutating func readList(
        _ opening: Unicode.Scalar, _ closing: Unicode.Scalar,
        _ element: (inout JSONReader) throws(RecordError) -> Void
    ) throws(RecordError) {
        guard take(opening), depth < Self.depthMax else { throw .malformed }
        depth += 1
        defer { depth -= 1 }
        if take(closing) { return }
        repeat { try element(&self) } while take(",")
        guard take(closing) else { throw .malformed }
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        skipSpace()
        guard next < bytes.count, bytes[next] == UInt8(ascii: scalar) else { return false }
        next += 1
        return true
    }

    private mutating func takeWord(_ word: String) -> Bool {
        skipSpace()
        guard bytes[next...].starts(with: word.utf8) else { return false }
        next += word.utf8.count
        return true
    }

    private mutating func skipSpace() {
        while next < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[next]) { next += 1 }
    }

    private static func endsWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), 0x20, 0x0A, 0x0D, 0x09: true
        default: false
        }
    }
}
