// SPDX-License-Identifier: Apache-2.0

internal import MartletRESPCodec

/// A reply, of either protocol.
public enum RedisValue: Hashable, Sendable {
    case null
    /// A short text that stands for itself, such as `OK`.
    case simple(String)
    case bytes([UInt8])
    case integer(Int64)
    case double(Double)
    case boolean(Bool)
    case bigNumber(String)
    indirect case error(RedisError)
    case array([RedisValue])
    case set([RedisValue])
    /// Pairs in their order; keys may repeat. Servers without RESP3 send ``array(_:)`` instead: see ``pairs``.
    case map([Pair])
    /// What a server sends unasked.
    case push([RedisValue])

    public struct Pair: Hashable, Sendable {
        public var key: RedisValue
        public var value: RedisValue

        public init(key: RedisValue, value: RedisValue) {
            self.key = key
            self.value = value
        }
    }
}

extension RedisValue {
    public var isNull: Bool { self == .null }

    /// A text's bytes, of whatever kind; numbers as their digits.
    public var bytes: [UInt8]? {
        switch self {
        case .bytes(let bytes): bytes
        case .simple(let text), .bigNumber(let text): Array(text.utf8)
        case .integer(let number): Array(String(number).utf8)
        case .double(let number): Array(DoubleText.text(number).utf8)
        default: nil
        }
    }

    /// A text; bytes that are no UTF-8 are replaced.
    public var text: String? {
        switch self {
        case .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .simple(let text), .bigNumber(let text): text
        case .integer(let number): String(number)
        case .double(let number): DoubleText.text(number)
        default: nil
        }
    }

    /// A number; also one that is sent as a text, as some are.
    public var integer: Int64? {
        switch self {
        case .integer(let number): number
        case .bytes(let bytes): Decimal.integer(bytes.span.bytes)
        case .simple(let text), .bigNumber(let text): Int64(text)
        case .boolean(let value): value ? 1 : 0
        default: nil
        }
    }

    /// A number with a point; also one that is sent as a text.
    public var double: Double? {
        switch self {
        case .double(let number): number
        case .integer(let number): Double(number)
        case .bytes, .simple: text.flatMap { Double($0) }
        default: nil
        }
    }

    /// What an array, a set or a push holds; the keys and values of a map in turn.
    public var elements: [RedisValue]? {
        switch self {
        case .array(let values), .set(let values), .push(let values): values
        case .map(let pairs): pairs.flatMap { [$0.key, $0.value] }
        default: nil
        }
    }

    /// What a map holds; also one that is sent as an array of keys and values in turn.
    public var pairs: [Pair]? {
        switch self {
        case .map(let pairs): return pairs
        case .array(let values):
            guard values.count.isMultiple(of: 2) else { return nil }
            return stride(from: 0, to: values.count, by: 2).map { Pair(key: values[$0], value: values[$0 + 1]) }
        default: return nil
        }
    }

    /// The error, if it is one.
    public var error: RedisError? {
        if case .error(let error) = self { error } else { nil }
    }

    /// This, unless it is an error, which is thrown.
    public func get() throws(RedisError) -> RedisValue {
        if case .error(let error) = self { throw error }
        return self
    }

    /// What stands under a name in a map.
    public subscript(name: String) -> RedisValue? {
        pairs?.first { $0.key.text == name }?.value
    }
}
