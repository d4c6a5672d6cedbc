// SPDX-License-Identifier: Apache-2.0

import MartletStreams
import Testing

/// What entries and pending entries take in memory, as the stream itself counts it; prints the figures.
///
/// The bounds are what Redis 7.0.15 takes for the same entries.
@Suite struct MemoryTests {
    private static let count = 20_000

    private func padded(_ number: Int, to count: Int) -> String {
        let digits = "\(number &* 7919 + 10_000_000)"
        return String(repeating: "x", count: max(0, count - digits.count)) + digits
    }

    private func entryBytes(_ name: String, _ entry: (Int) -> (StreamID, [(String, String)])) throws -> Double {
        var stream = Stream()
        for place in 0..<Self.count {
            let (id, pairs) = entry(place)
            _ = try stream.append(.explicit(id), FieldList(pairs.map { (bytes($0.0), bytes($0.1)) }), now: 0)
        }
        let each = Double(stream.memoryBytes) / Double(Self.count)
        print("bytes per entry, \(name): \(each)")
        return each
    }

    @Test func entriesTakeNoMoreThanInRedis() throws {
        func later(_ place: Int) -> StreamID { id(UInt64(place + 1)) }
        #expect(
            try entryBytes("8 digits, IDs of one millisecond") {
                (id(1, UInt64($0 + 1)), [("f", "\(10_000_000 + $0)")])
            } <= 17)
        #expect(try entryBytes("short, 1 ms apart") { (later($0), [("f", "v")]) } <= 16)
        #expect(
            try entryBytes("three of 16 bytes, same names") { place in
                (later(place), (0..<3).map { ("field\($0)", padded(place + $0, to: 16)) })
            } <= 65)
        #expect(
            try entryBytes("three of 16 bytes, other names") { place in
                (later(place), (0..<3).map { ("f\(place)_\($0)", padded(place + $0, to: 16)) })
            } <= 90)
        #expect(try entryBytes("100 bytes") { (later($0), [("field", padded($0, to: 100))]) } <= 115)
        #expect(try entryBytes("1000 bytes") { (later($0), [("field", padded($0, to: 1000))]) } <= 1039)
    }

    private func pendingBytes(_ name: String, consumers: Int, id: (Int) -> StreamID) throws -> Double {
        var stream = Stream()
        for place in 0..<Self.count { try stream.add(id(place)) }
        let group = bytes("g")
        try stream.createGroup(group, at: .after(.zero))
        let before = stream.memoryBytes
        var read = 0
        for turn in 0..<Self.count / 10 {
            read += try stream.readGroup(
                group, consumer: bytes("c\(turn % consumers)"), count: 10, now: 1_700_000_000_000 + Int64(turn)
            ).deliveries.count
        }
        #expect(read == Self.count)
        let each = Double(stream.memoryBytes - before) / Double(Self.count)
        print("bytes per pending entry, \(name), \(consumers) consumers: \(each)")
        return each
    }

    @Test(arguments: [1, 10]) func pendingEntriesTakeLittle(consumers: Int) throws {
        #expect(try pendingBytes("IDs of one millisecond", consumers: consumers) { id(1000, UInt64($0 + 1)) } <= 34)
        #expect(try pendingBytes("IDs spread", consumers: consumers) { id(UInt64($0 + 1) * 5 + UInt64($0 % 4)) } <= 59)
    }
}
