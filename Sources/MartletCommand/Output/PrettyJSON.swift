// SPDX-License-Identifier: Apache-2.0

/// Sets JSON text in lines with two spaces a level, changing nothing but the space between its tokens.
///
/// Numbers keep their spelling and fields their order, which a round through a parser would lose. Text that isn't
/// balanced JSON comes back as it was.
package enum PrettyJSON {
    package static func text(_ source: String) -> String {
        var result = ""
        var open: [Character] = []
        var isInString = false
        var isEscaped = false
        var isFresh = false
        for character in source {
            if isInString {
                result.append(character)
                if isEscaped {
                    isEscaped = false
                } else if character == "\\" {
                    isEscaped = true
                } else if character == "\"" {
                    isInString = false
                }
                continue
            }
            if character.isWhitespace { continue }
            if character == "}" || character == "]" {
                guard open.popLast() == (character == "}" ? "{" : "[") else { return source }
                if !isFresh { result += newline(open.count) }
                result.append(character)
                isFresh = false
                continue
            }
            if isFresh { result += newline(open.count) }
            isFresh = false
            switch character {
            case "{", "[":
                open.append(character)
                result.append(character)
                isFresh = true
            case ",":
                result += "," + newline(open.count)
            case ":":
                result += ": "
            case "\"":
                result.append(character)
                isInString = true
            default:
                result.append(character)
            }
        }
        return open.isEmpty && !isInString ? result : source
    }

    private static func newline(_ level: Int) -> String { "\n" + String(repeating: "  ", count: level) }
}
