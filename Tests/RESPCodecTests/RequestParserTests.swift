// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRESPCodec
import Testing

/// All requests of some bytes, given in pieces of a size.
func requests(
    _ bytes: [UInt8], piece: Int = .max, limits: RESPLimits = RESPLimits(), isStranger: Bool = false
) throws -> [[String]] {
    var parser = RequestParser(limits: limits)
    parser.isStranger = isStranger
    var batch = CommandBatch()
    var offset = 0
    var end = 0
    while end < bytes.count {
        end = piece == .max ? bytes.count : min(end + piece, bytes.count)
        let known = Array(bytes[..<end])
        while try parser.next(in: known.span.bytes, at: &offset, into: &batch) {}
    }
    return (0..<batch.count).map { command in (0..<batch[command].count).map { batch[command].text($0) } }
}

func requests(_ text: String, piece: Int = .max) throws -> [[String]] {
    try requests(Array(text.utf8), piece: piece)
}

@Suite struct RequestParserTests {
    @Test(arguments: [1, 2, 3, 7, Int.max]) func findsRequestsInPieces(piece: Int) throws {
        let text = "*3\r\n$4\r\nXADD\r\n$1\r\ns\r\n$0\r\n\r\nPING\r\n*0\r\n*-1\r\n*1\r\n$4\r\nQUIT\r\n"
        #expect(try requests(text, piece: piece) == [["XADD", "s", ""], ["PING"], ["QUIT"]])
    }

    /// Numbers of up to six digits are read at one look, others are not: both say the same, wherever a piece ends.
    @Test(arguments: [9, 10, 99_999, 100_000, 999_999, 1_000_000, 1_234_567])
    func readsLengthsInPieces(count: Int) throws {
        let head = Array("*2\r\n$4\r\nECHO\r\n$".utf8)
        // Bytes that would be taken for more digits.
        let word = [UInt8](repeating: UInt8(ascii: "1"), count: count)
        let whole = head + Array("\(count)\r\n".utf8) + word + Array("\r\nPING\r\n".utf8)
        for cut in head.count - 1...head.count + 10 {
            var parser = RequestParser()
            var batch = CommandBatch()
            var offset = 0
            let piece = Array(whole[..<cut])
            let isEarly = try parser.next(in: piece.span.bytes, at: &offset, into: &batch)
            #expect(!isEarly && offset == 0, "\(cut)")
            while try parser.next(in: whole.span.bytes, at: &offset, into: &batch) {}
            #expect(offset == whole.count && batch.count == 2, "\(cut)")
            #expect(batch[0].count == 2 && batch[0].byteCount(1) == count && batch[1].text(0) == "PING", "\(cut)")
        }
    }

