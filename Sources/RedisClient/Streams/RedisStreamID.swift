// SPDX-License-Identifier: Apache-2.0

internal import MartletRESPCodec

/// Names an entry of a stream: milliseconds of the Unix clock, and a number among those of one millisecond.
public struct RedisStreamID: Hashable, Comparable, Sendable, CustomStringConvertible, RedisWord {
    public var milliseconds: UInt64
    public var sequence: UInt64

    public init(_ milliseconds: UInt64, _ sequence: UInt64 = 0) {
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    /// Reads `milliseconds-sequence`, and `milliseconds` alone for the first of them.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard let milliseconds = Self.number(parts[0]) else { return nil }
        guard parts.count == 2 else {
            self.init(milliseconds)
            return
        }
        guard let sequence = Self.number(parts[1]) else { return nil }
        self.init(milliseconds, sequence)
    }

    private static func number(_ text: some StringProtocol) -> UInt64? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? UInt64(text) : nil
    }

    init?(_ value: RedisValue?) {
        guard let text = value?.text else { return nil }
        self.init(text)
    }

    /// Before all entries.
    public static let zero = RedisStreamID(0, 0)
    /// Behind all entries.
    public static let max = RedisStreamID(.max, .max)

    /// The next one; `nil` behind the last.
    public var successor: RedisStreamID? {
        if sequence < .max { return RedisStreamID(milliseconds, sequence + 1) }
        return milliseconds < .max ? RedisStreamID(milliseconds + 1, 0) : nil
    }

    public static func < (left: RedisStreamID, right: RedisStreamID) -> Bool {
        (left.milliseconds, left.sequence) < (right.milliseconds, right.sequence)
    }

    public var description: String { "\(milliseconds)-\(sequence)" }

    public var redisBytes: [UInt8] { Array(description.utf8) }
}

/// A bound of a range of entries.
public enum RedisStreamBound: Sendable, Hashable, RedisWord {
    /// `-`
    case first
    /// `+`
    case last
    case including(RedisStreamID)
    case excluding(RedisStreamID)

    public var redisBytes: [UInt8] {
        switch self {
        case .first: [UInt8(ascii: "-")]
        case .last: [UInt8(ascii: "+")]
        case .including(let id): id.redisBytes
        case .excluding(let id): [UInt8(ascii: "(")] + id.redisBytes
        }
    }
}
