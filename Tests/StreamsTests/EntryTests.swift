// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStreams
import Testing

/// What an entry says is what it was given, however a block packs it.
@Suite struct EntryTests {
    @Test(arguments: [
        "", "0", "1", "127", "128", "255", "256", "-1", "-128", "-129", "32767", "32768", "8388607", "8388608",
        "2147483647", "2147483648", "-2147483648", "-2147483649", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "-9223372036854775809", "18446744073709551615", "00", "01", "-0", "-01", "+1", "1.5",
        "1e3", " 1", "-", "--1", "99999999999999999999999999", "text", String(repeating: "x", count: 63),
        String(repeating: "x", count: 64), String(repeating: "x", count: 70_000),
    ])
    func keepsEveryText(_ value: String) throws {
        var stream = Stream(configuration: small)
        try stream.add(id(1), ("name", value))
        try stream.add(id(2), ("name", value), (value, "other"))
        #expect(stream.entry(id(1))?.content == ["name", value])
        #expect(stream.entry(id(2))?.content == ["name", value, value, "other"])
        #expect(stream.entry(id(2))?.fieldList == fields(("name", value), (value, "other")))
        var counts: [Int] = []
        stream.entry(id(1))?.forEachField { counts += [$0.count, $1.count] }
        #expect(counts == [4, value.utf8.count])
        for number in 1...2 {
            var texts: [[UInt8]] = []
            stream.entry(id(UInt64(number)))?.forEachText { text in
                texts.append(text.withUnsafeBytes { Array($0) })
            }
            let wanted = number == 1 ? ["name", value] : ["name", value, value, "other"]
            #expect(texts == wanted.map { Array($0.utf8) })
        }
    }

    @Test func keepsBytesThatAreNoText() throws {
        var stream = Stream(configuration: small)
        let all = [UInt8](0...255)
        let list = FieldList([(all, all.reversed()), ([], [0])])
        _ = try stream.append(.explicit(id(1)), list, now: 0)
        #expect(stream.first?.fieldList == list)
    }

    @Test func keepsOrderAndDuplicates() throws {
        var stream = Stream(configuration: small)
        try stream.add(id(1), ("b", "1"), ("a", "2"), ("b", "1"))
        #expect(stream.first?.content == ["b", "1", "a", "2", "b", "1"])
        #expect(stream.first?.pairCount == 3)
    }

    @Test func keepsDistancesOfIDs() throws {
        var stream = Stream(configuration: small)
        let ids = [
            id(0, 1), id(0, 2), id(0, 9), id(1, 0), id(1, 1), id(3, 7), id(1 << 40, 0), id(1 << 40, 1 << 40),
            id(1 << 63, .max), id(.max, 0), id(.max, .max),
        ]
        for id in ids { try stream.add(id) }
        #expect(stream.ids == ids)
        #expect(stream.entries(in: .all, isReversed: true).map(\.id) == ids.reversed())
        #expect(stream.invariantViolation == nil)
    }

    @Test func knowsTheShapeOfPackedFields() {
        let list = fields(("a", "12"), ("", "345"))
        #expect(
            FieldList.shape(of: list.bytes.span.bytes) == FieldList.Shape(pairCount: 2, contentBytes: 6))
        for wrong: [UInt8] in [[], [1], [1, 65], [1, 65, 2, 66], [0], [0, 0, 0], [200, 200, 1]] {
            #expect(FieldList.shape(of: wrong.span.bytes) == nil)
        }
    }

    // MARK: Blocks

    @Test func closesBlocksByEntries() throws {
        var stream = Stream(configuration: small)
        for place in 1...10 { try stream.add(id(UInt64(place)), limits: BlockLimits(entries: 3, bytes: 0)) }
        #expect(stream.blockCount == 4)
    }

    @Test func closesBlocksByBytes() throws {
        var stream = Stream(configuration: small)
        let value = String(repeating: "x", count: 100)
        for place in 1...10 {
            try stream.add(id(UInt64(place)), ("f", value), limits: BlockLimits(entries: 0, bytes: 350))
        }
        // Three of them are above 300 bytes, four would reach the limit.
        #expect(stream.blockCount == 4)
        try stream.add(id(11), ("f", String(repeating: "x", count: 5000)), limits: BlockLimits(entries: 0, bytes: 350))
        #expect(stream.blockCount == 5)
    }

    @Test func keepsALimitWhereNoneIsSet() throws {
        var stream = Stream()
        let limits = BlockLimits(entries: 0, bytes: 0)
        for place in 0...UInt64(BlockLimits.maximumEntries) { try stream.add(id(1, place + 1), limits: limits) }
        #expect(stream.blockCount == 2)
    }

    @Test func countsWhatABlockWasGiven() throws {
        var stream = Stream(configuration: small)
        let limits = BlockLimits(entries: 4, bytes: 0)
        for place: UInt64 in 1...3 { try stream.add(id(place), limits: limits) }
        #expect(stream.delete([id(1), id(2)]) == 2)
        // The fourth entry that the block gets is its last, though two are gone.
        try stream.add(id(4), limits: limits)
        try stream.add(id(5), limits: limits)
        #expect(stream.blockCount == 2)
        #expect(stream.ids == [id(3), id(4), id(5)])
    }

    @Test func limitsTrimsByBlocks() {
        #expect(BlockLimits().defaultTrimLimit == 10_000)
        #expect(BlockLimits(entries: 7).defaultTrimLimit == 700)
        #expect(BlockLimits(entries: 0).defaultTrimLimit == 10_000)
        #expect(BlockLimits(entries: 1_000_000).defaultTrimLimit == 1_000_000)
    }

    // MARK: Deleting

    @Test func givesSpaceBackWhenHalfOfABlockIsDeleted() throws {
        var stream = Stream()
        for place in 0..<10_000 {
            try stream.add(id(UInt64(place + 1)), ("field", String(repeating: "x", count: 100)))
        }
        let before = stream.memoryBytes
        let gone = (0..<10_000).filter { $0 % 100 != 0 }.map { id(UInt64($0 + 1)) }
        #expect(stream.delete(gone) == gone.count)
        #expect(stream.length == 100)
        // One entry of each hundred remains; its block takes what one entry takes.
        #expect(stream.memoryBytes < before / 15)
        #expect(stream.invariantViolation == nil)
    }

    @Test func staysWhenEmpty() throws {
        var stream = Stream(configuration: small)
        try stream.add(id(1))
        #expect(stream.delete([id(1), id(1), id(9)]) == 1)
        #expect(stream.length == 0)
        #expect(stream.blockCount == 0)
        #expect(stream.lastID == id(1))
        #expect(stream.maxDeletedID == id(1))
        #expect(stream.entriesAdded == 1)
        #expect(stream.firstEntryID == .zero)
        #expect(stream.first == nil && stream.last == nil)
        try stream.add(id(2))
        #expect(stream.ids == [id(2)])
    }
}
