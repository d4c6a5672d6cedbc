// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
package import MartletGRPCWire
package import MartletKeyValue

/// Encodes events as the `events` field (number 11) of a WatchResponse, each only once for all its watchers.
///
/// An event is known by its revision and by whether the version before it goes along: both together always encode to
/// the same bytes. What was encoded is kept for the watchers that come later, those that catch up among them, until it
/// exceeds a limit; then all of it is let go of.
package struct WatchEventEncoder {
    private struct Identity: Hashable {
        var revision: Revision
        var hasPrevious: Bool
    }

    /// Bytes kept. Room for the events of some milliseconds, and for two of the largest.
    package static let maximumKeptBytes = 4 << 20

    private var encoded: [Identity: [[UInt8]]] = [:]
    /// The last one asked for: a change's watchers ask one after the other.
    private var last: (identity: Identity, field: [[UInt8]])?
    private(set) package var keptBytes = 0
    /// How many events were encoded so far.
    private(set) package var encodedCount = 0

    package init() {}

    /// Tag, length and message of each event. One event's array is shared by all its watchers.
    package mutating func fields(for events: [WatchEvent]) -> [[UInt8]] {
        if events.count == 1 { return field(for: events[0]) }
        return events.map { field(for: $0)[0] }
    }

    private mutating func field(for event: WatchEvent) -> [[UInt8]] {
        let identity = Identity(revision: event.revision, hasPrevious: event.previous != nil)
        if let last, last.identity == identity { return last.field }
        let field = findOrEncode(event, identity)
        last = (identity, field)
        return field
    }

    private mutating func findOrEncode(_ event: WatchEvent, _ identity: Identity) -> [[UInt8]] {
        if let field = encoded[identity] { return field }
        encodedCount += 1
        let field = event.encoded(field: WatchResponseBytes.eventsField)
        keptBytes += field.count
        if keptBytes > Self.maximumKeptBytes {
            encoded.removeAll()
            keptBytes = field.count
        }
        let fields = [field]
        encoded[identity] = fields
        return fields
    }
}

// mvccpb.Event {type = 1: put 0, delete 1; key and value = 2; those before = 3}
extension WatchEvent {
    /// As a field of another message, in one piece of memory that nothing is copied into twice.
    fileprivate func encoded(field: UInt64) -> [UInt8] {
        var count = ProtobufSize.choice(byteCount: record.encodedSize)
        if kind == .delete { count += Self.kindSize }
        if let previous { count += ProtobufSize.choice(byteCount: previous.encodedSize) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(ProtobufSize.choice(byteCount: count))
        bytes.append(tag: field, 2)
        Varint.append(UInt64(count), to: &bytes)
        bytes.append(field: 1, flag: kind == .delete)
        record.encode(field: 2, into: &bytes)
        previous?.encode(field: 3, into: &bytes)
        return bytes
    }

    /// Tag and number of a kind that is not 0.
    private static let kindSize = 2
}

/// A WatchResponse with events, put together from bytes that were encoded before.
package enum WatchResponseBytes {
    /// Field 2, a varint.
    private static let watchIDTag: UInt8 = 2 << 3
    /// Field 7, a varint.
    private static let fragmentTag: UInt8 = 7 << 3
    /// Field 11, length and bytes.
    static let eventsField: UInt64 = 11

    /// - Parameters:
    ///   - head: the encoding of a response that has a header only.
    ///   - events: encoded fields, in order.
    package static func append(
        head: [UInt8], watch: WatchID, isFragment: Bool, events: ArraySlice<[UInt8]>, to batch: inout MessageBatch
    ) {
        var byteCount = head.count + (isFragment ? 2 : 0)
        if watch.rawValue != 0 { byteCount += 1 + Varint.length(of: UInt64(bitPattern: watch.rawValue)) }
        for event in events { byteCount += event.count }
        batch.append(byteCount: byteCount) { message in
            message.append(contentsOf: head)
            if watch.rawValue != 0 {
                message.append(watchIDTag)
                Varint.append(UInt64(bitPattern: watch.rawValue), to: &message)
            }
            if isFragment {
                message.append(fragmentTag)
                message.append(1)
            }
            for event in events { message.append(contentsOf: event) }
        }
    }
}
