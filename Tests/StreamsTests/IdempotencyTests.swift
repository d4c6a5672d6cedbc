// SPDX-License-Identifier: Apache-2.0

import MartletStreams
import Testing

@Suite struct IdempotencyTests {
    private func key(_ producer: String, _ id: String) -> IdempotentKey {
        try! IdempotentKey(producer: bytes(producer), id: bytes(id))
    }

    @Test func addsOnce() throws {
        var stream = Stream(configuration: small)
        func add(_ key: IdempotentKey, now: Int64) throws -> Stream.Appended {
            try stream.append(.automatic, fields(("f", "v")), now: now, key: key)
        }
        let first = try add(key("p", "1"), now: 1000)
        #expect(first == Stream.Appended(id: id(1000), isDuplicate: false))
        #expect(try add(key("p", "1"), now: 2000) == Stream.Appended(id: id(1000), isDuplicate: true))
        // Another producer's ID is another.
        #expect(try !add(key("q", "1"), now: 2000).isDuplicate)
        // Remembered though the entry is gone.
        _ = stream.delete([id(1000)])
        #expect(try add(key("p", "1"), now: 3000).isDuplicate)
        #expect(stream.length == 1)
        #expect(stream.idempotentCounts == (2, 2))
        #expect(stream.trackedIdempotentCounts(now: 3000) == (2, 2))
    }

    @Test func forgetsInTime() throws {
        var stream = Stream(configuration: small)
        _ = try stream.append(.automatic, fields(("f", "v")), now: 1000, key: key("p", "1"))
        _ = try stream.append(.automatic, fields(("f", "v")), now: 2000, key: key("p", "2"))
        #expect(stream.trackedIdempotentCounts(now: 100_999) == (1, 2))
        #expect(stream.trackedIdempotentCounts(now: 101_000) == (1, 1))
        #expect(
            try !stream.append(.automatic, fields(("f", "v")), now: 101_000, key: key("p", "1")).isDuplicate)
        #expect(try stream.append(.automatic, fields(("f", "v")), now: 101_999, key: key("p", "2")).isDuplicate)
        // A producer that says nothing goes with the appends of others.
        _ = try stream.append(.automatic, fields(("f", "v")), now: 500_000, key: key("q", "1"))
        #expect(stream.trackedIdempotentCounts(now: 500_000) == (1, 1))
        #expect(stream.invariantViolation == nil)
    }

    @Test func forgetsTheOldestOfTooMany() throws {
        var stream = Stream(configuration: small)
        try stream.setIdempotency(maximumCount: 2)
        for name in ["1", "2", "3"] {
            _ = try stream.append(.automatic, fields(("f", "v")), now: 1000, key: key("p", name))
        }
        #expect(try stream.append(.automatic, fields(("f", "v")), now: 1000, key: key("p", "3")).isDuplicate)
        #expect(try stream.append(.automatic, fields(("f", "v")), now: 1000, key: key("p", "2")).isDuplicate)
        #expect(try !stream.append(.automatic, fields(("f", "v")), now: 1000, key: key("p", "1")).isDuplicate)
    }

    @Test func findsADuplicateInAnExhaustedStream() throws {
        var stream = Stream(configuration: small)
        let first = try stream.append(.automatic, fields(("f", "v")), now: 1000, key: key("p", "1"))
        try stream.setLastID(.max)
        #expect(
            try stream.append(.automatic, fields(("f", "v")), now: 1000, key: key("p", "1")).id == first.id)
        #expect(throws: StreamError.exhausted) {
            try stream.append(.automatic, fields(("f", "v")), now: 1000, key: key("p", "2"))
        }
    }

    @Test func hasLimits() throws {
        var stream = Stream(configuration: small)
        for seconds: Int64 in [0, 86_401, -1] {
            #expect(throws: StreamError.idempotencyDurationOutOfRange) {
                try stream.setIdempotency(durationSeconds: seconds)
            }
        }
        for count in [0, 10_001] {
            #expect(throws: StreamError.idempotencyCountOutOfRange) { try stream.setIdempotency(maximumCount: count) }
        }
        _ = try stream.append(.automatic, fields(("f", "v")), now: 1000, key: key("p", "1"))
        try stream.setIdempotency(durationSeconds: 100, maximumCount: 100)
        #expect(stream.trackedIdempotentCounts(now: 1000) == (1, 1))
        try stream.setIdempotency(durationSeconds: 10)
        // What changes the window clears it.
        #expect(stream.trackedIdempotentCounts(now: 1000) == (0, 0))
        #expect(stream.idempotencyWindow == IdempotencyWindow(durationSeconds: 10, maximumCount: 100))
        #expect(throws: StreamError.emptyProducerID) { try IdempotentKey(producer: [], id: [1]) }
        #expect(throws: StreamError.emptyIdempotentID) { try IdempotentKey(producer: [1], id: []) }
    }

    @Test func notesWhatWasAdded() throws {
        var stream = Stream(configuration: small)
        try stream.add(id(1, 1))
        try stream.add(id(2, 0))
        try stream.noteIdempotent(key("p", "1"), id(1, 1), now: 5)
        try stream.noteIdempotent(key("p", "1"), id(1, 1), now: 5)
        #expect(throws: StreamError.idempotentIDTaken) { try stream.noteIdempotent(key("p", "1"), id(2), now: 5) }
        #expect(throws: StreamError.noSuchEntry) { try stream.noteIdempotent(key("p", "2"), id(9), now: 5) }
        #expect(try stream.append(.automatic, fields(("f", "v")), now: 5, key: key("p", "1")).id == id(1, 1))
    }

    @Test func outlivesACheckpoint() throws {
        var stream = Stream(configuration: small)
        var tables = Tables()
        try stream.setIdempotency(durationSeconds: 50)
        for place in 0..<5 {
            _ = try stream.append(.automatic, fields(("f", "v")), now: 1000, key: key("p\(place)", "1"))
        }
        stream.checkpoint(into: &tables)
        _ = try stream.append(.automatic, fields(("f", "v")), now: 80_000, key: key("q", "1"))
        stream.checkpoint(into: &tables)
        var restored = try tables.restored(small)
        #expect(restored.trackedIdempotentCounts(now: 80_000) == (1, 1))
        #expect(restored.idempotencyWindow.durationSeconds == 50)
        #expect(restored.idempotentCounts == (6, 0))
        #expect(try restored.append(.automatic, fields(("f", "v")), now: 80_000, key: key("q", "1")).isDuplicate)
    }
}
