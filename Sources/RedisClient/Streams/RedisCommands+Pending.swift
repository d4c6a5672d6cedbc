// SPDX-License-Identifier: Apache-2.0

/// What is pending in a group, all in all.
public struct RedisPendingSummary: Hashable, Sendable {
    public var count: Int
    /// `nil` where nothing is pending.
    public var first: RedisStreamID?
    public var last: RedisStreamID?
    /// Those that have something pending, in the order of their names. Together they may have less than ``count``:
    /// what was given back is nobody's.
    public var consumers: [(name: String, count: Int)] {
        get { zip(names, counts).map { ($0, $1) } }
        set { (names, counts) = (newValue.map(\.name), newValue.map(\.count)) }
    }
    private var names: [String] = []
    private var counts: [Int] = []

    /// `[count, first, last, [[consumer, count], …]]`; three nulls where nothing is pending, counts as texts.
    init(_ value: RedisValue) throws(RedisError) {
        guard let parts = value.elements, parts.count == 4, let count = parts[0].integer else {
            throw .unexpected("XPENDING", value)
        }
        self.count = Int(clamping: count)
        first = RedisStreamID(parts[1])
        last = RedisStreamID(parts[2])
        for part in parts[3].elements ?? [] {
            guard let pair = part.elements, pair.count == 2, let name = pair[0].text, let count = pair[1].integer
            else { throw .unexpected("XPENDING", value) }
            names.append(name)
            counts.append(Int(clamping: count))
        }
    }
}

/// An entry that was delivered and not acknowledged.
public struct RedisPendingEntry: Hashable, Sendable {
    public var id: RedisStreamID
    /// Whose it is; `nil` where it was given back.
    public var consumer: String?
    /// How long ago it was delivered; `nil` where it was given back.
    public var idle: Duration?
    /// How often it was delivered.
    public var deliveries: Int

    /// `[id, consumer, idle, deliveries]`
    init?(_ value: RedisValue) {
        guard let parts = value.elements, parts.count >= 4, let id = RedisStreamID(parts[0]),
            let consumer = parts[1].text, let idle = parts[2].integer, let deliveries = parts[3].integer
        else { return nil }
        self.id = id
        self.consumer = idle < 0 && consumer.isEmpty ? nil : consumer
        self.idle = idle < 0 ? nil : .milliseconds(idle)
        self.deliveries = Int(clamping: deliveries)
    }
}

/// How entries are claimed.
public struct RedisClaimOptions: Sendable, Hashable {
    /// How long ago they count as delivered; `nil` is now.
    public var idle: Duration?
    /// When they count as delivered, in milliseconds of the Unix clock.
    public var deliveredAt: Int64?
    /// How often they count as delivered; `nil` is once more than before.
    public var deliveries: Int?
    /// Whether entries that aren't pending become so.
    public var force = false
    /// How far the group has come, if that is farther than it knows.
    public var lastID: RedisStreamID?

    public init() {}
}

/// What ``RedisCommands/xautoclaim(_:_:_:minimumIdle:start:count:)`` found.
public struct RedisClaim<Item: Hashable & Sendable>: Hashable, Sendable {
    /// Where to go on; ``RedisStreamID/zero`` when all was looked at.
    public var next: RedisStreamID
    public var claimed: [Item]
    /// Pending entries whose message is gone: they are no longer pending. Redis 7.0 and Martlet.
    public var deleted: [RedisStreamID]
}

extension RedisCommands {
    /// What is pending in a group, all in all.
    public func xpending(_ key: some RedisWord, _ group: some RedisWord) async throws -> RedisPendingSummary {
        try RedisPendingSummary(try await send(RedisCommand("XPENDING", key, group).repeatable()))
    }

    /// Pending entries of a range.
    public func xpending(
        _ key: some RedisWord, _ group: some RedisWord, _ start: RedisStreamBound = .first,
        _ end: RedisStreamBound = .last, count: Int, minimumIdle: Duration? = nil, consumer: (any RedisWord)? = nil
    ) async throws -> [RedisPendingEntry] {
        var command = RedisCommand("XPENDING", key, group)
        if let minimumIdle { command.append(contentsOf: ["IDLE", "\(minimumIdle.wholeMilliseconds)"]) }
        command.append(start)
        command.append(end)
        command.append(count)
        if let consumer { command.append(contentsOf: [consumer]) }
        let reply = try await send(command.repeatable())
        guard let values = reply.elements else { throw RedisError.unexpected("XPENDING", reply) }
        return try values.map { value in
            guard let entry = RedisPendingEntry(value) else { throw RedisError.unexpected("XPENDING", value) }
            return entry
        }
    }

