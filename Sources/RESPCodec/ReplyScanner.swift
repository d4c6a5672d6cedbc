// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// A piece of a reply. Ranges are of the bytes that were scanned.
public enum ReplyToken: Hashable, Sendable {
    case simple(Range<Int>)
    case error(Range<Int>)
    case integer(Int64)
    case bulk(Range<Int>)
    /// Three letters that name the format, a colon, and the text.
    case verbatim(Range<Int>)
    case bigNumber(Range<Int>)
    case double(Double)
    case boolean(Bool)
    /// The one null of RESP3, or the null text of RESP2.
    case null
    /// RESP2 alone.
    case nullArray
    /// So many replies follow, or pairs of replies: those of a map and of attributes.
    case begin(Aggregate, count: Int)

    public enum Aggregate: Hashable, Sendable {
        case array
        case set
        case map
        case push
        /// Says something about the reply behind it, and nothing that is asked for.
        case attribute
    }
}

/// Reads replies of either protocol piece by piece, so that a long one is looked at once, however it arrives.
public struct ReplyScanner: Sendable {
    public let limits: ReplyLimits
    /// Bytes the next piece must at least have, as far as is known.
    public private(set) var needed = 1

    public init(limits: ReplyLimits = ReplyLimits()) {
        self.limits = limits
    }

    /// Reads the piece that begins at `offset`, which then moves behind it.
    ///
    /// - Returns: `nil` where it is not all there yet.
    public mutating func next(in bytes: RawSpan, at offset: inout Int) throws(ReplyParseError) -> ReplyToken? {
        guard bytes.byteCount - offset >= needed else { return nil }
        var position = offset
        guard let line = try line(bytes, &position) else {
            needed = bytes.byteCount - offset + 1
            return nil
        }
        let token = try token(bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self), bytes, line, &position)
        guard let token else {
            needed = position - offset
            return nil
        }
        offset = position
        needed = 1
        return token
    }

    /// `nil` where bytes are missing; the position is then where they end.
    private func token(
        _ kind: UInt8, _ bytes: RawSpan, _ line: Range<Int>, _ position: inout Int
    ) throws(ReplyParseError) -> ReplyToken? {
        switch kind {
        case UInt8(ascii: "+"): return .simple(line)
        case UInt8(ascii: "-"): return .error(line)
        case UInt8(ascii: ":"): return .integer(try number(bytes, line))
        case UInt8(ascii: "$"):
            guard let length = try length(bytes, line, limits.textBytes) else { return .null }
            return try text(bytes, length, &position).map { .bulk($0) }
        case UInt8(ascii: "!"):
            guard let length = try length(bytes, line, limits.textBytes) else { throw .invalidNumber }
            return try text(bytes, length, &position).map { .error($0) }
        case UInt8(ascii: "="):
            guard let length = try length(bytes, line, limits.textBytes), length >= 4 else { throw .invalidNumber }
            return try text(bytes, length, &position).map { .verbatim($0) }
        case UInt8(ascii: "_"): return .null
        case UInt8(ascii: "#"):
            guard line.count == 1 else { throw .invalidNumber }
            return .boolean(bytes.unsafeLoad(fromByteOffset: line.lowerBound, as: UInt8.self) == UInt8(ascii: "t"))
        case UInt8(ascii: ","):
            var text: [UInt8] = []
            text.append(copying: bytes.extracting(line))
            guard let number = Double(String(decoding: text, as: UTF8.self)) else { throw .invalidNumber }
            return .double(number)
        case UInt8(ascii: "("): return .bigNumber(line)
        case UInt8(ascii: "*"):
            guard let count = try length(bytes, line, limits.elements) else { return .nullArray }
            return .begin(.array, count: count)
        case UInt8(ascii: "~"): return .begin(.set, count: try count(bytes, line))
        case UInt8(ascii: ">"): return .begin(.push, count: try count(bytes, line))
        case UInt8(ascii: "%"): return .begin(.map, count: try count(bytes, line))
        case UInt8(ascii: "|"): return .begin(.attribute, count: try count(bytes, line))
        default: throw .unknownKind(kind)
        }
    }

    /// What stands between the kind and the line's end; the position moves behind that.
    private func line(_ bytes: RawSpan, _ position: inout Int) throws(ReplyParseError) -> Range<Int>? {
        var end = position + 1
        while end < bytes.byteCount, bytes.unsafeLoad(fromByteOffset: end, as: UInt8.self) != 13 { end += 1 }
        if end - position > limits.lineBytes { throw .lineTooLong }
        guard end + 1 < bytes.byteCount else { return nil }
        guard bytes.unsafeLoad(fromByteOffset: end + 1, as: UInt8.self) == 10 else { throw .missingLineEnd }
        let line = position + 1..<end
        position = end + 2
        return line
    }

    private func number(_ bytes: RawSpan, _ line: Range<Int>) throws(ReplyParseError) -> Int64 {
        guard let number = Decimal.integer(bytes.extracting(line)) else { throw .invalidNumber }
        return number
    }

    /// `nil` for −1.
    private func length(_ bytes: RawSpan, _ line: Range<Int>, _ limit: Int) throws(ReplyParseError) -> Int? {
        let length = try number(bytes, line)
        if length == -1 { return nil }
        if length < 0 { throw .invalidNumber }
        if length > Int64(limit) { throw .tooLarge }
        return Int(length)
    }

    private func count(_ bytes: RawSpan, _ line: Range<Int>) throws(ReplyParseError) -> Int {
        guard let count = try length(bytes, line, limits.elements) else { throw .invalidNumber }
        return count
    }

    private func text(
        _ bytes: RawSpan, _ length: Int, _ position: inout Int
    ) throws(ReplyParseError) -> Range<Int>? {
        guard bytes.byteCount - position >= length + 2 else {
            position += length + 2
            return nil
        }
        guard bytes.unsafeLoad(fromByteOffset: position + length, as: UInt8.self) == 13,
            bytes.unsafeLoad(fromByteOffset: position + length + 1, as: UInt8.self) == 10
        else { throw .missingLineEnd }
        let text = position..<position + length
        position += length + 2
        return text
    }
}
