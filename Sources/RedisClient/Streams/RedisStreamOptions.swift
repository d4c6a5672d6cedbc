// SPDX-License-Identifier: Apache-2.0

/// Which of a stream's oldest entries go.
public struct RedisTrimming: Sendable, Hashable {
    enum Strategy: Sendable, Hashable {
        case length(Int)
        case minimumID(RedisStreamID)
    }

    let strategy: Strategy
    /// Whether the server may leave a few more, which is cheaper: it then takes away only what lies together.
    public var isApproximate: Bool
    /// The most entries that go at once; for approximate trimming only. `nil` is the server's own limit, 0 none.
    public var limit: Int?

    /// Leaves so many of the newest entries.
    public static func maximumLength(_ count: Int, approximately: Bool = true, limit: Int? = nil) -> RedisTrimming {
        RedisTrimming(strategy: .length(count), isApproximate: approximately, limit: limit)
    }

    /// Takes away what is older than an ID.
    public static func minimumID(
        _ id: RedisStreamID, approximately: Bool = true, limit: Int? = nil
    ) -> RedisTrimming {
        RedisTrimming(strategy: .minimumID(id), isApproximate: approximately, limit: limit)
    }

    func append(to command: inout RedisCommand) {
        let sign = isApproximate ? "~" : "="
        switch strategy {
        case .length(let count): command.append(contentsOf: ["MAXLEN", sign, "\(count)"])
        case .minimumID(let id): command.append(contentsOf: ["MINID", sign, "\(id)"])
        }
        if let limit { command.append(contentsOf: ["LIMIT", "\(limit)"]) }
    }
}

/// What becomes of the pending entries of what is taken out of a stream. Redis 8.2 and Martlet.
public enum RedisReferences: String, Sendable, Hashable {
    /// They stay, without a message.
    case keep = "KEEPREF"
    /// They go as well.
    case delete = "DELREF"
    /// Only what all groups have been given, and have acknowledged, is taken out.
    case acknowledged = "ACKED"
}

/// How an entry is added.
public struct RedisAddOptions: Sendable, Hashable {
    public enum ID: Sendable, Hashable {
        /// The server's clock decides.
        case automatic
        /// The next one of this millisecond.
        case automaticSequence(milliseconds: UInt64)
        case exactly(RedisStreamID)
    }

    /// Names what is added, so that adding it again answers the entry that is there. Redis 8.6 and Martlet.
    public enum Idempotency: Sendable, Hashable {
        case id(String, producer: String)
        /// By the fields.
        case content(producer: String)
    }

    public var id = ID.automatic
    /// Whether the stream comes into being with its first entry.
    public var createsStream = true
    public var trimming: RedisTrimming?
    public var references: RedisReferences?
    public var idempotency: Idempotency?
    /// When the entry is to come; the answer then names it for `xcancel`. Martlet alone.
    public var moment = Moment.now
    /// How long the entry stays, from when it is there. Martlet alone.
    public var timeToLive: Duration?
    /// How urgent the entry is, for groups that prefer what is: 0, as without it, to 9. Martlet alone.
    public var priority: Int?

    /// When an entry comes.
    public enum Moment: Sendable, Hashable {
        case now
        /// So much later.
        case after(Duration)
        /// In milliseconds of the Unix clock.
        case at(Int64)
    }

    public init() {}

    /// Whether the entry comes later, or ends.
    var isTimed: Bool { moment != .now || timeToLive != nil }
}

/// How streams are read.
public struct RedisReadOptions: Sendable, Hashable {
    /// Entries of each stream; `nil` is all.
    public var count: Int?
    /// Entries of all streams. Redis 8.10 and Martlet.
    public var totalCount: Int?
    /// Bytes of all streams, about. Redis 8.10 and Martlet.
    public var totalBytes: Int?
    /// Which entries, and what of each; Martlet alone.
    public var selection = RedisSelection.all

    public init() {}

    func append(to command: inout RedisCommand) {
        if let count { command.append(contentsOf: ["COUNT", "\(count)"]) }
        if let totalCount { command.append(contentsOf: ["MAXCOUNT", "\(totalCount)"]) }
        if let totalBytes { command.append(contentsOf: ["MAXSIZE", "\(totalBytes)"]) }
        selection.append(to: &command)
    }
}

/// A stream to read, and behind which of its entries.
public struct RedisReadPosition: Sendable {
    var key: any RedisWord
    var position: String

    /// Behind an entry.
    public static func after(_ id: RedisStreamID, of key: any RedisWord) -> RedisReadPosition {
        RedisReadPosition(key: key, position: "\(id)")
    }

    /// What is added from now on.
    public static func new(of key: any RedisWord) -> RedisReadPosition { RedisReadPosition(key: key, position: "$") }

    /// The last entry. Redis 7.4 and Martlet.
    public static func last(of key: any RedisWord) -> RedisReadPosition { RedisReadPosition(key: key, position: "+") }

    /// Of a group: what was delivered to nobody yet.
    public static func undelivered(of key: any RedisWord) -> RedisReadPosition {
        RedisReadPosition(key: key, position: ">")
    }

    /// Of a group: what this consumer was given and hasn't acknowledged, behind an entry.
    public static func pending(after id: RedisStreamID = .zero, of key: any RedisWord) -> RedisReadPosition {
        RedisReadPosition(key: key, position: "\(id)")
    }
}

/// Where a group begins.
public enum RedisGroupStart: Sendable, Hashable, RedisWord {
    /// With the entries that are there.
    case beginning
    /// With the next one.
    case end
    /// Behind an entry.
    case after(RedisStreamID)

    public var redisBytes: [UInt8] {
        switch self {
        case .beginning: [UInt8(ascii: "0")]
        case .end: [UInt8(ascii: "$")]
        case .after(let id): id.redisBytes
        }
    }
}
