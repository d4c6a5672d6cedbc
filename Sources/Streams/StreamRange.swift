// SPDX-License-Identifier: Apache-2.0

/// IDs from `lower` to `upper`, both included. Empty where `lower` is above `upper`.
public struct StreamRange: Hashable, Sendable {
    public var lower: StreamID
    public var upper: StreamID

    public init(_ lower: StreamID, _ upper: StreamID) {
        self.lower = lower
        self.upper = upper
    }

    public static var all: StreamRange { StreamRange(.zero, .max) }

    /// What lies behind `id`; `nil`: nothing can.
    public static func after(_ id: StreamID) -> StreamRange? {
        id.successor.map { StreamRange($0, .max) }
    }

    public var isEmpty: Bool { upper < lower }
    public func contains(_ id: StreamID) -> Bool { lower <= id && id <= upper }
}

// MARK: Text

extension StreamRange {
    /// - Throws: `invalidID`, `invalidRangeStart`, `invalidRangeEnd`.
    public init(start: RawSpan, end: RawSpan) throws(StreamError) {
        lower = try Self.start(start)
        upper = try Self.end(end)
    }

    /// The lower bound as clients write it: an ID, `-`, `+`, or an ID behind a parenthesis, which is excluded. Without
    /// a sequence the bound is the first ID of its millisecond.
    public static func start(_ text: RawSpan) throws(StreamError) -> StreamID {
        let (id, isExcluded) = try bound(text, missingSequence: 0)
        if !isExcluded { return id }
        guard let next = id.successor else { throw .invalidRangeStart }
        return next
    }

    /// As `start`; without a sequence the bound is the last ID of its millisecond.
    public static func end(_ text: RawSpan) throws(StreamError) -> StreamID {
        let (id, isExcluded) = try bound(text, missingSequence: .max)
        if !isExcluded { return id }
        guard let previous = id.predecessor else { throw .invalidRangeEnd }
        return previous
    }

    private static func bound(
        _ text: RawSpan, missingSequence: UInt64
    ) throws(StreamError) -> (id: StreamID, isExcluded: Bool) {
        guard text.byteCount > 0 else { throw .invalidID }
        let first = text.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
        if text.byteCount == 1 {
            if first == UInt8(ascii: "-") { return (.zero, false) }
            if first == UInt8(ascii: "+") { return (.max, false) }
        }
        let isExcluded = first == UInt8(ascii: "(")
        let rest = text.extracting(droppingFirst: isExcluded ? 1 : 0)
        guard let id = StreamID(text: rest, missingSequence: missingSequence) else { throw .invalidID }
        return (id, isExcluded)
    }
}
