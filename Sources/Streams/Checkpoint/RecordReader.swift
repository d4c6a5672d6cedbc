// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Reads the numbers and texts of a record one after another; `nil` where the bytes end or say something impossible.
struct RecordReader {
    private(set) var offset = 0

    mutating func number(_ bytes: RawSpan) -> UInt64? { Varint.read(bytes, at: &offset) }

    mutating func signed(_ bytes: RawSpan) -> Int64? { Varint.readSigned(bytes, at: &offset) }

    /// A number that is neither negative nor above what an `Int64` holds.
    mutating func natural(_ bytes: RawSpan) -> Int64? { number(bytes).flatMap { Int64(exactly: $0) } }

    mutating func count(_ bytes: RawSpan) -> Int? { number(bytes).flatMap { Int(exactly: $0) } }

    mutating func id(_ bytes: RawSpan) -> StreamID? {
        guard let milliseconds = number(bytes), let sequence = number(bytes) else { return nil }
        return StreamID(milliseconds, sequence)
    }

    mutating func text(_ bytes: RawSpan) -> [UInt8]? {
        textRange(bytes).map { [UInt8](copying: bytes.extracting($0)) }
    }

    /// Where a text stands.
    mutating func textRange(_ bytes: RawSpan) -> Range<Int>? {
        guard let count = FieldList.length(in: bytes, at: &offset) else { return nil }
        defer { offset += count }
        return offset..<offset + count
    }

    func isAtEnd(of bytes: RawSpan) -> Bool { offset == bytes.byteCount }
}

extension [UInt8] {
    mutating func append(_ id: StreamID) {
        Varint.append(id.milliseconds, to: &self)
        Varint.append(id.sequence, to: &self)
    }

    mutating func append(text: [UInt8]) {
        append(text: text.span.bytes)
    }

    mutating func append(text: RawSpan) {
        Varint.append(UInt64(text.byteCount), to: &self)
        append(copying: text)
    }
}
