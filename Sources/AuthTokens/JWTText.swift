// SPDX-License-Identifier: Apache-2.0

internal import MartletAuth

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Base64 of RFC 4648 §5, not padded.
enum Base64URL {
    static func encode(_ bytes: [UInt8]) -> String {
        let text = StandardBase64.encode(bytes).utf8.filter { $0 != UInt8(ascii: "=") }
        return String(
            decoding: text.map { character in
                switch character {
                case UInt8(ascii: "+"): UInt8(ascii: "-")
                case UInt8(ascii: "/"): UInt8(ascii: "_")
                default: character
                }
            }, as: UTF8.self)
    }

    static func decode(_ text: Substring.UTF8View.SubSequence) -> [UInt8]? {
        var standard: [UInt8] = []
        for character in text {
            switch character {
            case UInt8(ascii: "-"): standard.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): standard.append(UInt8(ascii: "/"))
            case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="), UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                return nil
            default: standard.append(character)
            }
        }
        standard += [UInt8](repeating: UInt8(ascii: "="), count: (4 - standard.count % 4) % 4)
        return StandardBase64.decode(String(decoding: standard, as: UTF8.self))
    }
}

enum JSONText {
    /// A string as Go's encoder writes it.
    static func quote(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case "\u{0}"..<" ", "<", ">", "&", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

struct JWTHeader: Decodable {
    var alg: String

    init?(json: [UInt8]) {
        guard let header = try? JSONDecoder().decode(JWTHeader.self, from: Data(json)) else { return nil }
        self = header
    }
}

/// The claims that etcd reads. A claim of another type than ours makes the token invalid.
struct JWTClaims: Decodable {
    var username: String
    var revision: Double
    var exp: Double?
    var nbf: Double?

    private enum Key: String, CodingKey {
        case username, revision, exp, nbf
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        username = try values.decode(String.self, forKey: .username)
        revision = try values.decode(Double.self, forKey: .revision)
        exp = values.contains(.exp) ? try values.decode(Double.self, forKey: .exp) : nil
        nbf = values.contains(.nbf) ? try values.decode(Double.self, forKey: .nbf) : nil
    }

    init?(json: [UInt8]) {
        guard let claims = try? JSONDecoder().decode(JWTClaims.self, from: Data(json)) else { return nil }
        self = claims
    }
}
