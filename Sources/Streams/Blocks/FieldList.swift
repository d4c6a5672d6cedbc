// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Names and values of one entry on their way into a stream: name, value, name, value …, each as its length, a varint,
/// and its bytes. Order and duplicates count. Log records hold the same bytes.
public struct FieldList: Hashable, Sendable {
    /// Names and values of one entry take at most this many bytes.
    /// Source: Redis refuses more than 1 GiB.
    public static let maximumContentBytes = 1 << 30

    public private(set) var bytes: [UInt8] = []
    public private(set) var pairCount = 0

    public init() {}

    public init(_ pairs: [(name: [UInt8], value: [UInt8])]) {
        for pair in pairs { append(name: pair.name.span.bytes, value: pair.value.span.bytes) }
    }

    public mutating func append(name: RawSpan, value: RawSpan) {
        append(name)
        append(value)
        pairCount += 1
    }

    private mutating func append(_ text: RawSpan) {
        Varint.append(UInt64(text.byteCount), to: &bytes)
        bytes.append(copying: text)
    }

    /// What packed names and values say about themselves.
    public struct Shape: Hashable, Sendable {
        public var pairCount: Int
        /// Of names and values alone.
        public var contentBytes: Int

        public init(pairCount: Int, contentBytes: Int) {
            self.pairCount = pairCount
            self.contentBytes = contentBytes
        }
    }

    /// - Returns: `nil` where the bytes are not in the form above, or hold no pair.
    public static func shape(of bytes: RawSpan) -> Shape? {
        var offset = 0
        var texts = 0
        var content = 0
        while offset < bytes.byteCount {
            guard let count = length(in: bytes, at: &offset) else { return nil }
            offset += count
            content += count
            texts += 1
        }
        return texts > 0 && texts & 1 == 0 ? Shape(pairCount: texts / 2, contentBytes: content) : nil
    }

    /// Calls `body` with names and values by turns.
    public static func forEachText(in fields: ArraySlice<UInt8>, _ body: (ArraySlice<UInt8>) -> Void) {
        let bytes = fields.span.bytes
        var offset = 0
        while offset < bytes.byteCount {
            guard let count = length(in: bytes, at: &offset) else { preconditionFailure("fields are not packed") }
            body(fields[fields.startIndex + offset..<fields.startIndex + offset + count])
            offset += count
        }
    }

    /// The length of the text at `offset`, which then moves to its first byte.
    @inline(__always)
    static func length(in bytes: RawSpan, at offset: inout Int) -> Int? {
        guard let length = Varint.read(bytes, at: &offset), let count = Int(exactly: length),
            count <= bytes.byteCount - offset
        else { return nil }
        return count
    }
}
