// SPDX-License-Identifier: Apache-2.0

// Fields as protobuf 3 writes them: what is zero or empty is left out, but for members of a choice.
extension [UInt8] {
    public mutating func append(tag field: UInt64, _ type: UInt64) {
        Varint.append(field << 3 | type, to: &self)
    }

    public mutating func append(choice field: UInt64, number: UInt64) {
        append(tag: field, 0)
        Varint.append(number, to: &self)
    }

    public mutating func append(choice field: UInt64, bytes: [UInt8]) {
        append(tag: field, 2)
        Varint.append(UInt64(bytes.count), to: &self)
        append(contentsOf: bytes)
    }

    /// Adds a message that `encode` writes where it belongs, without a buffer of its own. Its content moves by some
    /// bytes if it is longer than 127.
    public mutating func append(choice field: UInt64, _ encode: (inout [UInt8]) -> Void) {
        append(tag: field, 2)
        append(0)
        let begin = count
        encode(&self)
        let length = count - begin
        if length < 0x80 {
            self[begin - 1] = UInt8(length)
        } else {
            var word: [UInt8] = []
            Varint.append(UInt64(length), to: &word)
            replaceSubrange(begin - 1..<begin, with: word)
        }
    }

    public mutating func append(field: UInt64, number: UInt64) {
        if number != 0 { append(choice: field, number: number) }
    }

    public mutating func append(field: UInt64, signed: Int64) {
        append(field: field, number: UInt64(bitPattern: signed))
    }

    public mutating func append(field: UInt64, flag: Bool) {
        if flag { append(choice: field, number: 1) }
    }

    public mutating func append(field: UInt64, bytes: [UInt8]) {
        if !bytes.isEmpty { append(choice: field, bytes: bytes) }
    }

    public mutating func append(field: UInt64, span: RawSpan) {
        if span.isEmpty { return }
        append(tag: field, 2)
        Varint.append(UInt64(span.byteCount), to: &self)
        append(copying: span)
    }
}

/// How many bytes fields take as protobuf 3 writes them, for numbers of fields below 16.
public enum ProtobufSize {
    public static func varint(_ number: UInt64) -> Int { Varint.length(of: number) }

    public static func field(_ number: UInt64) -> Int { number == 0 ? 0 : 1 + varint(number) }

    public static func field(_ number: Int64) -> Int { field(UInt64(bitPattern: number)) }

    public static func field(byteCount: Int) -> Int { byteCount == 0 ? 0 : choice(byteCount: byteCount) }

    /// A field that is written even if empty.
    public static func choice(byteCount: Int) -> Int { 1 + varint(UInt64(byteCount)) + byteCount }
}
