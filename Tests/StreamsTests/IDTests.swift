// SPDX-License-Identifier: Apache-2.0

import MartletStreams
import Testing

@Suite struct IDTests {
    @Test(arguments: [
        ("5", id(5, 0)), ("5-3", id(5, 3)), ("01-01", id(1, 1)), ("0", id(0, 0)), ("0-0", id(0, 0)),
        ("18446744073709551615-18446744073709551615", .max),
    ])
    func readsText(_ text: String, _ expected: StreamID) {
        #expect(StreamID(text) == expected)
    }

    @Test(arguments: [
        "", "-", "+", "$", "abc", "1-", "-1", "1-2-3", "-1-0", "1--2", "+1", " 1", "1 ", "1-*", "*", ">", "1-x", "(1",
        "18446744073709551616", "18446744073709551616-0", "0-18446744073709551616", "99999999999999999999999",
        String(repeating: "0", count: 126) + "12",
    ])
    func refusesText(_ text: String) {
        #expect(StreamID(text) == nil)
    }

    @Test func readsTextUpToItsGreatestLength() {
        #expect(StreamID(String(repeating: "0", count: 126) + "1") == id(1))
    }

    @Test func completesMissingSequences() {
        #expect(StreamID("5", missingSequence: .max) == id(5, .max))
        #expect(StreamID("5-2", missingSequence: .max) == id(5, 2))
        #expect(StreamID("5", missingSequence: nil) == nil)
    }

    @Test func writesText() {
        for value in [id(0), id(1700000000000, 12), .max] {
            var written: [UInt8] = []
            value.append(to: &written)
            #expect(text(written) == value.description)
            #expect(StreamID(value.description) == value)
        }
    }

    @Test func hasNeighbours() {
        #expect(id(5, 7).successor == id(5, 8))
        #expect(id(5, .max).successor == id(6, 0))
        #expect(StreamID.max.successor == nil)
        #expect(id(5, 7).predecessor == id(5, 6))
        #expect(id(5, 0).predecessor == id(4, .max))
        #expect(StreamID.zero.predecessor == nil)
        #expect(id(5, .max) < id(6, 0))
    }

    // MARK: Ranges

    private func range(_ start: String, _ end: String) throws(StreamError) -> StreamRange {
        let (start, end) = (bytes(start), bytes(end))
        return try StreamRange(start: start.span.bytes, end: end.span.bytes)
    }

    @Test func readsRanges() throws {
        #expect(try range("-", "+") == .all)
        #expect(try range("1", "1") == StreamRange(id(1, 0), id(1, .max)))
        #expect(try range("(1-1", "(3") == StreamRange(id(1, 2), id(3, .max - 1)))
        #expect(try range("(1", "3-0") == StreamRange(id(1, 1), id(3, 0)))
        #expect(try range("+", "-").isEmpty)
    }

    @Test(arguments: ["", "(", "(-", "(+", "$", "((1", "x"])
    func refusesBounds(_ bound: String) {
        #expect(throws: StreamError.invalidID) { try range(bound, "+") }
        #expect(throws: StreamError.invalidID) { try range("-", bound) }
    }

    @Test func refusesBoundsBeyondTheEnds() {
        #expect(throws: StreamError.invalidRangeStart) { try range("(18446744073709551615-18446744073709551615", "+") }
        #expect(throws: StreamError.invalidRangeEnd) { try range("-", "(0-0") }
    }

    // MARK: IDs of new entries

    private func request(_ text: String) throws(StreamError) -> AppendID {
        let text = bytes(text)
        return try AppendID(text: text.span.bytes)
    }

    @Test func readsIDsOfNewEntries() throws {
        #expect(try request("*") == .automatic)
        #expect(try request("7-*") == .automaticSequence(milliseconds: 7))
        #expect(try request("0-*") == .automaticSequence(milliseconds: 0))
        #expect(try request("7") == .explicit(id(7)))
        #expect(throws: StreamError.addIDIsZero) { try request("0") }
        #expect(throws: StreamError.addIDIsZero) { try request("0-0") }
        for text in ["", "-", "+", "$", "-*", "1-2-*", "1*", "**", "1-**", "-1-0"] {
            #expect(throws: StreamError.invalidID) { try request(text) }
        }
    }

    @Test func chooseIDsByTheStamp() throws {
        var stream = Stream(configuration: small)
        func add(_ id: AppendID, now: Int64) throws(StreamError) -> StreamID {
            try stream.append(id, fields(("f", "v")), now: now).id
        }
        #expect(try add(.automaticSequence(milliseconds: 0), now: 5) == id(0, 1))
        #expect(try add(.automatic, now: 5) == id(5, 0))
        #expect(try add(.automatic, now: 5) == id(5, 1))
        // The clock went back.
        #expect(try add(.automatic, now: 3) == id(5, 2))
        #expect(try add(.automaticSequence(milliseconds: 5), now: 9) == id(5, 3))
        #expect(try add(.automaticSequence(milliseconds: 7), now: 9) == id(7, 0))
        #expect(throws: StreamError.addIDIsNotAbove) { try add(.automaticSequence(milliseconds: 6), now: 9) }
        #expect(throws: StreamError.addIDIsNotAbove) { try add(.explicit(id(7, 0)), now: 9) }
        #expect(throws: StreamError.addIDIsZero) { try add(.explicit(.zero), now: 9) }
        #expect(try add(.explicit(id(7, .max)), now: 9) == id(7, .max))
        #expect(throws: StreamError.addIDIsNotAbove) { try add(.automaticSequence(milliseconds: 7), now: 9) }
        // Carries into the next millisecond.
        #expect(try add(.automatic, now: 7) == id(8, 0))
        #expect(stream.length == 8)
    }

    @Test func endsAtTheLastID() throws {
        var stream = Stream(configuration: small)
        try stream.add(id(.max, .max - 1))
        #expect(
            try stream.append(.automaticSequence(milliseconds: .max), fields(("f", "v")), now: 1).id == .max)
        for request in [AppendID.automatic, .automaticSequence(milliseconds: .max), .explicit(id(3))] {
            #expect(throws: StreamError.exhausted) { try stream.append(request, fields(("f", "v")), now: 1) }
        }
        #expect(stream.ids == [id(.max, .max - 1), .max])
        #expect(stream.entries(after: .max).isEmpty)
        #expect(stream.entries(after: id(.max, .max - 1)).map(\.id) == [.max])
        #expect(stream.count(in: StreamRange(.max, .max)) == 1)
    }
}