    /// All seven digits count, and none may be a zero in front.
    @Test(arguments: [1, 2, 3, 7, Int.max]) func readsCountsInPieces(piece: Int) throws {
        #expect(try requests("*1048576\r\n$4\r\nPING\r\n", piece: piece) == [])
        for count in ["1048577", "1999999", "0000001", "000001", "00"] {
            #expect(throws: RESPProtocolError.invalidWordCount) { try requests("*\(count)\r\n", piece: piece) }
        }
        for length in ["0000004", "000004", "00", "16777217"] {
            #expect(throws: RESPProtocolError.invalidWordLength) {
                try requests("*1\r\n$\(length)\r\nPING\r\n", piece: piece)
            }
        }
    }

    @Test func keepsWhatIsNotWhole() throws {
        #expect(try requests("*2\r\n$4\r\nECHO\r\n$3\r\nab") == [])
        #expect(try requests("*2\r\n$4\r\nECHO\r\n$3\r\nabc\r") == [])
    }

    @Test func splitsLines() throws {
        let line = #"set "a b\x41\n" 'it\'s' plain"# + "\r\n  \r\nPING\n"
        #expect(try requests(line) == [["set", "a bA\n", "it's", "plain"], ["PING"]])
    }

    static let violations: [(String, RESPProtocolError)] = [
        ("*x\r\n", .invalidWordCount), ("*1048577\r\n", .invalidWordCount), ("*01\r\n", .invalidWordCount),
        ("*1\r\nPING\r\n", .expectedWord(UInt8(ascii: "P"))), ("*1\r\n$-1\r\n", .invalidWordLength),
        ("*1\r\n$x\r\n", .invalidWordLength), ("*1\r\n$16777217\r\n", .invalidWordLength),
        ("\"abc\r\n", .unbalancedQuotes), ("'a'b\r\n", .unbalancedQuotes),
    ]

    @Test(arguments: violations) func refuses(text: String, error: RESPProtocolError) {
        #expect(throws: error) { try requests(text) }
        #expect(error.message.hasPrefix("Protocol error: "))
    }

    @Test func refusesLongLines() {
        let long = String(repeating: "1", count: 70_000)
        #expect(throws: RESPProtocolError.wordCountTooLong) { try requests("*" + long) }
        #expect(throws: RESPProtocolError.wordLengthTooLong) { try requests("*1\r\n$" + long) }
        #expect(throws: RESPProtocolError.lineTooLong) { try requests(long) }
    }

    @Test func holdsStrangersShort() {
        #expect(throws: RESPProtocolError.strangerWordCount) {
            try requests(Array("*11\r\n".utf8), isStranger: true)
        }
        #expect(throws: RESPProtocolError.strangerWordLength) {
            try requests(Array("*1\r\n$16385\r\n".utf8), isStranger: true)
        }
    }

    @Test func limitsWholeRequests() {
        var limits = RESPLimits()
        limits.requestBytes = 40
        let text = "*3\r\n$10\r\n0123456789\r\n$10\r\n0123456789\r\n$10\r\n"
        #expect(throws: RESPProtocolError.invalidWordLength) { try requests(Array(text.utf8), limits: limits) }
    }

    /// Whatever arrives ends in requests, a wait for more or an error, and pieces don't matter.
    @Test func takesAnything() throws {
        var random = SeededRandom(seed: 6)
        let alphabet = Array("*$0123\r\n\r\nPING\"' \\x4".utf8)
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in alphabet.randomElement(using: &random)!
            }
            let whole = Result { try requests(bytes) }
            let parts = Result { try requests(bytes, piece: 1) }
            switch (whole, parts) {
            case (.success(let whole), .success(let parts)): #expect(whole == parts)
            case (.failure, .failure): break
            default: Issue.record("\(bytes): \(whole) but \(parts)")
            }
        }
    }
}

@Suite struct ArgumentsTests {
    @Test func packsWordsWithoutGaps() {
        let long = String(repeating: "v", count: 300)
        let arguments = Arguments("XADD", "s", "*", "f", long)
        let range = arguments.packedRange(from: 3)
        #expect(Array(arguments.bytes[range]) == [1] + Array("f".utf8) + [0xAC, 0x02] + Array(long.utf8))
        #expect(arguments.packedRange(from: 5).isEmpty)
        #expect(arguments.matches(0, "XADD") && Arguments("xAdd").matches(0, "XADD"))
        #expect(!arguments.matches(1, "XADD") && !Arguments("XAD{").matches(0, "XAD["))
    }

    @Test func comesBackFromARecord() throws {
        var record: [UInt8] = []
        CommandBatch.encode(Arguments("SET", "k", ""), into: &record)
        CommandBatch.encode(Arguments("DEL", "k"), into: &record)
        var batch = CommandBatch()
        var offset = 0
        #expect(batch.decode(record.span.bytes, at: &offset))
        #expect(batch.decode(record.span.bytes, at: &offset))
        #expect(offset == record.count && batch.count == 2)
        #expect(batch[0].text(2) == "" && batch[1].text(0) == "DEL")
        for end in 0..<8 {
            var torn = CommandBatch()
            offset = 0
            #expect(!torn.decode(record.span.bytes.extracting(0..<end), at: &offset))
            #expect(torn.isEmpty && torn.bytes.isEmpty)
        }
    }

    @Test(arguments: [
        ("0", 0), ("-1", -1), ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min), ("", nil),
        ("-", nil), ("-0", nil), ("01", nil), ("+1", nil), (" 1", nil), ("9223372036854775808", nil), ("1a", nil),
    ]) func readsIntegers(text: String, number: Int64?) {
        #expect(Arguments(text).integer(0) == number)
    }
}
