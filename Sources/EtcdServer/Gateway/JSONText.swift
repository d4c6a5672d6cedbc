// SPDX-License-Identifier: Apache-2.0

/// Strings and bytes in JSON.
enum JSONText {
    static func hexDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    // MARK: Reading

    /// The string between quotation marks: escapes undone. What is no UTF-8, and half of a surrogate pair, becomes the
    /// replacement character, as in Go.
    ///
    /// - Parameter literal: a string that was checked, marks included.
    static func unquoted(_ literal: ArraySlice<UInt8>) -> [UInt8] {
        let inner = literal.dropFirst().dropLast()
        guard inner.contains(where: { $0 == UInt8(ascii: "\\") || $0 >= 0x80 }) else { return Array(inner) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(inner.count)
        var offset = inner.startIndex
        while offset < inner.endIndex {
            let byte = inner[offset]
            offset += 1
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            let code = inner[offset]
            offset += 1
            switch code {
            case UInt8(ascii: "b"): bytes.append(0x08)
            case UInt8(ascii: "f"): bytes.append(0x0C)
            case UInt8(ascii: "n"): bytes.append(0x0A)
            case UInt8(ascii: "r"): bytes.append(0x0D)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "u"): bytes += Array(String(scalar(inner, &offset)).utf8)
            default: bytes.append(code)
            }
        }
        return Array(String(decoding: bytes, as: UTF8.self).utf8)
    }

    /// The character of an escape whose four digits stand at `offset`, and of the second half that may follow.
    private static func scalar(_ text: ArraySlice<UInt8>, _ offset: inout Int) -> Unicode.Scalar {
        let unit = hexadecimal(text, at: offset)
        offset += 4
        guard (0xD800..<0xE000).contains(unit) else { return Unicode.Scalar(unit) ?? "\u{FFFD}" }
        guard unit < 0xDC00, text.endIndex - offset >= 6, text[offset] == UInt8(ascii: "\\"),
            text[offset + 1] == UInt8(ascii: "u")
        else { return "\u{FFFD}" }
        let second = hexadecimal(text, at: offset + 2)
        guard (0xDC00..<0xE000).contains(second) else { return "\u{FFFD}" }
        offset += 6
        return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
    }

    private static func hexadecimal(_ text: ArraySlice<UInt8>, at offset: Int) -> UInt32 {
        text[offset..<offset + 4].reduce(0) { $0 << 4 | (hexDigit($1) ?? 0) }
    }

    /// The bytes that padded base64 stands for.
    ///
    /// Line breaks are skipped. What is no base64 is refused with the offset that Go's decoder names.
    static func bytes(base64 text: [UInt8]) throws(GatewayFault) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var digits = 0
        var offset = 0
        while offset < text.count {
            let byte = text[offset]
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                offset += 1
                continue
            }
            let digit = base64Digits[Int(byte)]
            if digit < 64 {
                offset += 1
                bits = bits << 6 | UInt32(digit)
                digits += 1
                guard digits == 4 else { continue }
                bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
                bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
                bytes.append(UInt8(truncatingIfNeeded: bits))
                bits = 0
                digits = 0
                continue
            }
            guard byte == UInt8(ascii: "="), digits >= 2 else { throw .base64(offset) }
            offset += 1
            if digits == 2 {
                skipLineBreaks(text, &offset)
                if offset == text.count { throw .base64(offset) }
                if text[offset] != UInt8(ascii: "=") { throw .base64(offset - 1) }
                offset += 1
            }
            skipLineBreaks(text, &offset)
            if offset < text.count { throw .base64(offset) }
            bits <<= 6 * UInt32(4 - digits)
            bytes.append(UInt8(truncatingIfNeeded: bits >> 16))
            if digits == 3 { bytes.append(UInt8(truncatingIfNeeded: bits >> 8)) }
            return bytes
        }
        if digits > 0 { throw .base64(offset - digits) }
        return bytes
    }

    private static func skipLineBreaks(_ text: [UInt8], _ offset: inout Int) {
        while offset < text.count, text[offset] == UInt8(ascii: "\n") || text[offset] == UInt8(ascii: "\r") {
            offset += 1
        }
    }

    private static let base64Alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The value of each byte as a digit; 255 where it is none.
    private static let base64Digits: [UInt8] = {
        var digits = [UInt8](repeating: 255, count: 256)
        for (value, byte) in base64Alphabet.enumerated() { digits[Int(byte)] = UInt8(value) }
        return digits
    }()

    // MARK: Writing

    private static let hexDigits = Array("0123456789abcdef".utf8)

    /// A string with its quotation marks; `<`, `>`, `&` and the two line separators are escaped, as Go does it for the
    /// sake of browsers.
    ///
    /// - Parameter text: UTF-8.
    static func append(_ text: some Sequence<UInt8>, to json: inout [UInt8]) {
        json.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                json.append(UInt8(ascii: "\\"))
                json.append(byte)
            case 0x0A: json += #"\n"#.utf8
            case 0x0D: json += #"\r"#.utf8
            case 0x09: json += #"\t"#.utf8
            case 0..<0x20, UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"):
                json += #"\u00"#.utf8
                json.append(hexDigits[Int(byte >> 4)])
                json.append(hexDigits[Int(byte & 15)])
            case 0xA8, 0xA9:
                // U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
                if json.suffix(2).elementsEqual([0xE2, 0x80]) {
                    json.removeLast(2)
                    json += #"\u202"#.utf8
                    json.append(hexDigits[Int(byte & 15)])
                } else {
                    json.append(byte)
                }
            default: json.append(byte)
            }
        }
        json.append(UInt8(ascii: "\""))
    }

    /// Bytes as a string in padded base64.
    static func append(base64 bytes: ArraySlice<UInt8>, to json: inout [UInt8]) {
        json.append(UInt8(ascii: "\""))
        var offset = bytes.startIndex
        while bytes.endIndex - offset >= 3 {
            let bits = UInt32(bytes[offset]) << 16 | UInt32(bytes[offset + 1]) << 8 | UInt32(bytes[offset + 2])
            json.append(base64Alphabet[Int(bits >> 18)])
            json.append(base64Alphabet[Int(bits >> 12 & 63)])
            json.append(base64Alphabet[Int(bits >> 6 & 63)])
            json.append(base64Alphabet[Int(bits & 63)])
            offset += 3
        }
        let rest = bytes.endIndex - offset
        if rest > 0 {
            let bits = UInt32(bytes[offset]) << 16 | (rest == 2 ? UInt32(bytes[offset + 1]) << 8 : 0)
            json.append(base64Alphabet[Int(bits >> 18)])
            json.append(base64Alphabet[Int(bits >> 12 & 63)])
            json.append(rest == 2 ? base64Alphabet[Int(bits >> 6 & 63)] : UInt8(ascii: "="))
            json.append(UInt8(ascii: "="))
        }
        json.append(UInt8(ascii: "\""))
    }
}
