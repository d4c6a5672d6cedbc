// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import Testing

@Suite struct SnapshotTests {
    private var configuration: KeyValueStore.Configuration {
        var configuration = KeyValueStore.Configuration()
        configuration.indexNodeCapacity = 4
        return configuration
    }

    private func everything(at revision: Int64 = 0) -> RangeRequest {
        var request = RangeRequest(key: [0], rangeEnd: [0])
        request.revision = revision
        return request
    }

    /// Whatever happens to the store, each snapshot answers what the store answered when it was taken, at every
    /// revision that could be read then.
    @Test func snapshotsNeverChange() throws {
        var source = RequestSource(random: SeededRandom(seed: testSeed("snapshotsNeverChange")))
        for _ in 0..<20 {
            var store = KeyValueStore(configuration: configuration)
            var taken: [(snapshot: KeyValueSnapshot, answers: [RangeResponse], digest: UInt64)] = []
            for step in 0..<300 {
                source.next(current: store.revision).apply(to: &store)
                if source.pick(0...3) == 0 { store.reclaimCompacted(limit: source.pick(1...9)) }
                guard step % 60 == 0 else { continue }
                let revisions = max(1, store.compactRevision)...store.revision
                let answers = try revisions.map { try store.range(everything(at: $0)) }
                taken.append((store.snapshot, answers, store.stateDigest()))
            }
            for (snapshot, answers, _) in taken {
                for answer in answers.enumerated() {
                    let revision = max(1, snapshot.compactRevision) + Int64(answer.offset)
                    #expect(try snapshot.range(everything(at: revision)) == answer.element)
                }
                #expect(snapshot.keyCount == answers.last?.records.count)
            }
        }
    }

    /// A snapshot can be read elsewhere while the store goes on.
    @Test func isReadOnAnotherThread() async throws {
        var store = KeyValueStore(configuration: configuration)
        for number in 0..<500 { try store.put("key\(number)", "old") }
        let snapshot = store.snapshot
        let reader = Task.detached {
            var cursor = try snapshot.cursor(RangeRequest(key: [0], rangeEnd: [0]))
            var values: [[UInt8]] = []
            while let page = cursor.next(maximumBytes: 100) { values += page.map(\.value) }
            return values
        }
        for number in 0..<500 { try store.put("key\(number)", "new") }
        try store.delete("\0", "\0")
        #expect(try await reader.value == [[UInt8]](repeating: bytes("old"), count: 500))
    }

    @Test func pagesAreBoundedByBytes() throws {
        var store = KeyValueStore(configuration: configuration)
        for number in 10..<90 { try store.put("k\(number)", "0123456") }
        for isReversed in [false, true] {
            var request = everything()
            request.sortOrder = isReversed ? .descend : .ascend
            request.limit = 75
            var cursor = try store.snapshot.cursor(request)
            #expect(cursor.count == 80)
            var counts: [Int] = []
            var records: [KeyValueRecord] = []
            // Ten bytes a record; the one that reaches the bound is the last.
            while let page = cursor.next(maximumBytes: 95) {
                counts.append(page.count)
                records += page
            }
            #expect(counts == [10, 10, 10, 10, 10, 10, 10, 5])
            let whole = try store.range(request)
            #expect(records == whole.records && cursor.more && whole.more)
        }
        var single = try store.snapshot.cursor(RangeRequest(key: bytes("k10")))
        expect(single.next(maximumBytes: 0)?.count == 1 && single.next(maximumBytes: 0) == nil)
        var counting = everything()
        counting.countOnly = true
        var counted = try store.snapshot.cursor(counting)
        expect(counted.next(maximumBytes: 100) == nil && counted.count == 80)
        #expect(throws: KeyValueError.futureRevision) { try store.snapshot.cursor(everything(at: 99_999)) }
    }

    /// Keys that a filter leaves out, or that did not exist, end a page too: no step is long.
    @Test func pagesAreBoundedByKeys() throws {
        var store = KeyValueStore()
        let many = 3 * RangeCursor.maximumKeysPerPage
        try store.put("0", "first")
        let old = store.revision
        for number in 0..<many { try store.put("k\(number)") }
        try store.put("z", "last")
        var filtered = everything()
        filtered.minModRevision = store.revision
        for request in [filtered, everything(at: old)] {
            var cursor = try store.snapshot.cursor(request)
            var pages = 0
            var records: [KeyValueRecord] = []
            while let page = cursor.next(maximumBytes: 1 << 20) {
                pages += 1
                records += page
            }
            let whole = try store.range(request).records
            #expect(pages == 4 && records == whole && records.count == 1)
        }
    }

    /// Counts and limits at an old revision, near and far from changes since.
    @Test func countsThePast() throws {
        var store = KeyValueStore(configuration: configuration)
        for number in 100..<400 { try store.put("k\(number)") }
        let old = store.revision
        for number in stride(from: 150, to: 250, by: 7) { try store.delete("k\(number)") }
        try store.put("k15")
        for (key, end, count) in [("k", "l", 300), ("k1", "k2", 100), ("k300", "k399", 99), ("k15", "k16", 10)] {
            var request = RangeRequest(key: bytes(key), rangeEnd: bytes(end))
            request.revision = old
            request.limit = 3
            let limited = try store.range(request)
            #expect(limited.count == Int64(count) && limited.records.count == 3 && limited.more)
            request.sortOrder = .descend
            let reversed = try store.range(request)
            #expect(reversed.count == Int64(count) && reversed.more)
            request.limit = 0
            #expect(try store.range(request).records.prefix(3) == reversed.records[...])
        }
    }
}
