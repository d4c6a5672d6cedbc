// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Goes through the fields of one protobuf message. Depth is the caller's: a nested message comes as its bytes.
struct ProtobufFields {
    enum Value {
        case varint(UInt64)
        case bytes(ArraySlice<UInt8>)
        /// Of fixed length, or a group: etcd's stored messages have none.
        case other
    }

    private let bytes: ArraySlice<UInt8>
    private let bucket: BackendBucket
    private let revision: Revision?
    private var position: Int

    /// Bucket and revision stand in errors only.
    init(_ bytes: ArraySlice<UInt8>, in bucket: BackendBucket, of revision: Revision? = nil) {
        self.bytes = bytes
        self.bucket = bucket
        self.revision = revision
        position = bytes.startIndex
    }

    /// The next field, or nil at the end. Errors: a message that breaks off or has a field without a known shape.
    mutating func next() throws(EtcdSnapshotError) -> (number: UInt64, value: Value)? {
        guard position < bytes.endIndex else { return nil }
        let tag = try varint()
        guard tag >> 3 != 0 else { throw breakOff }
        switch tag & 7 {
        case 0:
            return (tag >> 3, .varint(try varint()))
        case 1:
            try skip(8)
            return (tag >> 3, .other)
        case 2:
            let start = try skipLength()
            return (tag >> 3, .bytes(bytes[start..<position]))
        case 5:
            try skip(4)
            return (tag >> 3, .other)
        default:
            throw breakOff
        }
    }

    private mutating func varint() throws(EtcdSnapshotError) -> UInt64 {
        var result: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard position < bytes.endIndex else { throw breakOff }
            let byte = bytes[position]
            position += 1
            result |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return result }
        }
        throw breakOff
    }

    /// Passes a field with its length before it; the answer is where its content begins.
    private mutating func skipLength() throws(EtcdSnapshotError) -> Int {
        let length = try varint()
        guard length <= UInt64(bytes.endIndex - position) else { throw breakOff }
        let start = position
        position += Int(length)
        return start
    }

    private mutating func skip(_ count: Int) throws(EtcdSnapshotError) {
        guard count <= bytes.endIndex - position else { throw breakOff }
        position += count
    }

    private var breakOff: EtcdSnapshotError { error("is no whole message") }

    /// What a field throws that is not of its type.
    func wrongType(_ number: UInt64) -> EtcdSnapshotError { error("has another type in field \(number)") }

    private func error(_ reason: String) -> EtcdSnapshotError {
        let place = revision.map { " of revision \($0)" } ?? ""
        return EtcdSnapshotError(.damaged, "bucket \(bucket.rawValue): an entry\(place) \(reason)")
    }
}

extension Array<UInt8> {
    mutating func append(varint number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }

    /// Left out if it is zero.
    mutating func append(field number: UInt64, _ value: Int64) {
        guard value != 0 else { return }
        append(varint: number << 3)
        append(varint: UInt64(bitPattern: value))
    }

    /// Left out if it is empty.
    mutating func append(field number: UInt64, _ value: [UInt8]) {
        guard !value.isEmpty else { return }
        append(always: number, value)
    }

    mutating func append(always number: UInt64, _ value: [UInt8]) {
        append(varint: number << 3 | 2)
        append(varint: UInt64(value.count))
        append(contentsOf: value)
    }
}

/// Bytes that `append(varint:)` adds.
func varintLength(_ number: UInt64) -> Int {
    (70 - (number | 1).leadingZeroBitCount) / 7
}
