// SPDX-License-Identifier: Apache-2.0

/// The words of a request that a person types: parted by blanks, with quotes around what holds blanks.
///
/// In double quotes stand `\n \r \t \b \a`, `\xHH` and any byte behind a backslash; in single quotes `\'` alone.
enum LineWords {
    static func split(_ line: RawSpan) throws(RESPProtocolError) -> [[UInt8]] {
        var words: [[UInt8]] = []
        var offset = 0
        while true {
            while offset < line.byteCount, isBlank(line, offset) { offset += 1 }
            if offset == line.byteCount { return words }
            words.append(try word(line, &offset))
        }
    }

    private static func byte(_ line: RawSpan, _ offset: Int) -> UInt8 {
        line.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    private static func isBlank(_ line: RawSpan, _ offset: Int) -> Bool {
        switch byte(line, offset) {
        case UInt8(ascii: " "), 9...13, 0: true
        default: false
        }
    }

    private static func word(_ line: RawSpan, _ offset: inout Int) throws(RESPProtocolError) -> [UInt8] {
        var word: [UInt8] = []
        while offset < line.byteCount, !isBlank(line, offset) {
            let next = byte(line, offset)
            offset += 1
            switch next {
            case UInt8(ascii: "\""): try quoted(line, &offset, &word)
            case UInt8(ascii: "'"): try singlyQuoted(line, &offset, &word)
            default:
                word.append(next)
                continue
            }
            // A closing quote ends the word.
            guard offset == line.byteCount || isBlank(line, offset) else { throw .unbalancedQuotes }
        }
        return word
    }

    private static func quoted(
        _ line: RawSpan, _ offset: inout Int, _ word: inout [UInt8]
    ) throws(RESPProtocolError) {
        while offset < line.byteCount {
            let next = byte(line, offset)
            offset += 1
            if next == UInt8(ascii: "\"") { return }
            guard next == UInt8(ascii: "\\"), offset < line.byteCount else {
                word.append(next)
                continue
            }
            let escaped = byte(line, offset)
            offset += 1
            switch escaped {
            case UInt8(ascii: "n"): word.append(10)
            case UInt8(ascii: "r"): word.append(13)
            case UInt8(ascii: "t"): word.append(9)
            case UInt8(ascii: "b"): word.append(8)
            case UInt8(ascii: "a"): word.append(7)
            case UInt8(ascii: "x"):
                if offset + 1 < line.byteCount, let high = hex(byte(line, offset)),
                    let low = hex(byte(line, offset + 1))
                {
                    word.append(high << 4 | low)
                    offset += 2
                } else {
                    word.append(escaped)
                }
            default: word.append(escaped)
            }
        }
        throw .unbalancedQuotes
    }

    private static func singlyQuoted(
        _ line: RawSpan, _ offset: inout Int, _ word: inout [UInt8]
    ) throws(RESPProtocolError) {
        while offset < line.byteCount {
            var next = byte(line, offset)
            offset += 1
            if next == UInt8(ascii: "'") { return }
            if next == UInt8(ascii: "\\"), offset < line.byteCount, byte(line, offset) == UInt8(ascii: "'") {
                next = UInt8(ascii: "'")
                offset += 1
            }
            word.append(next)
        }
        throw .unbalancedQuotes
    }

    private static func hex(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
