// SPDX-License-Identifier: Apache-2.0

/// How a protobuf field is laid out after its tag. The log uses these two.
enum ProtoWire {
    static let varint: UInt8 = 0
    static let bytes: UInt8 = 2

    /// Bytes of a number in base 128.
    static func width(_ value: UInt64) -> Int {
        // 64 - leadingZeroBitCount bits at seven a byte; 0 takes one byte.
        max(1, (70 - value.leadingZeroBitCount) / 7)
    }
}

extension LogBytes {
    mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    /// A number field. All fields of the log's messages are below 16, so a tag is one byte.
    mutating func append(field: UInt8, varint value: UInt64) {
        append(field << 3 | ProtoWire.varint)
        append(varint: value)
    }

    mutating func append(field: UInt8, bytes: RawSpan) {
        append(field << 3 | ProtoWire.bytes)
        append(varint: UInt64(bytes.byteCount))
        append(bytes)
    }
}
