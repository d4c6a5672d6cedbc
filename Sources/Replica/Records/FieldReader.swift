// SPDX-License-Identifier: Apache-2.0

public import MartletKeyspace

/// Why bytes are no record or no request.
public enum RecordError: Error, Hashable, Sendable {
    /// Cut short, a number too long, a field of another kind than it must be, no text where there must be some.
    case malformed
    /// Transactions inside transactions beyond `RequestDecoder.depthMax`.
    case tooDeep
    /// A record that holds no request, or more than one.
    case ambiguous
    /// A request, by its field number, that this version can't apply.
    case unknownRequest(UInt64)
    /// An operation on streams that makes no sense, whatever the state is.
    case senseless(StreamRefusal)
}

/// Reads the fields of one protobuf message in a part of some bytes.
///
/// As lenient as etcd's decoder: bits of a number beyond the 64th are lost, fields of unknown numbers are skipped,
/// groups included.
struct FieldReader {
    enum Value {
        case number(UInt64)
        /// Where the content stands.
        case bytes(Range<Int>)
        /// Of a form that no field of ours has.
        case other

        func number() throws(RecordError) -> UInt64 {
            guard case .number(let value) = self else { throw .malformed }
            return value
        }

        func signed() throws(RecordError) -> Int64 { Int64(bitPattern: try number()) }

        func flag() throws(RecordError) -> Bool { try number() != 0 }

        func range() throws(RecordError) -> Range<Int> {
            guard case .bytes(let range) = self else { throw .malformed }
            return range
        }
    }

    let bytes: [UInt8]
    private var next: Int
    /// Behind the last field.
    var offset: Int { next }
    private let end: Int

    init(_ bytes: [UInt8]) {
        self.init(bytes, 0..<bytes.count)
    }

    /// Traps if `range` is not inside `bytes`: ranges come from a reader that has checked them.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "range \(range) of \(bytes.count) bytes")
        self.bytes = bytes
        next = range.lowerBound
        end = range.upperBound
    }

    /// Nil at the end of the message.
    mutating func field() throws(RecordError) -> (number: UInt64, value: Value)? {
        guard next < end else { return nil }
        let tag = try varint()
        let number = tag >> 3
        // Protobuf's field numbers have 29 bits.
        guard number > 0, number < 1 << 29 else { throw .malformed }
        switch tag & 7 {
        case 0: return (number, .number(try varint()))
        case 2: return (number, .bytes(try delimited()))
        default:
            try skip(tag & 7)
            return (number, .other)
        }
    }

    func array(_ value: Value) throws(RecordError) -> [UInt8] {
        Array(bytes[try value.range()])
    }

    func text(_ value: Value) throws(RecordError) -> String {
        guard let text = String(validating: bytes[try value.range()], as: UTF8.self) else { throw .malformed }
        return text
    }

    private mutating func varint() throws(RecordError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while next < end, shift < 64 {
            let byte = bytes[next]
            next += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw .malformed
    }

    private mutating func delimited() throws(RecordError) -> Range<Int> {
        let count = try varint()
        guard count <= UInt64(end - next) else { throw .malformed }
        defer { next += Int(count) }
        return next..<next + Int(count)
    }

    /// Groups may hold groups; only how many are open is kept.
    private mutating func skip(_ type: UInt64) throws(RecordError) {
        var type = type
        var groups = 0
        while true {
            switch type {
            case 0: _ = try varint()
            case 1: try skip(byteCount: 8)
            case 2: _ = try delimited()
            case 3: groups += 1
            case 4:
                groups -= 1
                if groups < 0 { throw .malformed }
            case 5: try skip(byteCount: 4)
            default: throw .malformed
            }
            if groups == 0 { return }
            type = try varint() & 7
        }
    }

    private mutating func skip(byteCount: Int) throws(RecordError) {
        guard byteCount <= end - next else { throw .malformed }
        next += byteCount
    }
}
