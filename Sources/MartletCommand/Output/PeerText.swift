// SPDX-License-Identifier: Apache-2.0

/// Text of services, registries and other peers, on its way to a terminal: that takes some characters for commands, to
/// move, to colour, to turn what follows around.
package enum PeerText {
    /// On one line: `\n`, `\t`, `\u{1b}` stand where such a character was.
    package static func line(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isHarmful) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where isHarmful(scalar): result += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// JSON that says the same: inside its strings such a character can be written as `\u001b`. Ends of lines and tabs
    /// stay, which may stand between its tokens.
    package static func json(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isHarmful) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n", "\t": result.unicodeScalars.append(scalar)
            case "\r": result += "\n"
            case _ where isHarmful(scalar):
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Controls, ends of lines, and what turns the direction of writing. Source: ECMA-48; Unicode, UAX #9. All of them
    /// have at most four hexadecimal digits.
    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}

/// The answers of services as they are shown.
enum ReplyText {
    /// - Parameter inLines: whether people read it, rather than programs, for which it stays as it came.
    static func shown(_ json: String, inLines: Bool) -> String {
        guard inLines || StandardStream.output.isTerminal else { return json }
        return PeerText.json(inLines ? PrettyJSON.text(json) : json)
    }
}
