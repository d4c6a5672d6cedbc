// SPDX-License-Identifier: Apache-2.0

// Fields as protobuf 3 writes them: what is zero or empty is left out, but for members of a choice.
extension [UInt8] {
    package mutating func append(tag field: UInt64, _ type: UInt64) {
        Varint.append(field << 3 | type, to: &self)
    }

    package mutating func append(choice field: UInt64, number: UInt64) {
        append(tag: field, 0)
        Varint.append(number, to: &self)
    }

    package mutating func append(choice field: UInt64, bytes: [UInt8]) {
        append(tag: field, 2)
        Varint.append(UInt64(bytes.count), to: &self)
        append(contentsOf: bytes)
    }

    package mutating func append(field: UInt64, number: UInt64) {
        if number != 0 { append(choice: field, number: number) }
    }

    package mutating func append(field: UInt64, signed: Int64) {
        append(field: field, number: UInt64(bitPattern: signed))
    }

    package mutating func append(field: UInt64, flag: Bool) {
        if flag { append(choice: field, number: 1) }
    }

    package mutating func append(field: UInt64, bytes: [UInt8]) {
        if !bytes.isEmpty { append(choice: field, bytes: bytes) }
    }

    package mutating func append(field: UInt64, span: RawSpan) {
        if span.isEmpty { return }
        append(tag: field, 2)
        Varint.append(UInt64(span.byteCount), to: &self)
        // The bytes are read while the span lives, and `self` does not own them.
        span.withUnsafeBytes { append(contentsOf: $0) }
    }
}

/// How many bytes fields take as protobuf 3 writes them, for numbers of fields below 16.
package enum ProtobufSize {
    package static func varint(_ number: UInt64) -> Int { Varint.length(of: number) }

    package static func field(_ number: UInt64) -> Int { number == 0 ? 0 : 1 + varint(number) }

    package static func field(_ number: Int64) -> Int { field(UInt64(bitPattern: number)) }

    package static func field(byteCount: Int) -> Int { byteCount == 0 ? 0 : choice(byteCount: byteCount) }

    /// A field that is written even if empty.
    package static func choice(byteCount: Int) -> Int { 1 + varint(UInt64(byteCount)) + byteCount }
}
