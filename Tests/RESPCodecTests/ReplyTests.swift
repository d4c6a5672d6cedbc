// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import Testing

private func written(isRESP3: Bool, _ write: (inout ReplyWriter) -> Void) -> String {
    var writer = ReplyWriter(isRESP3: isRESP3)
    write(&writer)
    return String(decoding: writer.bytes, as: UTF8.self)
}

private func parsed(_ text: String, piece: Int = .max) throws -> [ReplyValue] {
    let bytes = Array(text.utf8)
    var parser = ReplyParser()
    var values: [ReplyValue] = []
    var (offset, end) = (0, 0)
    while end < bytes.count {
        end = piece == .max ? bytes.count : min(end + piece, bytes.count)
        let known = Array(bytes[..<end])
        while let value = try parser.next(in: known.span.bytes, at: &offset) { values.append(value) }
    }
    return values
}

@Suite struct ReplyTests {
    @Test func writesBothProtocols() {
        func all(_ writer: inout ReplyWriter) {
            writer.map(1)
            writer.bulk("k")
            writer.null()
            writer.nullArray()
            writer.set(1)
            writer.integer(Int64.min)
            writer.double(1.5)
            writer.boolean(true)
            writer.error("ERR a\r\nb" as String)
            writer.verbatim("x")
        }
        #expect(
            written(isRESP3: false, all)
                == "*2\r\n$1\r\nk\r\n$-1\r\n*-1\r\n*1\r\n:-9223372036854775808\r\n$3\r\n1.5\r\n:1\r\n"
                + "-ERR a  b\r\n$1\r\nx\r\n"
        )
        #expect(
            written(isRESP3: true, all)
                == "%1\r\n$1\r\nk\r\n_\r\n_\r\n~1\r\n:-9223372036854775808\r\n,1.5\r\n#t\r\n"
                + "-ERR a  b\r\n=5\r\ntxt:x\r\n"
        )
    }

    @Test func countsAtTheEnd() {
        let text = written(isRESP3: true) { writer in
            writer.integer(1)
            let mark = writer.mark()
            writer.integer(2)
            writer.integer(3)
            writer.array(2, since: mark)
        }
        #expect(text == ":1\r\n*2\r\n:2\r\n:3\r\n")
    }

    /// Around what is empty, shorter than the count's own line or longer, and once more around that.
    @Test(arguments: [0, 1, 9, 10, 1000]) func countsAroundAnyLength(length: Int) {
        let line = String(repeating: "x", count: length) + "\r\n"
        let text = written(isRESP3: true) { writer in
            writer.ok()
            let outer = writer.mark()
            let inner = writer.mark()
            if length > 0 { writer.bytes += Array(line.utf8) }
            writer.array(123_456, since: inner)
            writer.map(7, since: outer)
        }
        #expect(text == "+OK\r\n%7\r\n*123456\r\n" + (length > 0 ? line : ""))
    }

    @Test func writesNumbersOfAnyLength() {
        for (first, second) in [(UInt64(0), UInt64(9)), (10, 99), (100, 0), (.max, .max), (1 << 32, 1_000_000)] {
            let text = written(isRESP3: false) { $0.bulk(first, UInt8(ascii: "-"), second) }
            #expect(text == "$\("\(first)-\(second)".utf8.count)\r\n\(first)-\(second)\r\n")
        }
        for number in [Int64.min, -1234, -10, -1, 0, 9, 10, 65_536, .max] {
            #expect(written(isRESP3: false) { $0.integer(number) } == ":\(number)\r\n")
        }
    }

    @Test(arguments: [1, 2, 5, Int.max]) func readsEverything(piece: Int) throws {
        let text =
            "+OK\r\n-ERR x\r\n:-3\r\n$3\r\na\rb\r\n$-1\r\n"
            + "*-1\r\n_\r\n#t\r\n,1.5\r\n(123\r\n=7\r\ntxt:abc\r\n!5\r\nERR y\r\n"
            + "%1\r\n+k\r\n*2\r\n:1\r\n~1\r\n:2\r\n|1\r\n+a\r\n+b\r\n:9\r\n>1\r\n+p\r\n"
        let b = { (text: String) in Array(text.utf8) }
        #expect(
            try parsed(text, piece: piece) == [
                .simple(b("OK")), .error(b("ERR x")), .integer(-3), .bulk(b("a\rb")), .null, .nullArray, .null,
                .boolean(true), .double(1.5), .bigNumber(b("123")), .verbatim(format: b("txt"), b("abc")),
                .error(b("ERR y")),
                .map([.init(key: .simple(b("k")), value: .array([.integer(1), .set([.integer(2)])]))]), .integer(9),
                .push([.simple(b("p"))]),
            ])
    }

    @Test(arguments: [
        ("?\r\n", ReplyParseError.unknownKind(63)), (":x\r\n", .invalidNumber), ("$-2\r\n", .invalidNumber),
        ("$536870913\r\n", .tooLarge), ("$1\r\nabc", .missingLineEnd), ("+a\rb", .missingLineEnd),
        (String(repeating: "*1\r\n", count: 40), .tooDeep),
    ]) func refuses(text: String, error: ReplyParseError) {
        #expect(throws: error) { try parsed(text) }
    }
}
