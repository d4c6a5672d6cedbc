// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletGRPCWire
import MartletKeyValue

/// A range's answer as bytes, made part by part of a snapshot, so that no more of it is in memory than one part.
///
/// A value that can go from thread to thread: whoever holds it makes the next part.
struct RangeParts: Sendable {
    enum Shape {
        /// A RangeResponse. All parts together are the message.
        case message
        /// RangeStreamResponse {range response = 1}: each part is a message, and all of them merged are the answer. The
        /// last alone has header, count and `more`, as in etcd.
        case stream
    }

    /// Bytes of a part, but for its last record: as much as waits for a socket before its writer does.
    private static let partBytes = ServerCall.outboundHighWater

    private let shape: Shape
    private let head: KVResponseBytes.Head
    private var cursor: RangeCursor
    private var isDone = false
    private var isBegun = false

    init(
        _ request: RangeRequest, of snapshot: KeyValueSnapshot, _ shape: Shape, _ head: KVResponseBytes.Head
    ) throws(KeyValueError) {
        self.shape = shape
        self.head = head
        cursor = try snapshot.cursor(request)
    }

    /// Bytes of the whole message. Complexity: that of reading the range, without its values.
    mutating func byteCount() -> Int {
        cursor.sort()
        var rest = cursor
        var count = head.size(cursor.revision)
        while let page = rest.next(maximumBytes: .max) { count += KVResponseBytes.size(page) }
        return count + ProtobufSize.field(rest.more ? Int64(1) : 0) + ProtobufSize.field(rest.count)
    }

    /// The next part; `nil` after the last.
    mutating func next() -> [UInt8]? {
        if isDone { return nil }
        var records: [KeyValueRecord] = []
        // Pages can be empty, of a range that a filter thins out.
        while records.isEmpty {
            guard let page = cursor.next(maximumBytes: Self.partBytes) else {
                isDone = true
                break
            }
            records = page
        }
        defer { isBegun = true }
        switch shape {
        case .message:
            var bytes = isBegun ? [] : head.begin(cursor.revision, reserving: KVResponseBytes.size(records))
            KVResponseBytes.append(records, to: &bytes)
            if isDone { KVResponseBytes.append(more: cursor.more, count: cursor.count, to: &bytes) }
            return bytes
        case .stream:
            var inner = isDone ? head.begin(cursor.revision, reserving: 0) : []
            KVResponseBytes.append(records, to: &inner)
            if isDone { KVResponseBytes.append(more: cursor.more, count: cursor.count, to: &inner) }
            var bytes: [UInt8] = []
            bytes.reserveCapacity(ProtobufSize.choice(byteCount: inner.count))
            bytes.append(choice: 1, bytes: inner)
            return bytes
        }
    }
}
