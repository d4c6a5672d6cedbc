// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
import MartletEtcdServer
import MartletKeyValue
import SwiftProtobuf
import Testing

@Suite struct WatchEncodingTests {
    private func event(_ revision: Int64, valueBytes: Int, previous: Bool) -> WatchEvent {
        let record = KeyValueRecord(
            key: Array("key".utf8), createRevision: 2, modRevision: revision, version: 3,
            value: [UInt8](repeating: 7, count: valueBytes), lease: LeaseID(-5))
        return WatchEvent(
            kind: .put, revision: Revision(main: revision), record: record, previous: previous ? record : nil)
    }

    /// Lengths that need one, two and three bytes.
    @Test(arguments: [0, 100, 200, 20_000])
    func appendedFieldsAreTheMessage(valueBytes: Int) throws {
        var encoder = WatchEventEncoder()
        let events = [
            event(3, valueBytes: valueBytes, previous: false), event(4, valueBytes: valueBytes, previous: true),
        ]
        var whole = Etcdserverpb_WatchResponse()
        whole.watchID = 7
        var bytes: [UInt8] = try whole.serializedBytes()
        for event in events {
            bytes += try encoder.field(for: event)
        }
        whole.events = events.map { Mvccpb_Event($0) }
        #expect(bytes == (try whole.serializedBytes() as [UInt8]))
    }

    @Test func previousMakesAnotherEncoding() throws {
        var encoder = WatchEventEncoder()
        let without = try encoder.field(for: event(3, valueBytes: 1, previous: false))
        let with = try encoder.field(for: event(3, valueBytes: 1, previous: true))
        #expect(without != with)
        #expect(without == (try encoder.field(for: event(3, valueBytes: 1, previous: false))))
    }

    @Test(arguments: [
        ([], 10, [0..<0]),
        ([5], 10, [0..<1]),
        ([50], 10, [0..<1]),
        ([4, 4], 10, [0..<2]),
        ([4, 5], 10, [0..<1, 1..<2]),
        ([50, 1, 50], 10, [0..<1, 1..<2, 2..<3]),
        ([1, 1, 1, 1, 1, 1, 1, 1, 1], 5, [0..<3, 3..<6, 6..<9]),
    ])
    func pieces(sizes: [Int], limit: Int, expected: [Range<Int>]) {
        #expect(WatchFragments.pieces(sizes: sizes, overhead: 2, limit: limit) == expected)
    }
}
