// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletWALCodec
import Testing

/// The first records of a log that etcd 3.4 wrote.
private let golden = bytes(
    hex: """
        0400000000000084 0804100000000000
        1d00000000000083 0801108d9cf9161a1408c0c0caafc1ba96892e1087d5edba8fd59dc104 000000
        0e00000000000082 080510878cc58d0d1a0408001000 0000
        7000000000000000 08021086b8b8ce091a66080110011801225e0800100018c0c0caafc1ba96892e224e7b226964223a
        333331393831343634323736313633373935322c227065657255524c73223a5b22687474703a2f2f3132372e302e302e
        313a3233383030225d2c226e616d65223a2274657374227d
        1000000000000000 080310c692a0c00d1a06080110001801
        1000000000000000 080210baf4ced10b1a06080010021802
        1800000000000000 080310d594f0bc061a0e080210c0c0caafc1ba96892e1802
        0000000000000000
        """)

private let member: UInt64 = 3_319_814_642_761_637_952

@Suite struct FramingTests {
    private func recordsOfGolden() throws -> (WALDecoder, [WALRecord]) {
        var decoder = WALDecoder(firstSegment, bytes: golden, chain: 0, isLast: true)
        var records: [WALRecord] = []
        while case .record(let record) = try decoder.next() { records.append(record) }
        #expect(try decoder.next() == .end)
        return (decoder, records)
    }

    @Test func readsWhatEtcdWrote() throws {
        let (decoder, records) = try recordsOfGolden()
        #expect(records.map(\.type) == [.checksum, .metadata, .snapshot, .entry, .state, .entry, .state])
        #expect(decoder.offset == golden.count - 8)
        let metadata = try #require(WALMetadata(Array(golden[records[1].data])))
        #expect(metadata.memberID == member)
        let first = try #require(WALEntry(golden, records[3].data))
        #expect(first.index == LogIndex(1) && first.term == Term(1) && first.kind == .configurationChange)
        #expect(first.data.count == 94)
        #expect(WALHardState(golden, records[4].data) == state(1, commit: 1))
        #expect(WALEntry(golden, records[5].data) == entry(2, term: 2, []))
        #expect(WALHardState(golden, records[6].data) == state(2, vote: member, commit: 2))

        var recovery = WALRecovery()
        var again = WALDecoder(firstSegment, bytes: golden, chain: 0, isLast: true)
        #expect(try recovery.read(&again) == false)
        try recovery.finish(again)
        #expect(recovery.entries.map(\.index) == [LogIndex(1), LogIndex(2)])
        #expect(recovery.snapshots == [WALSnapshot(index: LogIndex(0), term: Term(0))])
    }

    @Test func writesTheSameBytes() throws {
        let (_, records) = try recordsOfGolden()
        var encoder = WALEncoder()
        encoder.appendChain()
        let metadata = try #require(WALMetadata(Array(golden[records[1].data])))
        encoder.append(.metadata, metadata.encoded.span.bytes)
        encoder.append(.snapshot, encoded { $0.append(WALSnapshot(index: LogIndex(0), term: Term(0))) }.span.bytes)
        var batch = LogBatch()
        batch.append(try #require(WALEntry(golden, records[3].data)))
        batch.append(state(1, commit: 1), mustSync: false)
        batch.append(entry(2, term: 2, []))
        batch.append(state(2, vote: member, commit: 2), mustSync: true)
        var cursor = LogBatch.Cursor()
        var head = LogHead()
        encoder.append(batch, from: &cursor, until: .max, head: &head)
        #expect(encoder.bytes.array == Array(golden.dropLast(8)))
        #expect(cursor.isAtEnd(of: batch))
        #expect(head == LogHead(lastIndex: LogIndex(2), hardState: state(2, vote: member, commit: 2)))
    }

    @Test func lengthWords() {
        #expect((0...16).map(WALFormat.padding) == [0, 7, 6, 5, 4, 3, 2, 1, 0, 7, 6, 5, 4, 3, 2, 1, 0])
        var encoder = WALEncoder()
        for size in 0..<9 {
            encoder.append(.entry, [UInt8](repeating: 1, count: size).span.bytes)
            #expect(encoder.bytes.count % 8 == 0)
        }
    }

    @Test func barrierTellsItsPlace() throws {
        var image = SegmentImage()
        image.write([entry(1)], state(1, commit: 0))
        image.write([entry(2)])
        var decoder = WALDecoder(firstSegment, bytes: image.bytes, chain: 0, isLast: true)
        var barriers: [Int] = []
        while case .record(let record) = try decoder.next() {
            guard record.type == .checksum, record.offset > 0 else { continue }
            barriers.append(record.offset)
            let place = image.bytes[record.data].reversed().reduce(0) { $0 << 8 | Int($1) }
            #expect(place == record.offset)
        }
        #expect(barriers == image.writes)
    }

    @Test func stopsEncodingAtTheLimit() {
        var batch = LogBatch()
        for index in 1...10 as ClosedRange<UInt64> { batch.append(entry(index, [UInt8](repeating: 9, count: 100))) }
        var encoder = WALEncoder()
        var cursor = LogBatch.Cursor()
        var head = LogHead()
        var parts: [LogIndex] = []
        var all: [UInt8] = []
        while !cursor.isAtEnd(of: batch) {
            encoder.append(batch, from: &cursor, until: 300, head: &head)
            parts.append(head.lastIndex)
            all += encoder.bytes.array
            encoder.removeAll()
        }
        #expect(parts == [3, 6, 9, 10].map { LogIndex($0) })
        var whole = WALEncoder()
        var start = LogBatch.Cursor()
        whole.append(batch, from: &start, until: .max, head: &head)
        #expect(whole.bytes.array == all)
    }

    @Test func segmentNames() {
        let name = WALSegmentName(sequence: 0x1F, firstIndex: LogIndex(0xABC_DEF0))
        #expect("\(name)" == "000000000000001f-000000000abcdef0.wal")
        #expect(WALSegmentName("\(name)") == name)
        #expect(WALSegmentName("ffffffffffffffff-ffffffffffffffff.wal")?.firstIndex == LogIndex(.max))
        for other in [
            "0.tmp", "", "000000000000001F-000000000abcdef0.wal", "000000000000001f-000000000abcdef0.wal.broken",
            "000000000000001f_000000000abcdef0.wal", "000000000000001f-000000000abcdeg0.wal", ".wal",
            "00000000000001f-0000000000abcdef0.wal", "+00000000000001f-000000000abcdef0.wal",
        ] {
            #expect(WALSegmentName(other) == nil, "\(other)")
        }
        #expect(
            WALSegmentName(sequence: 9, firstIndex: LogIndex(5)) < WALSegmentName(sequence: 10, firstIndex: LogIndex(5))
        )
    }
}
