// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
import MartletEtcdAPI
package import MartletKeyValue
import SwiftProtobuf

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
    private(set) package var keptBytes = 0
    /// How many events were encoded so far.
    private(set) package var encodedCount = 0

    package init() {}

    /// Tag, length and message of each event. One event's array is shared by all its watchers.
    package mutating func fields(for events: [WatchEvent]) throws -> [[UInt8]] {
        if events.count == 1 { return try field(for: events[0]) }
        return try events.map { try field(for: $0)[0] }
    }

    private mutating func field(for event: WatchEvent) throws -> [[UInt8]] {
        let identity = Identity(revision: event.revision, hasPrevious: event.previous != nil)
        if let field = encoded[identity] { return field }
        let message: [UInt8] = try Mvccpb_Event(event).serializedBytes()
        encodedCount += 1
        var field: [UInt8] = []
        field.reserveCapacity(message.count + 6)
        field.append(WatchResponseBytes.eventsTag)
        Varint.append(UInt64(message.count), to: &field)
        field.append(contentsOf: message)
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

/// A WatchResponse with events, put together from bytes that were encoded before.
package enum WatchResponseBytes {
    /// Field 2, a varint.
    private static let watchIDTag: UInt8 = 2 << 3
    /// Field 7, a varint.
    private static let fragmentTag: UInt8 = 7 << 3
    /// Field 11, length and bytes.
    static let eventsTag: UInt8 = 11 << 3 | 2
    /// What watch id and fragment flag take at most.
    private static let middleBytes = 13

    /// - Parameters:
    ///   - head: the encoding of a response that has a header only.
    ///   - events: encoded fields, in order.
    package static func message(
        head: [UInt8], watch: WatchID, isFragment: Bool, events: ArraySlice<[UInt8]>
    ) -> [UInt8] {
        var message: [UInt8] = []
        message.reserveCapacity(events.reduce(head.count + middleBytes) { $0 + $1.count })
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
        return message
    }
}
