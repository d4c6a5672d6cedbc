// SPDX-License-Identifier: Apache-2.0

/// Reads replies of either protocol.
package struct ReplyParser: Sendable {
    package let limits: ReplyLimits
    /// Bytes a reply must at least have, as far as is known: a shorter piece is not looked at again.
    private var needed = 1

    package init(limits: ReplyLimits = ReplyLimits()) {
        self.limits = limits
    }

    /// Reads the reply that begins at `offset`, which then moves behind it.
    ///
    /// - Returns: `nil` where it is not all there yet.
    package mutating func next(
        in bytes: RawSpan, at offset: inout Int
    ) throws(ReplyParseError) -> ReplyValue? {
        guard bytes.byteCount - offset >= needed else { return nil }
        var reader = Reader(limits: limits, position: offset)
        guard let value = try reader.value(bytes, depth: 0) else {
            needed = max(reader.needed - offset, bytes.byteCount - offset + 1)
            return nil
        }
        offset = reader.position
        needed = 1
        return value
    }

    private struct Reader {
        let limits: ReplyLimits
        var position: Int
        /// The end of what is known to be missing.
        var needed = 0

        /// `nil` where bytes are missing.
        mutating func value(_ bytes: RawSpan, depth: Int) throws(ReplyParseError) -> ReplyValue? {
            if depth > limits.depth { throw .tooDeep }
            guard position < bytes.byteCount else { return nil }
            let kind = bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
            guard let line = try line(bytes) else { return nil }
            switch kind {
            case UInt8(ascii: "+"): return .simple(Array(copying: bytes, line))
            case UInt8(ascii: "-"): return .error(Array(copying: bytes, line))
            case UInt8(ascii: ":"): return .integer(try number(bytes, line))
            case UInt8(ascii: "$"):
                guard let length = try length(bytes, line, limits.textBytes) else { return .null }
                return try text(bytes, length).map { .bulk($0) }
            case UInt8(ascii: "!"):
                guard let length = try length(bytes, line, limits.textBytes) else { throw .invalidNumber }
                return try text(bytes, length).map { .error($0) }
            case UInt8(ascii: "="):
                guard let length = try length(bytes, line, limits.textBytes), length >= 4 else { throw .invalidNumber }
                return try text(bytes, length).map { .verbatim(format: Array($0[..<3]), Array($0[4...])) }
            case UInt8(ascii: "_"): return .null
            case UInt8(ascii: "#"):
                guard line.count == 1 else { throw .invalidNumber }
                return .boolean(bytes.unsafeLoad(fromByteOffset: line.lowerBound, as: UInt8.self) == UInt8(ascii: "t"))
            case UInt8(ascii: ","):
                guard let number = Double(String(decoding: [UInt8](copying: bytes, line), as: UTF8.self)) else {
                    throw .invalidNumber
                }
                return .double(number)
            case UInt8(ascii: "("): return .bigNumber(Array(copying: bytes, line))
            case UInt8(ascii: "*"):
                guard let count = try length(bytes, line, limits.elements) else { return .nullArray }
                return try values(bytes, count, depth).map { .array($0) }
            case UInt8(ascii: "~"): return try values(bytes, count(bytes, line), depth).map { .set($0) }
            case UInt8(ascii: ">"): return try values(bytes, count(bytes, line), depth).map { .push($0) }
            case UInt8(ascii: "%"): return try pairs(bytes, count(bytes, line), depth).map { .map($0) }
            case UInt8(ascii: "|"):
                // Attributes say something about the reply behind them, and nothing that is asked for.
                guard try pairs(bytes, count(bytes, line), depth) != nil else { return nil }
                return try value(bytes, depth: depth)
            default: throw .unknownKind(kind)
            }
        }

        /// What stands between the kind and the line's end; the position moves behind that.
        private mutating func line(_ bytes: RawSpan) throws(ReplyParseError) -> Range<Int>? {
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

        private mutating func text(_ bytes: RawSpan, _ length: Int) throws(ReplyParseError) -> [UInt8]? {
            guard bytes.byteCount - position >= length + 2 else {
                needed = max(needed, position + length + 2)
                return nil
            }
            guard bytes.unsafeLoad(fromByteOffset: position + length, as: UInt8.self) == 13,
                bytes.unsafeLoad(fromByteOffset: position + length + 1, as: UInt8.self) == 10
            else { throw .missingLineEnd }
            let text = [UInt8](copying: bytes, position..<position + length)
            position += length + 2
            return text
        }

        private mutating func values(
            _ bytes: RawSpan, _ count: Int, _ depth: Int
        ) throws(ReplyParseError) -> [ReplyValue]? {
            var values: [ReplyValue] = []
            values.reserveCapacity(min(count, bytes.byteCount - position))
            for missing in stride(from: count, to: 0, by: -1) {
                guard let value = try value(bytes, depth: depth + 1) else {
                    // The shortest reply is a null, of three bytes.
                    needed = max(needed, position + missing * 3)
                    return nil
                }
                values.append(value)
            }
            return values
        }

        private mutating func pairs(
            _ bytes: RawSpan, _ count: Int, _ depth: Int
        ) throws(ReplyParseError) -> [ReplyValue.Pair]? {
            guard let values = try values(bytes, count * 2, depth) else { return nil }
            return (0..<count).map { ReplyValue.Pair(key: values[$0 * 2], value: values[$0 * 2 + 1]) }
        }
    }
}

extension [UInt8] {
    fileprivate init(copying bytes: RawSpan, _ range: Range<Int>) {
        self = []
        append(copying: bytes.extracting(range))
    }
}
