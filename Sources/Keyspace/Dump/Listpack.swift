// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

/// Texts and numbers in one piece of memory, as Redis keeps short lists and streams:
///
///     bytes      4 bytes   of all this; lowest first, as all of these
///     count      2 bytes   of elements; 65535: unknown
///     element    …         what it is, the rest of it, and the length of both, for walking backwards
///     end        255
///
/// What an element is, in its first bits:
///
///     0xxxxxxx             a number of 7 bits
///     10xxxxxx             a text of so many bytes
///     110xxxxx + 1         a number of 13 bits, two's complement
///     1110xxxx + 1         a text, its length in 12 bits
///     11110000 + 4         a text, its length in 32 bits, lowest byte first
///     11110001 … 11110100  a number of 16, 24, 32 or 64 bits, lowest byte first, two's complement
enum Listpack {
    static let headerBytes = 6
    static let end: UInt8 = 255
    static let unknownCount = 65535

    /// Seven bits a byte, the highest first; all but the first byte have their top bit set.
    /// Source: Redis, whose bounds are one less than seven bits each hold.
    static func appendBackLength(_ length: Int, to bytes: inout [UInt8]) {
        let width = backLengthWidth(length)
        for place in (0..<width).reversed() {
            bytes.append(UInt8(truncatingIfNeeded: length >> (place * 7)) & 127 | (place == width - 1 ? 0 : 128))
        }
    }

    static func backLengthWidth(_ length: Int) -> Int {
        switch length {
        case ...127: 1
        case ..<16_383: 2
        case ..<2_097_151: 3
        case ..<268_435_455: 4
        default: 5
        }
    }
}

enum ListpackElement {
    case integer(Int64)
    case text(ArraySlice<UInt8>)

    var array: [UInt8] {
        switch self {
        case .integer(let number):
            var text: [UInt8] = []
            Decimal.append(number, to: &text)
            return text
        case .text(let text): return Array(text)
        }
    }
}

/// Walks the elements of a listpack of unknown origin.
struct ListpackReader {
    private let bytes: [UInt8]
    private var place = Listpack.headerBytes
    private let claimedCount: Int
    private var readCount = 0

    init(_ bytes: [UInt8]) throws(DumpError) {
        guard bytes.count > Listpack.headerBytes, bytes.last == Listpack.end else { throw .badFormat }
        self.bytes = bytes
        claimedCount = Int(bytes[4]) | Int(bytes[5]) << 8
        guard little(0, 4) == UInt64(bytes.count) else { throw .badFormat }
    }

    private func little(_ place: Int, _ width: Int) -> UInt64 {
        bytes[place..<place + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The next element; `nil` at the end, where as many have come as the listpack says.
    mutating func next() throws(DumpError) -> ListpackElement? {
        let first = bytes[place]
        if first == Listpack.end {
            guard place == bytes.count - 1, claimedCount == Listpack.unknownCount || claimedCount == readCount else {
                throw .badFormat
            }
            return nil
        }
        readCount += 1
        let begin = place
        let element: ListpackElement
        switch first {
        case 0..<0x80:
            element = .integer(Int64(first))
            place += 1
        case 0x80..<0xC0: element = .text(try text(behind: 1, Int(first & 63)))
        case 0xC0..<0xE0:
            let low = try number(1)
            element = .integer((Int64(UInt64(first & 31) << 8 | low) << 51) >> 51)
        case 0xE0..<0xF0:
            guard begin + 1 < bytes.count else { throw .badFormat }
            element = .text(try text(behind: 2, Int(first & 15) << 8 | Int(bytes[begin + 1])))
        case 0xF0:
            guard bytes.count - begin > 5 else { throw .badFormat }
            element = .text(try text(behind: 5, Int(little(begin + 1, 4))))
        case 0xF1...0xF4:
            let width = [2, 3, 4, 8][Int(first - 0xF1)]
            let unused = Int64(64 - width * 8)
            element = .integer((Int64(bitPattern: try number(width)) << unused) >> unused)
        default: throw .badFormat
        }
        try skipBackLength(place - begin)
        return element
    }

    private mutating func text(behind header: Int, _ count: Int) throws(DumpError) -> ArraySlice<UInt8> {
        guard count <= bytes.count - place - header else { throw .badFormat }
        defer { place += header + count }
        return bytes[place + header..<place + header + count]
    }

    private mutating func number(_ width: Int) throws(DumpError) -> UInt64 {
        guard width < bytes.count - place else { throw .badFormat }
        defer { place += 1 + width }
        return little(place + 1, width)
    }

    /// Behind it is something, the end at least.
    private mutating func skipBackLength(_ length: Int) throws(DumpError) {
        var expected: [UInt8] = []
        Listpack.appendBackLength(length, to: &expected)
        guard expected.count < bytes.count - place, bytes[place..<place + expected.count] == expected[...] else {
            throw .badFormat
        }
        place += expected.count
    }

    /// A number, which may stand there as a text.
    mutating func integer() throws(DumpError) -> Int64 {
        switch try next() {
        case .integer(let number): return number
        case .text(let text):
            guard let number = Decimal.integer(text.span.bytes) else { throw .badFormat }
            return number
        case nil: throw .badFormat
        }
    }

    /// An element that must be there.
    mutating func element() throws(DumpError) -> ListpackElement {
        guard let element = try next() else { throw .badFormat }
        return element
    }
}

struct ListpackWriter {
    private var bytes = [UInt8](repeating: 0, count: Listpack.headerBytes)
    private(set) var count = 0

    var byteCount: Int { bytes.count + 1 }

    mutating func append(_ number: Int64) {
        let begin = bytes.count
        if 0 <= number, number < 128 {
            bytes.append(UInt8(number))
        } else if -4096 <= number, number < 4096 {
            let bits = UInt64(bitPattern: number) & 0x1FFF
            bytes.append(0xC0 | UInt8(bits >> 8))
            bytes.append(UInt8(truncatingIfNeeded: bits))
        } else {
            let kind = [2, 3, 4].firstIndex { DumpWriter.fits(number, $0) } ?? 3
            bytes.append(0xF1 + UInt8(kind))
            for place in 0..<[2, 3, 4, 8][kind] { bytes.append(UInt8(truncatingIfNeeded: number >> (place * 8))) }
        }
        finish(begin)
    }

    /// Numbers become numbers.
    mutating func append(_ text: [UInt8]) {
        if let number = Decimal.integer(text.span.bytes) { return append(number) }
        let begin = bytes.count
        switch text.count {
        case ..<64: bytes.append(0x80 | UInt8(text.count))
        case ..<4096:
            bytes.append(0xE0 | UInt8(text.count >> 8))
            bytes.append(UInt8(truncatingIfNeeded: text.count))
        default:
            bytes.append(0xF0)
            for place in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: text.count >> (place * 8))) }
        }
        bytes += text
        finish(begin)
    }

    private mutating func finish(_ begin: Int) {
        Listpack.appendBackLength(bytes.count - begin, to: &bytes)
        count += 1
    }

    /// All of it.
    consuming func finished() -> [UInt8] {
        bytes.append(Listpack.end)
        for place in 0..<4 { bytes[place] = UInt8(truncatingIfNeeded: bytes.count >> (place * 8)) }
        let count = min(count, Listpack.unknownCount)
        (bytes[4], bytes[5]) = (UInt8(count & 255), UInt8(count >> 8))
        return bytes
    }
}
