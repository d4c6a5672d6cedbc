// SPDX-License-Identifier: Apache-2.0

internal import MartletRESPCodec

/// Puts replies together from their pieces, as these come.
struct ReplyAssembler {
    /// What one reply may take, so that a server can't fill a client's memory.
    struct Limits: Sendable {
        /// Of texts and framing. A bulk text may be as long.
        var bytes = 512 << 20
        /// Values, however deep: each takes some fifty bytes, and as few as three on the wire.
        var values = 1 << 24
        /// Aggregates inside one another: no command answers with more than seven.
        var depth = 32
    }

    private struct Frame {
        var kind: ReplyToken.Aggregate
        /// Values that are still to come.
        var missing: Int
        var values: [RedisValue] = []

        init(_ kind: ReplyToken.Aggregate, _ missing: Int) {
            self.kind = kind
            self.missing = missing
            // What the server only says is not yet there.
            values.reserveCapacity(min(missing, Self.reserved))
        }

        private static let reserved = 256
    }

    private let limits: Limits
    private var scanner: ReplyScanner
    private var stack: [Frame] = []
    private var values = 0
    private var bytes = 0

    init(limits: Limits = Limits()) {
        self.limits = limits
        var pieces = ReplyLimits()
        pieces.textBytes = limits.bytes
        pieces.elements = limits.values
        scanner = ReplyScanner(limits: pieces)
    }

    /// Reads on at `offset`, which moves behind what was understood.
    ///
    /// - Returns: `nil` where the reply is not all there yet.
    mutating func next(in input: RawSpan, at offset: inout Int) throws(ReplyParseError) -> RedisValue? {
        while true {
            let start = offset
            guard let token = try scanner.next(in: input, at: &offset) else { return nil }
            values += 1
            bytes += offset - start
            if values > limits.values || bytes > limits.bytes { throw .tooLarge }
            if let value = try take(token, input) {
                values = 0
                bytes = 0
                return value
            }
        }
    }

    /// - Returns: the reply that the piece completes.
    private mutating func take(_ token: ReplyToken, _ input: RawSpan) throws(ReplyParseError) -> RedisValue? {
        var value: RedisValue
        if case .begin(let kind, let count) = token {
            if stack.count >= limits.depth { throw .tooDeep }
            let isPaired = kind == .map || kind == .attribute
            let frame = Frame(kind, isPaired ? count * 2 : count)
            guard frame.missing == 0 else {
                stack.append(frame)
                return nil
            }
            guard let empty = Self.value(frame) else { return nil }
            value = empty
        } else {
            value = Self.value(token, input)
        }
        while var frame = stack.popLast() {
            frame.values.append(value)
            frame.missing -= 1
            guard frame.missing == 0 else {
                stack.append(frame)
                return nil
            }
            guard let complete = Self.value(frame) else { return nil }
            value = complete
        }
        return value
    }

    /// `nil` for attributes, which nobody asked for.
    private static func value(_ frame: Frame) -> RedisValue? {
        switch frame.kind {
        case .array: .array(frame.values)
        case .set: .set(frame.values)
        case .push: .push(frame.values)
        case .attribute: nil
        case .map:
            .map(
                stride(from: 0, to: frame.values.count, by: 2).map {
                    RedisValue.Pair(key: frame.values[$0], value: frame.values[$0 + 1])
                })
        }
    }

    private static func value(_ token: ReplyToken, _ input: RawSpan) -> RedisValue {
        func bytes(_ range: Range<Int>) -> [UInt8] {
            input.extracting(range).withUnsafeBytes { Array($0) }
        }
        func text(_ range: Range<Int>) -> String { String(decoding: bytes(range), as: UTF8.self) }
        switch token {
        case .simple(let range): return .simple(text(range))
        case .error(let range): return .error(RedisError(reply: text(range)))
        case .integer(let number): return .integer(number)
        case .bulk(let range): return .bytes(bytes(range))
        case .verbatim(let range): return .bytes(bytes(range.lowerBound + 4..<range.upperBound))
        case .bigNumber(let range): return .bigNumber(text(range))
        case .double(let number): return .double(number)
        case .boolean(let value): return .boolean(value)
        case .null, .nullArray, .begin: return .null
        }
    }
}