    /// Makes pending entries this consumer's that have been idle for so long, whoever has them.
    ///
    /// - Returns: Those that now are. Entries that aren't pending, or whose message is gone, are left out.
    @discardableResult
    public func xclaim(
        _ key: some RedisWord, _ group: some RedisWord, _ consumer: some RedisWord, minimumIdle: Duration,
        _ ids: [RedisStreamID], configure: (inout RedisClaimOptions) -> Void = { _ in }
    ) async throws -> [RedisEntry] {
        let command = RedisCommand.xclaim(key, group, consumer, minimumIdle, ids, configure)
        return try RedisEntry.list(try await send(command), "XCLAIM")
    }

    /// The same, answering the IDs alone; their deliveries aren't counted.
    @discardableResult
    public func xclaimIDs(
        _ key: some RedisWord, _ group: some RedisWord, _ consumer: some RedisWord, minimumIdle: Duration,
        _ ids: [RedisStreamID], configure: (inout RedisClaimOptions) -> Void = { _ in }
    ) async throws -> [RedisStreamID] {
        var command = RedisCommand.xclaim(key, group, consumer, minimumIdle, ids, configure)
        command.append("JUSTID")
        return try await send(command.repeatable()).ids("XCLAIM")
    }

    /// Looks through pending entries and makes those this consumer's that have been idle for so long.
    ///
    /// - Parameter start: Where to begin: where the call before ended.
    public func xautoclaim(
        _ key: some RedisWord, _ group: some RedisWord, _ consumer: some RedisWord, minimumIdle: Duration,
        start: RedisStreamID = .zero, count: Int? = nil
    ) async throws -> RedisClaim<RedisEntry> {
        let command = RedisCommand.xautoclaim(key, group, consumer, minimumIdle, start, count)
        let reply = try await send(command)
        let (next, claimed, deleted) = try Self.claim(reply)
        return RedisClaim(next: next, claimed: try RedisEntry.list(claimed, "XAUTOCLAIM"), deleted: deleted)
    }

    /// The same, answering the IDs alone; their deliveries aren't counted.
    public func xautoclaimIDs(
        _ key: some RedisWord, _ group: some RedisWord, _ consumer: some RedisWord, minimumIdle: Duration,
        start: RedisStreamID = .zero, count: Int? = nil
    ) async throws -> RedisClaim<RedisStreamID> {
        var command = RedisCommand.xautoclaim(key, group, consumer, minimumIdle, start, count)
        command.append("JUSTID")
        let (next, claimed, deleted) = try Self.claim(try await send(command))
        return RedisClaim(next: next, claimed: try claimed.ids("XAUTOCLAIM"), deleted: deleted)
    }

    /// `[next, claimed, deleted]`; before 7.0 without the last.
    private static func claim(
        _ reply: RedisValue
    ) throws(RedisError) -> (RedisStreamID, RedisValue, [RedisStreamID]) {
        guard let parts = reply.elements, parts.count >= 2, let next = RedisStreamID(parts[0]) else {
            throw .unexpected("XAUTOCLAIM", reply)
        }
        return (next, parts[1], parts.count > 2 ? try parts[2].ids("XAUTOCLAIM") : [])
    }
}

extension RedisCommand {
    static func xclaim(
        _ key: some RedisWord, _ group: some RedisWord, _ consumer: some RedisWord, _ minimumIdle: Duration,
        _ ids: [RedisStreamID], _ configure: (inout RedisClaimOptions) -> Void
    ) -> RedisCommand {
        var options = RedisClaimOptions()
        configure(&options)
        var command = RedisCommand("XCLAIM", key, group, consumer, minimumIdle.wholeMilliseconds)
        command.append(contentsOf: ids)
        if let idle = options.idle { command.append(contentsOf: ["IDLE", "\(idle.wholeMilliseconds)"]) }
        if let time = options.deliveredAt { command.append(contentsOf: ["TIME", "\(time)"]) }
        if let deliveries = options.deliveries { command.append(contentsOf: ["RETRYCOUNT", "\(deliveries)"]) }
        if options.force { command.append("FORCE") }
        if let last = options.lastID { command.append(contentsOf: ["LASTID", "\(last)"]) }
        return command
    }

    static func xautoclaim(
        _ key: some RedisWord, _ group: some RedisWord, _ consumer: some RedisWord, _ minimumIdle: Duration,
        _ start: RedisStreamID, _ count: Int?
    ) -> RedisCommand {
        var command = RedisCommand("XAUTOCLAIM", key, group, consumer, minimumIdle.wholeMilliseconds, start)
        if let count { command.append(contentsOf: ["COUNT", "\(count)"]) }
        return command
    }
}
