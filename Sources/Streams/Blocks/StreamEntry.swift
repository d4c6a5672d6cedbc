// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// One entry of a stream, where it stands: shares the memory of its block.
public struct StreamEntry: Sendable {
    public let id: StreamID
    private let block: EntryBlock
    private let content: Int
    private let hasMasterNames: Bool
    public let priority: EntryPriority

    init(_ cursor: EntryCursor, in block: EntryBlock) {
        id = cursor.id
        self.block = block
        content = cursor.content
        hasMasterNames = cursor.flags & EntryFlags.masterNames != 0
        priority = cursor.priority
    }

    /// How many names and values, in pairs.
    public var pairCount: Int {
        var offset = hasMasterNames ? EntryBlock.fixedBytes : content
        return Self.count(in: block.bytes.span.bytes, at: &offset)
    }

    /// Calls `body` with names and values in their order.
    public func forEachField<Failure: Error>(
        _ body: (StreamText, StreamText) throws(Failure) -> Void
    ) throws(Failure) {
        let span = block.bytes.span.bytes
        var master = EntryBlock.fixedBytes
        var offset = content
        let count = hasMasterNames ? Self.count(in: span, at: &master) : Self.count(in: span, at: &offset)
        for _ in 0..<count {
            let name: StreamText
            if hasMasterNames {
                name = StreamText(block.bytes, EntryBlock.text(in: span, at: &master))
            } else {
                name = StreamText(block.bytes, Self.place(in: span, at: &offset))
            }
            try body(name, StreamText(block.bytes, Self.place(in: span, at: &offset)))
        }
    }

    /// Calls `body` with names and values by turns, numbers written out: the bytes where they stand, without a
    /// reference to the block for each.
    public func forEachText(_ body: (RawSpan) -> Void) {
        let span = block.bytes.span.bytes
        var master = EntryBlock.fixedBytes
        var offset = content
        let count = hasMasterNames ? Self.count(in: span, at: &master) : Self.count(in: span, at: &offset)
        for _ in 0..<count {
            if hasMasterNames {
                let name = EntryBlock.text(in: span, at: &master)
                body(span.extracting(name))
            } else {
                Self.write(Self.place(in: span, at: &offset), in: span, body)
            }
            Self.write(Self.place(in: span, at: &offset), in: span, body)
        }
    }

    private static func write(_ place: PackedText.Place, in span: RawSpan, _ body: (RawSpan) -> Void) {
        guard let number = place.integer else {
            return body(span.extracting(place.offset..<place.offset + place.count))
        }
        // The longest has nineteen digits and a sign.
        var digits = InlineArray<20, UInt8>(repeating: 0)
        let begin = PackedText.writeDecimal(number, into: &digits)
        body(digits.span.bytes.extracting(begin..<20))
    }

    /// Whether it has a field of this name and value. Complexity: O(its bytes).
    public func has(_ name: [UInt8], _ value: [UInt8]) -> Bool {
        var isFound = false
        forEachField { if !isFound { isFound = $0.isSame(name) && $1.isSame(value) } }
        return isFound
    }

    /// The value of the first field of this name.
    public func value(of name: [UInt8]) -> [UInt8]? {
        var value: [UInt8]?
        forEachField { if value == nil, $0.isSame(name) { value = $1.array } }
        return value
    }

    /// Copies of names and values.
    public var fields: [(name: [UInt8], value: [UInt8])] {
        var fields: [(name: [UInt8], value: [UInt8])] = []
        forEachField { fields.append(($0.array, $1.array)) }
        return fields
    }

    /// Names and values in the form in which a stream takes them.
    public var fieldList: FieldList {
        var list = FieldList()
        forEachField { list.append(name: $0.array.span.bytes, value: $1.array.span.bytes) }
        return list
    }

    private static func count(in bytes: RawSpan, at offset: inout Int) -> Int {
        guard let count = Varint.read(bytes, at: &offset) else { preconditionFailure("no count at \(offset)") }
        return Int(count)
    }

    private static func place(in bytes: RawSpan, at offset: inout Int) -> PackedText.Place {
        guard let place = PackedText.place(in: bytes, at: offset) else { preconditionFailure("no text at \(offset)") }
        offset = place.end
        return place
    }
}

/// A name or a value of an entry, where it stands.
public enum StreamText: Sendable {
    case integer(Int64)
    case text(ArraySlice<UInt8>)

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self = .text(bytes[range])
    }

    init(_ bytes: [UInt8], _ place: PackedText.Place) {
        if let integer = place.integer {
            self = .integer(integer)
        } else {
            self = .text(bytes[place.offset..<place.offset + place.count])
        }
    }

    /// Bytes that `append` adds.
    public var count: Int {
        switch self {
        case .integer(let number): PackedText.decimalCount(number)
        case .text(let slice): slice.count
        }
    }

    /// Whether it is this text.
    func isSame(_ text: [UInt8]) -> Bool {
        switch self {
        case .integer: count == text.count && array == text
        case .text(let slice): slice.elementsEqual(text)
        }
    }

    public func append(to bytes: inout [UInt8]) {
        switch self {
        case .integer(let number): PackedText.appendDecimal(number, to: &bytes)
        case .text(let slice): bytes.append(contentsOf: slice)
        }
    }

    /// A copy.
    public var array: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }
}
