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
package struct RequestLayout: Sendable {
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
        self.fields = fields.map { Field(number: $0.1, name: Self.goName($0.0), form: $0.2) }
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
        var reader = WireReader(bytes)
        try check(&reader, depth: 0)
    }

    private func check(_ reader: inout WireReader, depth: Int) throws(RequestFault) {
        guard depth < Self.maximumDepth else { throw .tooDeep }
        while !reader.isAtEnd {
            let tag = try reader.varint()
            let type = UInt8(tag & 7)
            // Cut to 32 bits, as there.
            let number = Int32(truncatingIfNeeded: tag >> 3)
            if type == 4 { throw .strayGroupEnd(name: name) }
            if number <= 0 { throw .illegalTag(name: name, number: number, tag: tag) }
            guard let field = fields.first(where: { $0.number == number }) else {
                try reader.skip(type)
                continue
            }
            switch (field.form, type) {
            case (.varint, 0), (.varints, 0):
                _ = try reader.varint()
            case (.bytes, 2):
                _ = try reader.lengthDelimited()
            case (.varints, 2):
                var packed = try reader.lengthDelimited()
                while !packed.isAtEnd { _ = try packed.varint() }
            case (.message(let layout), 2):
                var inner = try reader.lengthDelimited()
                try layout().check(&inner, depth: depth + 1)
            case (.varint, _), (.bytes, _), (.varints, _), (.message, _):
                throw .wrongWireType(type, field: field.name)
            }
        }
    }
}

/// Walks over an encoded message.
private struct WireReader {
    private let bytes: [UInt8]
    private var offset: Int
    private let end: Int

    init(_ bytes: [UInt8]) {
        self.init(bytes, from: 0, to: bytes.count)
    }

    private init(_ bytes: [UInt8], from offset: Int, to end: Int) {
        self.bytes = bytes
        self.offset = offset
        self.end = end
    }

    var isAtEnd: Bool { offset == end }

    /// Ten bytes at most; bits beyond the 64th are lost.
    mutating func varint() throws(RequestFault) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            if shift >= 64 { throw .varintTooLong }
            if offset == end { throw .truncated }
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    /// The bytes behind a length, to be walked by themselves.
    mutating func lengthDelimited() throws(RequestFault) -> WireReader {
        let length = Int64(bitPattern: try varint())
        if length < 0 { throw .negativeLength }
        if length > end - offset { throw .truncated }
        defer { offset += Int(length) }
        return WireReader(bytes, from: offset, to: offset + Int(length))
    }

    private mutating func skip(byteCount: Int) throws(RequestFault) {
        if byteCount > end - offset { throw .truncated }
        offset += byteCount
    }

    /// The value of an unknown field whose tag was read. Groups may hold groups; only their count is kept.
    mutating func skip(_ type: UInt8) throws(RequestFault) {
        var type = type
        var groups = 0
        while true {
            switch type {
            case 0: _ = try varint()
            case 1: try skip(byteCount: 8)
            case 2: _ = try lengthDelimited()
            case 3: groups += 1
            case 4:
                if groups == 0 { throw .unexpectedGroupEnd }
                groups -= 1
            case 5: try skip(byteCount: 4)
            default: throw .illegalWireType(type)
            }
            if groups == 0 { return }
            type = UInt8(try varint() & 7)
        }
    }
}
