// SPDX-License-Identifier: Apache-2.0

internal import MartletBasics

/// The fields of one protobuf message that a server sent, in their order. The bytes come with each question: messages
/// stand in messages, and each of these would retain them.
struct MessageFields {
    enum Value {
        case number(UInt64)
        /// Where the content stands.
        case bytes(Range<Int>)
        /// Of a form that no field has that is read here.
        case other

        func number() throws(EtcdError) -> UInt64 {
            guard case .number(let number) = self else { throw MessageFields.malformed }
            return number
        }

        /// Where the message stands that the field holds.
        func message() throws(EtcdError) -> Range<Int> {
            guard case .bytes(let range) = self else { throw MessageFields.malformed }
            return range
        }
    }

    private var offset: Int
    private let end: Int

    init(_ range: Range<Int>) {
        offset = range.lowerBound
        end = range.upperBound
    }

    static var malformed: EtcdError { EtcdError(.other, "malformed response of a transaction") }

    /// Nil at the end of the message.
    mutating func next(_ bytes: RawSpan) throws(EtcdError) -> (number: UInt64, value: Value)? {
        guard offset < end else { return nil }
        let tag = try varint(bytes)
        guard tag >> 3 > 0 else { throw Self.malformed }
        switch tag & 7 {
        case 0: return (tag >> 3, .number(try varint(bytes)))
        case 1: try skip(8)
        case 2:
            let count = try varint(bytes)
            guard count <= UInt64(end - offset) else { throw Self.malformed }
            defer { offset += Int(count) }
            return (tag >> 3, .bytes(offset..<offset + Int(count)))
        case 5: try skip(4)
        // Groups: nothing that servers send has them.
        default: throw Self.malformed
        }
        return (tag >> 3, .other)
    }

    private mutating func varint(_ bytes: RawSpan) throws(EtcdError) -> UInt64 {
        var place = offset
        guard let number = Varint.read(bytes, at: &place), place <= end else { throw Self.malformed }
        offset = place
        return number
    }

    private mutating func skip(_ count: Int) throws(EtcdError) {
        guard count <= end - offset else { throw Self.malformed }
        offset += count
    }
}
