// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import Testing

/// Pieces of replies, however they arrive.
@Suite struct ReplyScannerTests {
    /// All of it, in pieces of one to three bytes: the same tokens as at once.
    @Test func readsPieceByPiece() throws {
        let text =
            "*3\r\n$5\r\nhello\r\n:-12\r\n*-1\r\n%1\r\n+k\r\n,1.5\r\n~1\r\n#t\r\n|1\r\n+a\r\n+b\r\n=7\r\ntxt:abc\r\n"
            + ">1\r\n(123\r\n_\r\n$-1\r\n-ERR no\r\n!6\r\nERR no\r\n*0\r\n"
        let bytes = Array(text.utf8)
        func tokens(_ step: Int) throws -> [ReplyToken] {
            var scanner = ReplyScanner()
            var tokens: [ReplyToken] = []
            var offset = 0
            for end in stride(from: step, through: bytes.count + step - 1, by: step) {
                let known = Array(bytes[..<min(end, bytes.count)])
                while let token = try scanner.next(in: known.span.bytes, at: &offset) { tokens.append(token) }
            }
            #expect(offset == bytes.count)
            return tokens
        }
        let whole = try tokens(bytes.count)
        #expect(whole.count == 20)
        #expect(whole.first == .begin(.array, count: 3))
        for step in 1...3 { #expect(try tokens(step) == whole) }
    }

    @Test(arguments: [
        ("?\r\n", ReplyParseError.unknownKind(63)), (":x\r\n", .invalidNumber), ("$-2\r\n", .invalidNumber),
        ("*99999999999\r\n", .tooLarge), ("$3\r\nabcxx", .missingLineEnd), ("+a\rb", .missingLineEnd),
        ("=2\r\nab\r\n", .invalidNumber), ("%-1\r\n", .invalidNumber),
    ])
    func refuses(_ text: String, _ expected: ReplyParseError) {
        let bytes = Array(text.utf8)
        #expect(throws: expected) {
            var scanner = ReplyScanner()
            var offset = 0
            while try scanner.next(in: bytes.span.bytes, at: &offset) != nil {}
        }
    }

    /// Attributes without end are no way to a deep stack.
    @Test func attributesEnd() {
        let bytes = Array(String(repeating: "|0\r\n", count: 100_000).utf8)
        #expect(throws: ReplyParseError.tooDeep) {
            var parser = ReplyParser()
            var offset = 0
            _ = try parser.next(in: bytes.span.bytes, at: &offset)
        }
    }
}
