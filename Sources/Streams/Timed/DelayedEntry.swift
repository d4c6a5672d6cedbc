// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// An entry that waits for its moment.
package struct DelayedEntry: Hashable, Sendable {
    /// Names it for as long as it waits: the moment, in milliseconds of the Unix clock, and a number that no other
    /// entry of the stream has waited with.
    package let handle: StreamID
    /// Milliseconds for which the entry stays once it is there; `nil`: until it is removed.
    package let timeToLive: Int64?
    /// Names and values, in the form of `FieldList`.
    package let fields: ArraySlice<UInt8>

    init(_ handle: StreamID, _ content: [UInt8]) {
        var reader = RecordReader()
        guard let lifetime = reader.natural(content.span.bytes) else { preconditionFailure("no content of \(handle)") }
        self.handle = handle
        timeToLive = lifetime == 0 ? nil : lifetime
        fields = content[reader.offset...]
    }

    /// What stands in the queue: milliseconds to live, 0 for ever, as a varint, and the fields.
    static func content(_ fields: RawSpan, timeToLive: Int64?) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(fields.byteCount + 6)
        Varint.append(UInt64(timeToLive ?? 0), to: &bytes)
        bytes.append(copying: fields)
        return bytes
    }

    static func isContent(_ bytes: [UInt8]) -> Bool {
        var reader = RecordReader()
        guard reader.natural(bytes.span.bytes) != nil else { return false }
        return FieldList.shape(of: bytes.span.bytes.extracting(droppingFirst: reader.offset)) != nil
    }

    /// How many names and values, in pairs.
    package var pairCount: Int {
        var count = 0
        forEachText { _ in count += 1 }
        return count / 2
    }

    /// Calls `body` with names and values by turns.
    package func forEachText(_ body: (ArraySlice<UInt8>) -> Void) {
        FieldList.forEachText(in: fields, body)
    }
}
