// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStreams
import Testing

@Suite struct CheckpointTests {
    private let g = bytes("g")

    private func stream(_ count: Int) throws -> Stream {
        var stream = Stream(configuration: small)
        for place in 0..<count {
            try stream.add(id(UInt64(place + 1)), ("f", "\(place)"), limits: BlockLimits(entries: 10, bytes: 0))
        }
        try stream.createGroup(g, at: .after(.zero))
        _ = try stream.readGroup(g, consumer: bytes("c"), count: count / 2, now: 5)
        return stream
    }

    @Test func writesWhatChangedOnce() throws {
        var stream = try stream(1000)
        var tables = Tables()
        stream.checkpoint(into: &tables)
        #expect(stream.beginCheckpoint().pieceCount == 0)
        for place in 0..<5 {
            try stream.add(id(2000, UInt64(place)), limits: BlockLimits(entries: 10, bytes: 0))
        }
        // The open block alone, as it is now.
        #expect(stream.beginCheckpoint().pieceCount == 1)
        #expect(stream.delete([id(15), id(16)]) == 2)
        #expect(stream.acknowledge([id(2), id(3)], group: g) == 2)
        // One block, one leaf of pending entries or the two that were joined.
        #expect((2...3).contains(stream.beginCheckpoint().pieceCount))
    }

    @Test func staysAsItWas() throws {
        var stream = try stream(100)
        let before = stream.entries(in: .all).map(\.content)
        let checkpoint = stream.beginCheckpoint()
        _ = stream.trim(Trim(.maximumLength(3)))
        _ = stream.destroyGroup(g)
        var batch = TableBatch()
        checkpoint.encode(of: 7, into: &batch)
        var tables = Tables()
        tables.apply(batch)
        let restored = try tables.restored(small)
        #expect(restored.entries(in: .all).map(\.content) == before)
        #expect(restored.group(named: g)?.pendingCount == 50)
        #expect(restored.invariantViolation == nil)
    }

    /// What was restored goes on as what was not: the records of both stay the same, leaf numbers included.
    @Test func anEmptiedGroupGoesOnAlike() throws {
        var stream = try stream(20)
        #expect(stream.acknowledge((1...10).map { id($0) }, group: g) == 10)
        var tables = Tables()
        stream.checkpoint(into: &tables)
        var restored = try tables.restored(small)
        var (kept, again) = (tables, tables)
        _ = try stream.readGroup(g, consumer: bytes("c"), count: 3, now: 6)
        _ = try restored.readGroup(g, consumer: bytes("c"), count: 3, now: 6)
        stream.checkpoint(into: &kept)
        restored.checkpoint(into: &again)
        #expect(kept.records == again.records)
        #expect(restored.invariantViolation == nil)
    }

    @Test func takesPlacesOfWhatWasRemoved() throws {
        var stream = try stream(50)
        var tables = Tables()
        stream.checkpoint(into: &tables)
        _ = stream.destroyGroup(g)
        try stream.createGroup(bytes("h"), at: .after(id(40)))
        _ = try stream.readGroup(bytes("h"), consumer: bytes("d"), now: 9)
        stream.checkpoint(into: &tables)
        let restored = try tables.restored(small)
        #expect(restored.groupNames == [bytes("h")])
        #expect(restored.group(named: bytes("h"))?.pendingEntries(now: 9).map(\.id) == (41...50).map { id($0) })
    }

    @Test func writesEverythingAfterAFailure() throws {
        var stream = try stream(50)
        var tables = Tables()
        let lost = stream.beginCheckpoint()
        _ = stream.destroyGroup(g)
        stream.failCheckpoint(lost)
        stream.checkpoint(into: &tables)
        #expect(try tables.restored(small).ids == stream.ids)
        #expect(try tables.restored(small).groupCount == 0)
    }

    /// While a disk fails, what is to be written stays as much as it is.
    @Test func doesNotGrowByFailures() throws {
        var stream = try stream(0)
        var policy = GroupPolicy()
        policy.orderField = bytes("f")
        try stream.setPolicy(policy, group: g, now: 6)
        for place in 1...20 { try stream.add(id(UInt64(place)), ("f", "\(place)")) }
        let taken = try stream.readGroup(g, consumer: bytes("c"), count: 20, now: 7)
        #expect(stream.acknowledge(taken.deliveries.map(\.entry.id), group: g) > 0)
        var sizes: [Int] = []
        for _ in 0..<20 {
            let lost = stream.beginCheckpoint()
            var batch = TableBatch()
            lost.encode(of: 7, into: &batch)
            sizes.append(batch.count)
            stream.failCheckpoint(lost)
        }
        #expect(Set(sizes.dropFirst()).count == 1, "\(sizes)")
        var tables = Tables()
        stream.checkpoint(into: &tables)
        #expect(try tables.restored(small).ids == stream.ids)
    }

