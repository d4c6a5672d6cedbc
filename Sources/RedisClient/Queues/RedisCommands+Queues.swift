// SPDX-License-Identifier: Apache-2.0

extension RedisCommands {
    // MARK: Groups

    /// Sets what a group does of itself; all of it at once. Martlet alone.
    public func xgroupSetPolicy(
        _ key: some RedisWord, _ group: some RedisWord, _ policy: RedisGroupPolicy
    ) async throws {
        var command = RedisCommand("XGROUP", "SETPOLICY", key, group)
        policy.append(to: &command)
        _ = try await send(command.repeatable(), lacking: "groups that do something of themselves (XGROUP SETPOLICY)")
    }

    /// Ends a consumer that has nothing pending. Martlet alone.
    ///
    /// - Throws: ``RedisError/Code/server`` where it has; then nothing is done.
    public func xgroupDeleteConsumerIfEmpty(
        _ key: some RedisWord, _ group: some RedisWord, _ consumer: some RedisWord
    ) async throws {
        let command = RedisCommand("XGROUP", "DELCONSUMER", key, group, consumer, "IFEMPTY").repeatable()
        _ = try await send(command, lacking: "XGROUP DELCONSUMER with IFEMPTY", saying: RedisError.wrongCount)
    }

    /// Ends a consumer; what is pending with it is pending with another. Martlet alone.
    ///
    /// - Returns: How much that was.
    @discardableResult
    public func xgroupDeleteConsumer(
        _ key: some RedisWord, _ group: some RedisWord, _ consumer: some RedisWord, to heir: some RedisWord
    ) async throws -> Int {
        let command = RedisCommand("XGROUP", "DELCONSUMER", key, group, consumer, "TO", heir)
        let reply = try await send(command, lacking: "XGROUP DELCONSUMER with TO", saying: RedisError.wrongCount)
        return try reply.count("XGROUP")
    }

    // MARK: Streams

    /// How many entries a range holds, without reading them. Martlet alone.
    public func xlen(
        _ key: some RedisWord, _ start: RedisStreamBound, _ end: RedisStreamBound
    ) async throws -> Int {
        let command = RedisCommand("XLEN", key, start, end).repeatable()
        return try await send(command, lacking: "XLEN of a range", saying: RedisError.wrongCount).count("XLEN")
    }

    /// Entries that wait for their moment, the next ones first; their IDs name them for ``xcancel(_:_:)``. An ID's
    /// milliseconds are the moment, so that a range is one of time. Martlet alone.
    public func xdelayed(
        _ key: some RedisWord, _ start: RedisStreamBound = .first, _ end: RedisStreamBound = .last, count: Int = 100
    ) async throws -> [RedisEntry] {
        let command = RedisCommand("XDELAYED", key, start, end, "COUNT", count).repeatable()
        return try RedisEntry.list(try await send(command, lacking: Self.delays), "XDELAYED")
    }

    private static var delays: String { "entries that come later (XDELAYED, XCANCEL)" }

    /// Forgets entries that wait. Martlet alone.
    ///
    /// - Parameter handles: What `xadd` answered when they were put by.
    /// - Returns: How many there were.
    @discardableResult
    public func xcancel(_ key: some RedisWord, _ handles: [RedisStreamID]) async throws -> Int {
        var command = RedisCommand("XCANCEL", key)
        command.append(contentsOf: handles)
        return try await send(command, lacking: Self.delays).count("XCANCEL")
    }

    /// Sets how long a stream keeps its entries; `nil`: until somebody removes them. Martlet alone.
    public func xretain(_ key: some RedisWord, _ retention: RedisRetention?) async throws {
        var command = RedisCommand("XRETAIN", key)
        let before = command.count
        if let age = retention?.maximumAge { command.append(contentsOf: ["MAXAGE", "\(age.wholeMilliseconds)"]) }
        if let bytes = retention?.maximumBytes { command.append(contentsOf: ["MAXBYTES", "\(bytes)"]) }
        if let count = retention?.maximumCount { command.append(contentsOf: ["MAXLEN", "\(count)"]) }
        if retention?.removesAcknowledged == true { command.append("ACKED") }
        if command.count == before { command.append("OFF") }
        _ = try await send(command.repeatable(), lacking: "retention (XRETAIN)")
    }

    /// Puts dead letters back into the stream they came from. Martlet alone.
    ///
    /// - Parameter takesAny: Whether also those go that came from elsewhere.
    /// - Returns: How many went.
    @discardableResult
    public func xreplay(
        _ deadLetters: some RedisWord, to key: some RedisWord, count: Int = 100, takesAny: Bool = false
    ) async throws -> Int {
        var command = RedisCommand("XREPLAY", deadLetters, key, "COUNT", count)
        if takesAny { command.append("ANY") }
        return try await send(command, lacking: "replay of dead letters (XREPLAY)").count("XREPLAY")
    }
}
