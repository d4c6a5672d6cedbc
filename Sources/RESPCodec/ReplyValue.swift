// SPDX-License-Identifier: Apache-2.0

/// A reply, as a client receives it.
public indirect enum ReplyValue: Hashable, Sendable {
    case simple([UInt8])
    case error([UInt8])
    case integer(Int64)
    case bulk([UInt8])
    /// The one null of RESP3, or the null text of RESP2.
    case null
    /// RESP2 alone.
    case nullArray
    case double(Double)
    case boolean(Bool)
    case bigNumber([UInt8])
    /// - Parameter format: three letters.
    case verbatim(format: [UInt8], [UInt8])
    case array([ReplyValue])
    case set([ReplyValue])
    /// Pairs in their order; keys may repeat.
    case map([Pair])
    /// Not an answer to a request.
    case push([ReplyValue])

    public struct Pair: Hashable, Sendable {
        public var key: ReplyValue
        public var value: ReplyValue

        public init(key: ReplyValue, value: ReplyValue) {
            self.key = key
            self.value = value
        }
    }
}

/// Why a server's bytes are no replies.
public enum ReplyParseError: Error, Hashable, Sendable {
    case unknownKind(UInt8)
    case invalidNumber
    case lineTooLong
    /// Above `ReplyLimits.textBytes` or `ReplyLimits.elements`.
    case tooLarge
    case tooDeep
    case missingLineEnd
}

/// What one reply may take.
public struct ReplyLimits: Hashable, Sendable {
    /// Of one text. Source: Redis's `proto-max-bulk-len`.
    public var textBytes = 512 << 20
    /// Of one aggregate.
    public var elements = 1 << 24
    /// Aggregates inside one another: no command answers with more than seven.
    public var depth = 32
    /// Of a line.
    public var lineBytes = 64 << 10

    public init() {}
}