    /// A copy under a number of its own, and the removal of both.
    @Test func copiesAndRemoves() throws {
        var stream = try stream(50)
        var tables = Tables()
        stream.checkpoint(into: &tables)
        var copy = stream
        copy.markAllChanged()
        copy.checkpoint(into: &tables, number: 8)
        var own = tables
        for key in tables.records.keys where key.object == 7 { own.drop(key) }
        #expect(try own.restored(small, number: 8).ids == stream.ids)
        var batch = TableBatch()
        stream.encodeRemoval(of: 7, into: &batch)
        copy.encodeRemoval(of: 8, into: &batch)
        tables.apply(batch)
        #expect(tables.records.isEmpty)
    }

    /// Whatever one byte becomes: an error or a sound stream, never a trap.
    @Test func refusesOrBearsDamage() throws {
        var stream = try stream(30)
        _ = try stream.release([id(3)], group: g, .fail)
        _ = try stream.append(
            .automatic, fields(("f", "v")), now: 1000, key: try IdempotentKey(producer: [1], id: [2]))
        var tables = Tables()
        stream.checkpoint(into: &tables)
        var random = SeededRandom(seed: testSeed("StreamDamage"))
        var refused = 0
        for _ in 0..<3000 {
            var damaged = tables
            let key = tables.records.keys.sorted().randomElement(using: &random)!
            damaged.damage(key, &random)
            do {
                let restored = try damaged.restored(small)
                // Texts and times may be others; what holds the stream together may not.
                if let problem = restored.invariantViolation { Issue.record("\(key): \(problem)") }
            } catch is StreamRestoreError {
                refused += 1
            }
        }
        #expect(refused > 500)
    }

    // MARK: Queues of moments

    /// Entries that wait, others that end, and jobs, in several leaves each.
    private func timedTables() throws -> Tables {
        var stream = try stream(20)
        let urgent = try #require(EntryPriority(rawValue: 5))
        for place in 1...20 {
            let content = fields(("f", "\(place)"))
            _ = try stream.delay(
                content.bytes.span.bytes, until: 5000 + Int64(place), timeToLive: place % 2 == 0 ? 9000 : nil,
                priority: place % 3 == 0 ? urgent : .normal)
            try stream.end(id(UInt64(place)), at: 7000 - Int64(place))
            let job = StreamJob(name: bytes("job \(place)"), schedule: bytes("@daily"), fields: content.bytes)
            _ = try stream.setJob(job, now: 1)
        }
        var tables = Tables()
        stream.checkpoint(into: &tables)
        return tables
    }

    /// Whatever one byte of them becomes.
    @Test func refusesOrBearsDamageOfQueues() throws {
        let tables = try timedTables()
        let keys = tables.records.keys.filter { $0.table == StreamTable.timed }.sorted()
        #expect(keys.count > 10)
        let whole = try tables.restored(small)
        #expect(whole.invariantViolation == nil)
        #expect(whole.delayedCount == 20 && whole.endingCount == 20 && whole.jobCount == 20)
        var random = SeededRandom(seed: testSeed("QueueDamage"))
        var refused = 0
        for _ in 0..<3000 {
            var damaged = tables
            let key = keys.randomElement(using: &random)!
            damaged.damage(key, &random)
            do {
                let restored = try damaged.restored(small)
                if let problem = restored.invariantViolation { Issue.record("\(key): \(problem)") }
                // What is there can be read.
                restored.forEachDelayed(in: .all) { $0.pairCount >= 0 }
                _ = restored.allJobs
            } catch is StreamRestoreError {
                refused += 1
            }
        }
        #expect(refused > 500)
    }

    /// A row that ends too early, rows that are there twice or in no order, and none.
    @Test func refusesQueuesThatAreNone() throws {
        let tables = try timedTables()
        for (key, value) in tables.records.sorted(by: { $0.key < $1.key }) where key.table == StreamTable.timed {
            var damaged = tables
            func expectRefused(_ bytes: [UInt8], _ error: StreamRestoreError) {
                damaged.put(key, bytes)
                #expect(throws: error) { try damaged.restored(small) }
            }
            expectRefused([], .unreadable(key))
            expectRefused(Array(value.dropLast()), .unreadable(key))
            // A text far longer than all there is, and one without an end to its length.
            expectRefused(value + [1, 1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1], .unreadable(key))
            expectRefused(value + [1, 1, 0x80], .unreadable(key))
            expectRefused(value + [1, 1, 0], .unreadable(key))
            damaged.put(key, value + value)
            #expect(throws: StreamRestoreError.self) { try damaged.restored(small) }
        }
    }
}
