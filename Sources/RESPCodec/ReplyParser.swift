// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Reads replies of either protocol.
public struct ReplyParser: Sendable {
    public let limits: ReplyLimits
    /// Bytes a reply must at least have, as far as is known: a shorter piece is not looked at again.
    private var needed = 1

    public init(limits: ReplyLimits = ReplyLimits()) {
        self.limits = limits
    }

    /// Reads the reply that begins at `offset`, which then moves behind it.
    ///
    /// - Returns: `nil` where it is not all there yet.
    public mutating func next(
        in bytes: RawSpan, at offset: inout Int
    ) throws(ReplyParseError) -> ReplyValue? {
        guard bytes.byteCount - offset >= needed else { return nil }
        var reader = Reader(scanner: ReplyScanner(limits: limits), position: offset)
        guard let value = try reader.value(bytes, depth: 0) else {
            needed = max(reader.needed - offset, bytes.byteCount - offset + 1)
            return nil
        }
        offset = reader.position
        needed = 1
        return value
    }

    private struct Reader {
        var scanner: ReplyScanner
        var position: Int
        /// The end of what is known to be missing.
        var needed = 0

        /// `nil` where bytes are missing.
        mutating func value(_ bytes: RawSpan, depth: Int) throws(ReplyParseError) -> ReplyValue? {
            if depth > scanner.limits.depth { throw .tooDeep }
            guard let token = try scanner.next(in: bytes, at: &position) else {
                needed = max(needed, position + scanner.needed)
                return nil
            }
            switch token {
            case .simple(let range): return .simple(Array(copying: bytes, range))
            case .error(let range): return .error(Array(copying: bytes, range))
            case .integer(let number): return .integer(number)
            case .bulk(let range): return .bulk(Array(copying: bytes, range))
            case .verbatim(let range):
                let format = range.lowerBound..<range.lowerBound + 3
                return .verbatim(
                    format: Array(copying: bytes, format),
                    Array(copying: bytes, range.lowerBound + 4..<range.upperBound))
            case .bigNumber(let range): return .bigNumber(Array(copying: bytes, range))
            case .double(let number): return .double(number)
            case .boolean(let value): return .boolean(value)
            case .null: return .null
            case .nullArray: return .nullArray
            case .begin(.array, let count): return try values(bytes, count, depth).map { .array($0) }
            case .begin(.set, let count): return try values(bytes, count, depth).map { .set($0) }
            case .begin(.push, let count): return try values(bytes, count, depth).map { .push($0) }
            case .begin(.map, let count): return try pairs(bytes, count, depth).map { .map($0) }
            case .begin(.attribute, let count):
                guard try pairs(bytes, count, depth) != nil else { return nil }
                // A depth of its own, so that endless attributes end.
                return try value(bytes, depth: depth + 1)
            }
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
        self.init(copying: bytes.extracting(range))
    }
}
