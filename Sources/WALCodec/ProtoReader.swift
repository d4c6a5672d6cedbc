// SPDX-License-Identifier: Apache-2.0

/// Reads the fields of one protobuf message in a part of some bytes, and refuses what is not well formed.
struct ProtoReader {
    /// The message is not what its type says.
    struct Malformed: Error {}

    enum Value {
        case varint(UInt64)
        /// Where the field's content stands.
        case bytes(Range<Int>)

        func number() throws(Malformed) -> UInt64 {
            guard case .varint(let value) = self else { throw Malformed() }
            return value
        }

        func range() throws(Malformed) -> Range<Int> {
            guard case .bytes(let range) = self else { throw Malformed() }
            return range
        }
    }

    private let bytes: [UInt8]
    private(set) var next: Int
    private let end: Int

    /// Traps if `range` is not inside `bytes`: ranges come from a decoder that has checked them.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "range \(range) of \(bytes.count) bytes")
        self.bytes = bytes
        next = range.lowerBound
        end = range.upperBound
    }

    /// Nil at the end of the message.
    mutating func field() throws(Malformed) -> (number: UInt64, value: Value)? {
        guard next < end else { return nil }
        let tag = try varint()
        switch UInt8(tag & 7) {
        case ProtoWire.varint: return (tag >> 3, .varint(try varint()))
        case ProtoWire.bytes:
            let count = try varint()
            guard count <= UInt64(end - next) else { throw Malformed() }
            let range = next..<next + Int(count)
            next = range.upperBound
            return (tag >> 3, .bytes(range))
        default: throw Malformed()
        }
    }

    /// A number in base 128 of at most ten bytes.
    mutating func varint() throws(Malformed) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while next < end {
            let byte = bytes[next]
            next += 1
            if shift == 63, byte > 1 { throw Malformed() }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
            if shift > 63 { throw Malformed() }
        }
        throw Malformed()
    }

    var isAtEnd: Bool { next == end }
}
