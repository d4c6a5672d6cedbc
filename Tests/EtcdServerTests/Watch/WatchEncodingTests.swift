// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
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

    /// Lengths that need one, two and three bytes; ids of one and of ten.
    @Test(arguments: [0, 100, 200, 20_000], [WatchID(0), WatchID(7), WatchID(-1)])
    func putTogetherItIsTheMessage(valueBytes: Int, watch: WatchID) throws {
        var encoder = WatchEventEncoder()
        let events = [
            event(3, valueBytes: valueBytes, previous: false), event(4, valueBytes: valueBytes, previous: true),
            WatchEvent(
                kind: .delete, revision: Revision(main: 5), record: .tombstone(key: [1], modRevision: 5),
                previous: event(4, valueBytes: valueBytes, previous: false).record),
        ]
        var whole = Etcdserverpb_WatchResponse()
        whole.header.memberID = 1 << 63
        whole.header.revision = 300
        let head: [UInt8] = try whole.serializedBytes()
        whole.watchID = watch.rawValue
        whole.events = events.map { Mvccpb_Event($0) }
        for isFragment in [false, true] {
            whole.fragment = isFragment
            var batch = MessageBatch()
            for _ in 0..<2 {
                WatchResponseBytes.append(
                    head: head, watch: watch, isFragment: isFragment, events: encoder.fields(for: events)[...],
                    to: &batch)
            }
            let bytes: [UInt8] = try whole.serializedBytes()
            #expect(batch.messages == [bytes, bytes] && batch.byteCount == 2 * (bytes.count + 5))
            #expect(batch.count == 2)
        }
    }

    @Test func anEventIsEncodedOnceForAllItsWatchers() {
        var encoder = WatchEventEncoder()
        let first = encoder.fields(for: [event(3, valueBytes: 1, previous: false)])
        let second = encoder.fields(for: [event(3, valueBytes: 1, previous: false)])
        #expect(first.withUnsafeBufferPointer(\.baseAddress) == second.withUnsafeBufferPointer(\.baseAddress))
        #expect(encoder.fields(for: [event(3, valueBytes: 1, previous: true)]) != first)
        _ = encoder.fields(for: (2...4).map { event($0, valueBytes: 1, previous: false) })
        #expect(encoder.encodedCount == 4)
    }

    @Test func encodingsAreKeptUpToALimit() {
        var encoder = WatchEventEncoder()
        for revision in 2..<20 as Range<Int64> {
            _ = encoder.fields(for: [event(revision, valueBytes: 1 << 20, previous: false)])
            #expect(encoder.keptBytes <= WatchEventEncoder.maximumKeptBytes)
        }
        #expect(encoder.keptBytes > 1 << 20)
        let huge = event(20, valueBytes: 5 << 20, previous: false)
        #expect(encoder.fields(for: [huge])[0].count > 5 << 20)
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

// What the encoding is checked by.
extension Mvccpb_Event {
    fileprivate init(_ event: WatchEvent) {
        self.init()
        type =
            switch event.kind {
            case .put: .put
            case .delete: .delete
            }
        kv = Mvccpb_KeyValue(event.record)
        if let previous = event.previous { prevKv = Mvccpb_KeyValue(previous) }
    }
}
