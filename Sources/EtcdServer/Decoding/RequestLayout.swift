// SPDX-License-Identifier: Apache-2.0

package import SwiftProtobuf

/// A message that clients send to a member.
package protocol EtcdRequest: Message {
    static var layout: RequestLayout { get }
}

/// Which fields a message has on the wire, and how they are written there.
///
/// Protobuf lets a decoder treat a known field of an unexpected wire type as an unknown one; ours does, and so a put
/// with a lease of the wrong kind would be a put without lease. etcd refuses it. Hence a look at each request before it
/// is decoded: one pass over its tags, values skipped.
///
/// A class, for each message names those inside it: each look at one as a value would retain all that it holds.
package final class RequestLayout: Sendable {
    package enum Form: Sendable {
        case varint
        case bytes
        /// Repeated numbers: one by one, or packed into bytes.
        case varints
        case message(@Sendable () -> RequestLayout)
    }

    package struct Field: Sendable {
        package let number: Int32
        /// As Go spells it.
        package let name: String
        package let form: Form
    }

    package let name: String
    package let fields: [Field]

    /// - Parameter fields: names as in the proto file, with numbers and forms.
    init(_ name: String, _ fields: [(String, Int32, Form)] = []) {
        self.name = name
        self.fields = fields.map { Field(number: $0.1, name: RequestLayout.goName($0.0), form: $0.2) }
    }

    /// `range_end` is `RangeEnd`.
    private static func goName(_ name: String) -> String {
        name.split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// Messages inside messages. A transaction inside another is two deeper, and 127 of them fit the operations that
    /// one transaction may have.
    static let maximumDepth = 300

    /// Complexity: O(fields of the message), however long they are.
    package func check(_ bytes: [UInt8]) throws(RequestFault) {
        try check(bytes.span.bytes, 0..<bytes.count, depth: 0)
    }

    private func check(_ bytes: RawSpan, _ range: Range<Int>, depth: Int) throws(RequestFault) {
        guard depth < Self.maximumDepth else { throw .tooDeep }
        var reader = WireReader(range)
        while !reader.isAtEnd {
            let tag = try reader.varint(bytes)
            let type = UInt8(tag & 7)
            // Cut to 32 bits, as there.
            let number = Int32(truncatingIfNeeded: tag >> 3)
            if type == 4 { throw .strayGroupEnd(name: name) }
            if number <= 0 { throw .illegalTag(name: name, number: number, tag: tag) }
            // By its place: a copy of the field would retain its name for each that comes.
            guard let place = place(of: number) else {
                try reader.skip(type, bytes)
                continue
            }
            switch (fields[place].form, type) {
            case (.varint, 0), (.varints, 0):
                _ = try reader.varint(bytes)
            case (.bytes, 2):
                _ = try reader.lengthDelimited(bytes)
            case (.varints, 2):
                var packed = WireReader(try reader.lengthDelimited(bytes))
                while !packed.isAtEnd { _ = try packed.varint(bytes) }
            case (.message(let layout), 2):
                try layout().check(bytes, reader.lengthDelimited(bytes), depth: depth + 1)
            case (.varint, _), (.bytes, _), (.varints, _), (.message, _):
                throw .wrongWireType(type, field: fields[place].name)
            }
        }
    }

    /// Where a field stands in `fields`. Few messages have more than a handful.
    private func place(of number: Int32) -> Int? {
        var place = 0
        while place < fields.count {
            if fields[place].number == number { return place }
            place += 1
        }
        return nil
    }
}

/// Walks over an encoded message. The bytes come with each question: a walker that held them would retain them, and one
/// walks over each message inside.
private struct WireReader {
    private var offset: Int
    private let end: Int

    init(_ range: Range<Int>) {
        offset = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { offset == end }

    /// Ten bytes at most; bits beyond the 64th are lost.
    mutating func varint(_ bytes: RawSpan) throws(RequestFault) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            if shift >= 64 { throw .varintTooLong }
            if offset == end { throw .truncated }
            let byte = bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
            offset += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    /// Where the bytes behind a length stand.
    mutating func lengthDelimited(_ bytes: RawSpan) throws(RequestFault) -> Range<Int> {
        let length = Int64(bitPattern: try varint(bytes))
        if length < 0 { throw .negativeLength }
        if length > end - offset { throw .truncated }
        defer { offset += Int(length) }
        return offset..<offset + Int(length)
    }

    private mutating func skip(byteCount: Int) throws(RequestFault) {
        if byteCount > end - offset { throw .truncated }
        offset += byteCount
    }

    /// The value of an unknown field whose tag was read. Groups may hold groups; only their count is kept.
    mutating func skip(_ type: UInt8, _ bytes: RawSpan) throws(RequestFault) {
        var type = type
        var groups = 0
        while true {
            switch type {
            case 0: _ = try varint(bytes)
            case 1: try skip(byteCount: 8)
            case 2: _ = try lengthDelimited(bytes)
            case 3: groups += 1
            case 4:
                if groups == 0 { throw .unexpectedGroupEnd }
                groups -= 1
            case 5: try skip(byteCount: 4)
            default: throw .illegalWireType(type)
            }
            if groups == 0 { return }
            type = UInt8(try varint(bytes) & 7)
        }
    }
}
