// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStreams
import Testing

/// A group reads on where it was, whatever becomes of the blocks meanwhile.
@Suite struct ReadingPlaceTests {
    private let g = bytes("g")
    private let limits = BlockLimits(entries: 6)

    private func append(_ stream: inout Stream, _ milliseconds: UInt64) throws {
        let value = String(repeating: "v", count: Int(milliseconds % 7))
        _ = try stream.append(.explicit(id(milliseconds)), fields(("f", value)), limits: limits, now: 0)
    }

    private func next(_ stream: inout Stream, count: Int = 1) throws -> [String] {
        try stream.readGroup(g, consumer: bytes("c"), count: count, isAcknowledged: true, now: 1)
            .deliveries.map { "\($0.entry.id) \($0.entry.content)" }
    }

    /// What the same read finds that looks for its entries by ID.
    private func expected(_ stream: Stream, count: Int = 1) -> [String] {
        guard let group = stream.group(named: g) else { return [] }
        return stream.entries(after: group.lastDeliveredID, count: count).map { "\($0.id) \($0.content)" }
    }

    /// The marked ones move nothing; with the fourth of six all that are marked go, and others take their places.
    @Test func goesOnBehindWhatIsDeleted() throws {
        var stream = Stream(configuration: small)
        for place in 1...20 { try append(&stream, UInt64(place)) }
        try stream.createGroup(g, at: .after(.zero))
        for _ in 0..<3 { _ = try next(&stream) }
        for deleted: UInt64 in [1, 2, 4, 3, 13, 19, 20] {
            let isDeleted = stream.delete([id(deleted)]) == 1
            #expect(isDeleted)
            #expect(stream.invariantViolation == nil)
        }
        var found: [String] = []
        while case let more = try next(&stream), !more.isEmpty { found += more }
        #expect(found.map { $0.prefix { $0 != "-" } } == (5...18).filter { $0 != 13 }.map { "\($0)" })
    }

    /// A block that left memory is read where it comes back.
    @Test func goesOnInABlockThatCameBack() throws {
        var configuration = small
        configuration.isEvictable = true
        var stream = Stream(configuration: configuration)
        for place in 1...20 { try append(&stream, UInt64(place)) }
        try stream.createGroup(g, at: .after(.zero))
        let first = try next(&stream, count: 8)
        #expect(first.count == 8)
        var tables = Tables()
        stream.checkpoint(into: &tables)
        let blocks = (1...20).compactMap { stream.sealedBlock(base: id(UInt64($0))) }
        #expect(blocks.count == 3)
        for block in blocks {
            _ = stream.evict(base: block.base)
            #expect(stream.invariantViolation == nil)
        }
        for block in blocks {
            let value = try #require(tables.records[StreamTable.blockKey(block.number, of: 7)])
            let placing = stream.place(block.number, base: block.base, value.span.bytes)
            #expect(placing == .placed(byteCount: block.byteCount))
        }
        let rest = expected(stream, count: 20)
        let found = try next(&stream, count: 20)
        #expect(rest.count == 12 && found == rest)
    }

    /// What a read asks for and does not take comes with the next one.
    @Test func whatIsNotAdmittedComesAgain() throws {
        var stream = Stream(configuration: small)
        for place in 1...4 { try append(&stream, UInt64(place)) }
        try stream.createGroup(g, at: .after(.zero))
        for last: UInt64 in [2, 3] {
            let read = try stream.readGroup(g, consumer: bytes("c"), now: 1) { $0.id <= id(last) }
            #expect(read.deliveries.last?.entry.id == id(last))
        }
        let rest = try next(&stream)
        #expect(rest.count == 1 && rest[0].hasPrefix("4-"))
    }

    @Test func findsWhatIsFoundByID() throws {
        for seed in 1...40 as ClosedRange<UInt64> {
            var random = SeededRandom(seed: seed)
            var stream = Stream(configuration: small)
            var last: UInt64 = 0
            try stream.createGroup(g, at: .after(.zero))
            for step in 0..<400 {
                switch Int.random(in: 0..<20, using: &random) {
                case 0..<6:
                    last += UInt64.random(in: 1...3, using: &random)
                    try append(&stream, last)
                case 6..<11:
                    guard last > 0 else { continue }
                    _ = stream.delete([id(UInt64.random(in: 1...last, using: &random))])
                case 11: _ = stream.trim(Trim(.maximumLength(Int.random(in: 0...30, using: &random))))
                case 12:
                    try stream.setGroup(g, to: .after(id(UInt64.random(in: 0...last, using: &random))))
                default:
                    let count = Int.random(in: 1...3, using: &random)
                    let wanted = expected(stream, count: count)
                    let found = try next(&stream, count: count)
                    #expect(found == wanted, "seed \(seed), step \(step)")
                }
                let problem = stream.invariantViolation
                #expect(problem == nil, "seed \(seed), step \(step)")
            }
        }
    }
}
