// SPDX-License-Identifier: Apache-2.0

/// How a group reads.
public struct RedisGroupReadOptions: Sendable, Hashable {
    /// Entries of each stream; `nil` is all.
    public var count: Int?
    /// Entries of all streams. Redis 8.10 and Martlet.
    public var totalCount: Int?
    /// Bytes of all streams, about. Redis 8.10 and Martlet.
    public var totalBytes: Int?
    /// First what is pending for so long, whoever has it. Redis 8.4 and Martlet.
    public var claimsIdle: Duration?
    /// Whether what is read counts as acknowledged at once.
    public var acknowledgesAtOnce = false
    /// Where a group begins that isn't there: it is made, and the stream with it. Martlet alone.
    public var groupStart: RedisGroupStart?
    /// Whether entries come without their fields: ``RedisSelection/showsIDsOnly``. Martlet alone.
    public var showsIDsOnly = false

    public init() {}
}

extension RedisCommands {
    // MARK: Groups

    /// Makes a group.
    ///
    /// - Throws: ``RedisError/Code/groupExists`` where there is one of that name.
    public func xgroupCreate(
        _ key: some RedisWord, _ group: some RedisWord, _ start: RedisGroupStart = .end, createsStream: Bool = false,
        entriesRead: Int? = nil
    ) async throws {
        var command = RedisCommand("XGROUP", "CREATE", key, group, start)
        if createsStream { command.append("MKSTREAM") }
        if let entriesRead { command.append(contentsOf: ["ENTRIESREAD", "\(entriesRead)"]) }
        _ = try await send(command)
    }

    /// Sets where a group stands, also back.
    public func xgroupSetID(
        _ key: some RedisWord, _ group: some RedisWord, _ start: RedisGroupStart, entriesRead: Int? = nil
    ) async throws {
        var command = RedisCommand("XGROUP", "SETID", key, group, start)
        if let entriesRead { command.append(contentsOf: ["ENTRIESREAD", "\(entriesRead)"]) }
        command.isRepeatable = start != .end
        _ = try await send(command)
    }

    /// Ends a group, with all that is pending in it.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    public func xgroupDestroy(_ key: some RedisWord, _ group: some RedisWord) async throws -> Bool {
        try await send(RedisCommand("XGROUP", "DESTROY", key, group)).count("XGROUP") > 0
    }

    /// Makes a consumer; reading does so as well.
    ///
    /// - Returns: Whether it is new.
    @discardableResult
    public func xgroupCreateConsumer(
        _ key: some RedisWord, _ group: some RedisWord, _ consumer: some RedisWord
    ) async throws -> Bool {
        try await send(RedisCommand("XGROUP", "CREATECONSUMER", key, group, consumer)).count("XGROUP") > 0
    }

    /// Ends a consumer. **What is pending with it is never delivered again**: let another claim it first.
    ///
    /// - Returns: How much was pending with it.
    @discardableResult
    public func xgroupDeleteConsumer(
        _ key: some RedisWord, _ group: some RedisWord, _ consumer: some RedisWord
    ) async throws -> Int {
        try await send(RedisCommand("XGROUP", "DELCONSUMER", key, group, consumer)).count("XGROUP")
    }

    // MARK: Delivery

    /// Reads streams for a consumer of a group: what nobody was given yet, or what this one was given.
    ///
    /// It isn't repeated when the connection breaks: what was delivered then stays pending, and is found again by
    /// ``xautoclaim(_:_:_:minimumIdle:start:count:)`` or by reading what is pending.
    ///
    /// - Parameter block: How long to wait where there is nothing; `.zero` for ever, `nil` not at all.
    public func xreadgroup(
        _ group: some RedisWord, _ consumer: some RedisWord, _ positions: [RedisReadPosition], block: Duration? = nil,
        configure: (inout RedisGroupReadOptions) -> Void = { _ in }
    ) async throws -> [RedisStreamEntries] {
        var options = RedisGroupReadOptions()
        configure(&options)
        var command = RedisCommand("XREADGROUP", "GROUP", group, consumer)
        var counts = RedisReadOptions()
        counts.count = options.count
        counts.totalCount = options.totalCount
        counts.totalBytes = options.totalBytes
        counts.selection.showsIDsOnly = options.showsIDsOnly
        counts.append(to: &command)
        command.append(block: block)
        if let idle = options.claimsIdle { command.append(contentsOf: ["CLAIM", "\(idle.wholeMilliseconds)"]) }
        if let start = options.groupStart {
            command.append("MKGROUP")
            command.append(start)
        }
        if options.acknowledgesAtOnce { command.append("NOACK") }
        command.append(positions)
        let isExtended = options.showsIDsOnly || options.groupStart != nil
        let reply =
            try await isExtended
            ? send(command, lacking: "XREADGROUP with MKGROUP or NOVALUES", saying: RedisError.unknownOption)
            : send(command)
        return try RedisStreamEntries.list(reply, "XREADGROUP")
    }

    /// Says that entries are done with.
    ///
    /// - Returns: How many were pending.
    @discardableResult
    public func xack(
        _ key: some RedisWord, _ group: some RedisWord, _ ids: [RedisStreamID]
    ) async throws -> Int {
        try await send(.xack(key, group, ids)).count("XACK")
    }

    /// Says that entries are done with, and takes them out of the stream. Redis 8.2 and Martlet.
    @discardableResult
    public func xackdel(
        _ key: some RedisWord, _ group: some RedisWord, _ references: RedisReferences = .keep, _ ids: [RedisStreamID]
    ) async throws -> [RedisDeletion] {
        var command = RedisCommand("XACKDEL", key, group, references.rawValue, "IDS", ids.count)
        command.append(contentsOf: ids)
        return try await send(command).integers("XACKDEL").map { RedisDeletion($0) }
    }

    /// Gives entries back, so that others can claim them at once. Redis 8.8 and Martlet.
    ///
    /// - Returns: How many were given back.
    @discardableResult
    public func xnack(
        _ key: some RedisWord, _ group: some RedisWord, _ mode: RedisRelease = .fail, _ ids: [RedisStreamID],
        deliveries: Int? = nil, force: Bool = false
    ) async throws -> Int {
        var command = RedisCommand("XNACK", key, group, mode.rawValue, "IDS", ids.count)
        command.append(contentsOf: ids)
        if let deliveries { command.append(contentsOf: ["RETRYCOUNT", "\(deliveries)"]) }
        if force { command.append("FORCE") }
        return try await send(command).count("XNACK")
    }
}

/// Why an entry is given back, which says what becomes of the count of its deliveries.
public enum RedisRelease: String, Sendable, Hashable {
    /// It wasn't tried: the count goes back.
    case silent = "SILENT"
    /// It failed: the count stays.
    case fail = "FAIL"
    /// It will never succeed: the count becomes as high as can be.
    case fatal = "FATAL"
}

extension Duration {
    /// Milliseconds, rounded down, never below zero.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflows) = seconds.multipliedReportingOverflow(by: 1000)
        return overflows ? (seconds < 0 ? 0 : .max) : max(0, whole + attoseconds / 1_000_000_000_000_000)
    }
}
