// SPDX-License-Identifier: Apache-2.0

/// Why a text is no request, in the words that Go's JSON decoders have for it.
struct GatewayFault: Error, Equatable {
    var message: String

    init(_ message: String) { self.message = message }

    /// What the text ends with where a value is cut off: a stream of values and a single one say it differently.
    static let endOfStream = GatewayFault("unexpected EOF")
    static let endOfText = GatewayFault("unexpected end of JSON input")
    static let tooDeep = GatewayFault("exceeded max depth")

    static func unexpected(_ byte: UInt8, _ place: String) -> GatewayFault {
        GatewayFault("invalid character \(GoQuote.character(byte)) \(place)")
    }

    /// A value of the wrong kind; `type` is Go's.
    static func mismatch(_ kind: String, _ type: String) -> GatewayFault {
        GatewayFault("json: cannot unmarshal \(kind) into Go value of type \(type)")
    }

    static func base64(_ offset: Int) -> GatewayFault {
        GatewayFault("illegal base64 data at input byte \(offset)")
    }
}

/// Text in quotation marks, as Go prints it in messages.
enum GoQuote {
    /// One byte of a text, taken for the character of that number.
    static func character(_ byte: UInt8) -> String {
        switch byte {
        case UInt8(ascii: "'"): #"'\''"#
        case UInt8(ascii: "\""): "'\"'"
        default: "'\(escaped(Unicode.Scalar(byte)))'"
        }
    }

    static func string(_ text: String) -> String {
        "\"" + text.unicodeScalars.map { $0 == "\"" ? "\\\"" : escaped($0) }.joined() + "\""
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\u{7}": return "\\a"
        case "\u{8}": return "\\b"
        case "\u{C}": return "\\f"
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        case "\u{B}": return "\\v"
        case "\\": return "\\\\"
        case "\u{0}"..."\u{1F}", "\u{7F}": return "\\x" + padded(scalar, 2)
        // No-break space and soft hyphen are no printable characters to Go.
        case "\u{80}"..."\u{A0}", "\u{AD}": return "\\u" + padded(scalar, 4)
        default: return String(Character(scalar))
        }
    }

    private static func padded(_ scalar: Unicode.Scalar, _ width: Int) -> String {
        let digits = String(scalar.value, radix: 16)
        return String(repeating: "0", count: width - digits.count) + digits
    }
}
