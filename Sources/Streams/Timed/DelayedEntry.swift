// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// An entry that waits for its moment.
public struct DelayedEntry: Hashable, Sendable {
    /// Names it for as long as it waits: the moment, in milliseconds of the Unix clock, and a number that no other
    /// entry of the stream has waited with.
    public let handle: StreamID
    /// Milliseconds for which the entry stays once it is there; `nil`: until it is removed.
    public let timeToLive: Int64?
    public let priority: EntryPriority
    /// Names and values, in the form of `FieldList`.
    public let fields: ArraySlice<UInt8>

    init(_ handle: StreamID, _ content: ArraySlice<UInt8>) {
        var reader = RecordReader()
        guard let (lifetime, priority) = Self.head(&reader, content.span.bytes) else {
            preconditionFailure("no content of \(handle)")
        }
        self.handle = handle
        self.priority = priority
        timeToLive = lifetime == 0 ? nil : lifetime
        fields = content.dropFirst(reader.offset)
    }

    /// Bits of the milliseconds in what stands in front of the fields: more than any time to live has.
    private static let priorityShift: UInt64 = 48

    /// What stands in the queue: milliseconds to live, 0 for ever, and above their 48 bits the priority, as a varint;
    /// and the fields.
    static func content(_ fields: RawSpan, timeToLive: Int64?, priority: EntryPriority = .normal) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(fields.byteCount + 6)
        Varint.append(UInt64(timeToLive ?? 0) | UInt64(priority.rawValue) << priorityShift, to: &bytes)
        bytes.append(copying: fields)
        return bytes
    }

    static func isContent(_ bytes: RawSpan) -> Bool {
        var reader = RecordReader()
        guard head(&reader, bytes) != nil else { return false }
        return FieldList.shape(of: bytes.extracting(droppingFirst: reader.offset)) != nil
    }

    private static func head(
        _ reader: inout RecordReader, _ bytes: RawSpan
    ) -> (lifetime: Int64, priority: EntryPriority)? {
        guard let number = reader.number(bytes), let rank = UInt8(exactly: number >> priorityShift),
            let priority = EntryPriority(rawValue: rank)
        else { return nil }
        return (Int64(number & (1 << priorityShift - 1)), priority)
    }

    /// How many names and values, in pairs.
    public var pairCount: Int {
        var count = 0
        forEachText { _ in count += 1 }
        return count / 2
    }

    /// Calls `body` with names and values by turns.
    public func forEachText(_ body: (ArraySlice<UInt8>) -> Void) {
        FieldList.forEachText(in: fields, body)
    }
}
