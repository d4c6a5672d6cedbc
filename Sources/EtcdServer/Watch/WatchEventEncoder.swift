// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
package import MartletKeyValue
import SwiftProtobuf

/// Encodes events as the `events` field (number 11) of a WatchResponse, each only once for all its watchers.
///
/// An event is known by its revision and by whether the version before it goes along.
package struct WatchEventEncoder {
    private struct Identity: Hashable {
        var revision: Revision
        var hasPrevious: Bool
    }

    private var encoded: [Identity: [UInt8]] = [:]

    package init() {}

    /// Field tag, length and message of `event`; what a WatchResponse's encoding ends with.
    package mutating func field(for event: WatchEvent) throws -> [UInt8] {
        let identity = Identity(revision: event.revision, hasPrevious: event.previous != nil)
        if let field = encoded[identity] { return field }
        let message: [UInt8] = try Mvccpb_Event(event).serializedBytes()
        var field: [UInt8] = [Self.eventsTag]
        field.reserveCapacity(message.count + 6)
        Self.appendVarint(UInt64(message.count), to: &field)
        field.append(contentsOf: message)
        encoded[identity] = field
        return field
    }

    /// Field 11 with wire type 2 (length and bytes).
    private static let eventsTag: UInt8 = 11 << 3 | 2

    private static func appendVarint(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
