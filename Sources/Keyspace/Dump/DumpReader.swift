// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

/// Reads the numbers and texts of a dump one after another. Nothing is believed: counts are only bounds for loops that
/// end where the bytes do.
struct DumpReader {
    private let bytes: ArraySlice<UInt8>
    private var place: Int
    private var expandedBytes = 0

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        place = bytes.startIndex
    }

    var remaining: ArraySlice<UInt8> { bytes[place...] }

    mutating func byte() throws(DumpError) -> UInt8 { try slice(1).first! }

    mutating func slice(_ count: UInt64) throws(DumpError) -> ArraySlice<UInt8> {
        guard count <= UInt64(bytes.endIndex - place) else { throw .badFormat }
        defer { place += Int(count) }
        return bytes[place..<place + Int(count)]
    }

    /// A number of so many bytes, the lowest first.
    mutating func little(_ width: Int) throws(DumpError) -> UInt64 {
        try slice(UInt64(width)).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// As above, the highest first.
    mutating func big(_ width: Int) throws(DumpError) -> UInt64 {
        try slice(UInt64(width)).reduce(0) { $0 << 8 | UInt64($1) }
    }

    private enum Length {
        case number(UInt64)
        /// What follows is no text of this length.
        case special(UInt8)
    }

    /// Two bits say how: 6 bits; 14 bits, the highest first; 32 or 64 bits, likewise; or something special.
    private mutating func lengthOrSpecial() throws(DumpError) -> Length {
        let first = try byte()
        switch first >> 6 {
        case 0: return .number(UInt64(first & 63))
        case 1: return .number(UInt64(first & 63) << 8 | UInt64(try byte()))
        case 2:
            if first == 0x80 { return .number(try big(4)) }
            if first == 0x81 { return .number(try big(8)) }
            throw .badFormat
        default: return .special(first & 63)
        }
    }

    mutating func length() throws(DumpError) -> UInt64 {
        guard case .number(let number) = try lengthOrSpecial() else { throw .badFormat }
        return number
    }

    /// The count of things that follow, each of which takes a byte at least.
    mutating func count() throws(DumpError) -> Int {
        let number = try length()
        guard number <= UInt64(remaining.count) else { throw .badFormat }
        return Int(number)
    }

    /// A text as it is, as a number of 8, 16 or 32 bits, or compressed.
    mutating func text() throws(DumpError) -> [UInt8] {
        switch try lengthOrSpecial() {
        case .number(let count): return Array(try slice(count))
        case .special(0): return decimal(Int64(Int8(truncatingIfNeeded: try little(1))))
        case .special(1): return decimal(Int64(Int16(truncatingIfNeeded: try little(2))))
        case .special(2): return decimal(Int64(Int32(truncatingIfNeeded: try little(4))))
        case .special(3):
            let (compressed, count) = (try length(), try length())
            let source = try slice(compressed)
            guard count <= UInt64(DumpLimits.expandedBytes - expandedBytes) else { throw .tooLarge }
            expandedBytes += Int(count)
            guard let text = LZF.decompressed(source, count: Int(count)) else { throw .badFormat }
            return text
        case .special: throw .badFormat
        }
    }

    private func decimal(_ number: Int64) -> [UInt8] {
        var text: [UInt8] = []
        Decimal.append(number, to: &text)
        return text
    }
}
