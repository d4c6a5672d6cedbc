// SPDX-License-Identifier: Apache-2.0

import MartletStreams
import Testing

@Suite struct TrimTests {
    /// Ten entries, 1-0 to 10-0, in blocks of three.
    private func stream() throws -> Stream {
        var stream = Stream(configuration: small)
        for place: UInt64 in 1...10 { try stream.add(id(place), limits: BlockLimits(entries: 3, bytes: 0)) }
        return stream
    }

    private func ids(_ range: ClosedRange<UInt64>) -> [StreamID] { range.map { id($0) } }

    @Test func trimsExactly() throws {
        var stream = try stream()
        #expect(stream.trim(Trim(.maximumLength(20))) == 0)
        #expect(stream.trim(Trim(.maximumLength(8))) == 2)
        #expect(stream.ids == ids(3...10))
        #expect(stream.trim(Trim(.minimumID(id(6, 1)))) == 4)
        #expect(stream.ids == ids(7...10))
        #expect(stream.trim(Trim(.maximumLength(0))) == 4)
        #expect(stream.ids.isEmpty)
        #expect(stream.lastID == id(10))
        // Only what was deleted by name counts.
        #expect(stream.maxDeletedID == .zero)
    }

    @Test func trimsWholeBlocksWhereThatIsEnough() throws {
        var stream = try stream()
        #expect(stream.trim(Trim(.maximumLength(8), isApproximate: true)) == 0)
        #expect(stream.trim(Trim(.maximumLength(7), isApproximate: true)) == 3)
        #expect(stream.trim(Trim(.minimumID(id(6)), isApproximate: true)) == 0)
        #expect(stream.trim(Trim(.minimumID(id(7)), isApproximate: true)) == 3)
        #expect(stream.ids == ids(7...10))
        #expect(stream.trim(Trim(.maximumLength(0), isApproximate: true)) == 4)
        #expect(stream.blockCount == 0)
    }

    @Test func stopsAtItsLimit() throws {
        var stream = try stream()
        #expect(stream.trim(Trim(.maximumLength(0), isApproximate: true, limit: 2)) == 0)
        #expect(stream.trim(Trim(.maximumLength(0), isApproximate: true, limit: 5)) == 3)
        #expect(stream.trim(Trim(.maximumLength(0), isApproximate: true, limit: 6)) == 6)
        #expect(stream.ids == ids(10...10))
        // Exact trims have none.
        #expect(stream.trim(Trim(.maximumLength(0), limit: 0)) == 1)
    }

    @Test func leavesPendingEntriesOrTakesThem() throws {
        var stream = try stream()
        try stream.createGroup(bytes("g"), at: .after(.zero))
        _ = try stream.readGroup(bytes("g"), consumer: bytes("c"), count: 6, now: 5)
        func pending() -> [StreamID] { stream.group(named: bytes("g"))!.pendingEntries(now: 5).map(\.id) }
        #expect(stream.trim(Trim(.maximumLength(8))) == 2)
        #expect(pending() == ids(1...6))
        #expect(stream.trim(Trim(.maximumLength(6), policy: .delete)) == 2)
        #expect(pending() == [id(1), id(2), id(5), id(6)])
        // Nothing is acknowledged: all but nothing is needed.
        #expect(stream.trim(Trim(.maximumLength(0), policy: .acknowledged)) == 0)
        #expect(stream.acknowledge([id(6)], group: bytes("g")) == 1)
        #expect(stream.trim(Trim(.maximumLength(0), isApproximate: true, policy: .acknowledged)) == 1)
        #expect(stream.ids == [id(5)] + ids(7...10))
    }

    @Test func deletesWithRegardToGroups() throws {
        var stream = Stream(configuration: small)
        for place: UInt64 in 1...4 { try stream.add(id(place)) }
        try stream.createGroup(bytes("g"), at: .after(.zero))
        try stream.createGroup(bytes("h"), at: .after(.zero))
        _ = try stream.readGroup(bytes("g"), consumer: bytes("c"), count: 3, now: 5)
        #expect(stream.delete([id(1)], .keep) == [.deleted])
        #expect(stream.delete([id(1), id(9)], .keep) == [.notFound, .notFound])
        #expect(stream.delete([id(2)], .acknowledged) == [.kept])
        #expect(stream.delete([id(2)], .delete) == [.deleted])
        #expect(stream.acknowledgeAndDelete([id(3)], group: bytes("g"), .keep) == [.deleted])
        #expect(stream.acknowledgeAndDelete([id(3)], group: bytes("g"), .acknowledged) == [.notFound])
        #expect(stream.acknowledgeAndDelete([id(3)], group: bytes("no"), .keep) == [.notFound])
        _ = try stream.readGroup(bytes("g"), consumer: bytes("c"), now: 5)
        // The other group has not read it.
        #expect(stream.acknowledgeAndDelete([id(4)], group: bytes("g"), .acknowledged) == [.kept])
        #expect(stream.ids == [id(4)])
        // Gone from the stream, but still pending: 1-0.
        #expect(stream.group(named: bytes("g"))!.pendingCount == 1)
        #expect(stream.acknowledgeAndDelete([id(1)], group: bytes("g"), .acknowledged) == [.deleted])
        #expect(stream.group(named: bytes("g"))!.pendingCount == 0)
    }

    @Test func deletesReferencesToWhatIsGone() throws {
        var stream = try stream()
        try stream.createGroup(bytes("g"), at: .after(.zero))
        _ = try stream.readGroup(bytes("g"), consumer: bytes("c"), count: 1, now: 5)
        #expect(stream.delete([id(1)]) == 1)
        #expect(stream.delete([id(1)], .delete) == [.notFound])
        #expect(stream.group(named: bytes("g"))!.pendingCount == 0)
    }

    // MARK: The last ID

    @Test func setsTheLastID() throws {
        var stream = try stream()
        _ = stream.delete([id(4)])
        #expect(throws: StreamError.entriesAddedNegative) { try stream.setLastID(id(1), entriesAdded: -1) }
        #expect(throws: StreamError.lastIDBelowGivenDeletedID) {
            try stream.setLastID(id(20), maxDeletedID: id(21))
        }
        #expect(throws: StreamError.lastIDBelowDeletedID) { try stream.setLastID(id(3)) }
        #expect(throws: StreamError.lastIDBelowTopItem) { try stream.setLastID(id(9)) }
        #expect(throws: StreamError.entriesAddedBelowLength) { try stream.setLastID(id(20), entriesAdded: 8) }
        try stream.setLastID(id(20), entriesAdded: 9, maxDeletedID: .zero)
        #expect(stream.lastID == id(20) && stream.entriesAdded == 9 && stream.maxDeletedID == id(4))
        try stream.setLastID(id(20), maxDeletedID: id(15))
        #expect(stream.maxDeletedID == id(15))
        #expect(throws: StreamError.addIDIsNotAbove) { try stream.add(id(20)) }
        try stream.add(id(21))
    }
}
