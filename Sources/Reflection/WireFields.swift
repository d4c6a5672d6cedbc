// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The bytes of one value of a field, without its tag and, of what is counted, without its length.
struct WireField {
    let number: UInt64
    let type: WireType
    let content: ArraySlice<UInt8>
}

/// Takes the bytes of a message apart. Time O(bytes); groups have a limit of depth.
struct WireFields {
    private static let depthLimit = 100

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { self.rest = bytes }

    /// The next field; `nil` behind the last one.
    mutating func next() throws(TranscodingError) -> WireField? {
        guard !self.rest.isEmpty else { return nil }
        return try self.field(depth: 0)
    }

    /// The next varint of packed values; `nil` behind the last one.
    mutating func nextVarint() throws(TranscodingError) -> UInt64? {
        self.rest.isEmpty ? nil : try self.varint()
    }

    private mutating func field(depth: Int) throws(TranscodingError) -> WireField {
        let tag = try self.varint()
        guard let type = WireType(rawValue: tag & 7), tag >> 3 > 0, depth < Self.depthLimit else {
            throw Self.malformed
        }
        let number = tag >> 3
        switch type {
        case .varint:
            let start = self.rest.startIndex
            let all = self.rest
            _ = try self.varint()
            return WireField(number: number, type: type, content: all[start..<self.rest.startIndex])
        case .eightBytes: return WireField(number: number, type: type, content: try self.take(8))
        case .fourBytes: return WireField(number: number, type: type, content: try self.take(4))
        case .lengthDelimited:
            let count = try self.varint()
            guard count <= UInt64(self.rest.count) else { throw Self.malformed }
            return WireField(number: number, type: type, content: try self.take(Int(count)))
        case .startGroup:
            let all = self.rest
            while true {
                let end = self.rest.startIndex
                let inner = try self.field(depth: depth + 1)
                guard inner.type == .endGroup else { continue }
                guard inner.number == number else { throw Self.malformed }
                return WireField(number: number, type: type, content: all[all.startIndex..<end])
            }
        case .endGroup:
            // Only the group that it ends may meet it.
            guard depth > 0 else { throw Self.malformed }
            return WireField(number: number, type: type, content: [])
        }
    }

    private mutating func take(_ count: Int) throws(TranscodingError) -> ArraySlice<UInt8> {
        guard count <= self.rest.count else { throw Self.malformed }
        defer { self.rest = self.rest.dropFirst(count) }
        return self.rest.prefix(count)
    }

    private mutating func varint() throws(TranscodingError) -> UInt64 {
        var offset = 0
        guard let number = Varint.read(self.rest.span.bytes, at: &offset) else { throw Self.malformed }
        self.rest = self.rest.dropFirst(offset)
        return number
    }

    static var malformed: TranscodingError { TranscodingError("the bytes are no protobuf message") }
}
