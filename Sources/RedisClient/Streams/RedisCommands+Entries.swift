// SPDX-License-Identifier: Apache-2.0

extension RedisCommand {
    /// `XADD`
    public static func xadd(
        _ key: some RedisWord, _ fields: [RedisField], configure: (inout RedisAddOptions) -> Void = { _ in }
    ) -> RedisCommand {
        var options = RedisAddOptions()
        configure(&options)
        var command = RedisCommand("XADD", key)
        if !options.createsStream { command.append("NOMKSTREAM") }
        if let references = options.references { command.append(references.rawValue) }
        switch options.idempotency {
        case .id(let id, let producer): command.append(contentsOf: ["IDMP", producer, id])
        case .content(let producer): command.append(contentsOf: ["IDMPAUTO", producer])
        case nil: break
        }
        options.trimming?.append(to: &command)
        switch options.moment {
        case .now: break
        case .after(let delay): command.append(contentsOf: ["DELAY", "\(delay.wholeMilliseconds)"])
        case .at(let moment): command.append(contentsOf: ["AT", "\(moment)"])
        }
        if let lifetime = options.timeToLive {
            command.append(contentsOf: ["TTL", "\(max(lifetime.wholeMilliseconds, 1))"])
        }
        if let priority = options.priority { command.append(contentsOf: ["PRIORITY", "\(priority)"]) }
        switch options.id {
        case .automatic: command.append("*")
        case .automaticSequence(let milliseconds): command.append("\(milliseconds)-*")
        case .exactly(let id): command.append(id)
        }
        for field in fields {
            command.append(field.name)
            command.append(field.value)
        }
        // The server knows it again.
        command.isRepeatable = options.idempotency != nil
        return command
    }

    /// `XACK`
    public static func xack(_ key: some RedisWord, _ group: some RedisWord, _ ids: [RedisStreamID]) -> RedisCommand {
        var command = RedisCommand("XACK", key, group)
        command.append(contentsOf: ids)
        return command.repeatable()
    }
}

extension RedisCommands {
    /// Adds an entry at the end of a stream.
    ///
    /// - Returns: Its ID; `nil` where there is no stream, and none was to be made.
    /// - Throws: ``RedisError``; ``RedisError/Code/notSupported`` where the entry is to come later, to end, or to be
    ///   urgent, at a server that knows nothing of that.
    @discardableResult
    public func xadd(
        _ key: some RedisWord, _ fields: [RedisField], configure: (inout RedisAddOptions) -> Void = { _ in }
    ) async throws -> RedisStreamID? {
        var options = RedisAddOptions()
        configure(&options)
        let command = RedisCommand.xadd(key, fields, configure: { $0 = options })
        // Other servers take the words for an ID; one that they could refuse isn't sent.
        let feature =
            options.isTimed
            ? "entries that come later or end (XADD with DELAY, AT or TTL)" : "priorities (XADD with PRIORITY)"
        let isExtended = options.isTimed || options.priority != nil
        let reply = try await isExtended ? send(command, lacking: feature, saying: RedisError.unknownID) : send(command)
        if reply.isNull { return nil }
        guard let id = RedisStreamID(reply) else { throw RedisError.unexpected("XADD", reply) }
        return id
    }

    /// Adds an entry at the end of a stream: `try await client.xadd("orders", ["number": 1, "item": "tea"])`.
    @discardableResult
    public func xadd(
        _ key: some RedisWord, _ fields: KeyValuePairs<String, any RedisWord>,
        configure: (inout RedisAddOptions) -> Void = { _ in }
    ) async throws -> RedisStreamID? {
        try await xadd(key, fields.map { RedisField(Array($0.key.utf8), $0.value.redisBytes) }, configure: configure)
    }

    /// How many entries a stream holds.
    public func xlen(_ key: some RedisWord) async throws -> Int {
        try await send(RedisCommand("XLEN", key).repeatable()).count("XLEN")
    }

    /// Entries of a range, oldest first.
    ///
    /// - Parameter selection: Which of them, and what of each; Martlet alone.
    public func xrange(
        _ key: some RedisWord, _ start: RedisStreamBound = .first, _ end: RedisStreamBound = .last, count: Int? = nil,
        selection: RedisSelection = .all
    ) async throws -> [RedisEntry] {
        try await range(RedisCommand("XRANGE", key, start, end), count, selection)
    }

    /// Entries of a range, newest first.
    ///
    /// - Parameter selection: Which of them, and what of each; Martlet alone.
    public func xrevrange(
        _ key: some RedisWord, _ end: RedisStreamBound = .last, _ start: RedisStreamBound = .first, count: Int? = nil,
        selection: RedisSelection = .all
    ) async throws -> [RedisEntry] {
        try await range(RedisCommand("XREVRANGE", key, end, start), count, selection)
    }

    private func range(
        _ command: RedisCommand, _ count: Int?, _ selection: RedisSelection
    ) async throws -> [RedisEntry] {
        var command = command.repeatable()
        if let count { command.append(contentsOf: ["COUNT", "\(count)"]) }
        selection.append(to: &command)
        return try RedisEntry.list(try await send(command, selection), command.name)
    }

    /// Reads streams behind positions.
    ///
    /// - Parameters:
    ///   - positions: The streams, each with its own position.
    ///   - block: How long to wait where there is nothing; `.zero` for ever, `nil` not at all.
    /// - Returns: Streams that have something; none when the time is over.
    public func xread(
        _ positions: [RedisReadPosition], block: Duration? = nil,
        configure: (inout RedisReadOptions) -> Void = { _ in }
    ) async throws -> [RedisStreamEntries] {
        var options = RedisReadOptions()
        configure(&options)
        var command = RedisCommand("XREAD")
        options.append(to: &command)
        command.append(block: block)
        command.append(positions)
        // What `$` means changes.
        command.isRepeatable = positions.allSatisfy { $0.position != "$" }
        return try RedisStreamEntries.list(try await send(command, options.selection), "XREAD")
    }

    /// Takes entries out of a stream, wherever they are.
    ///
    /// - Returns: How many there were.
    @discardableResult
    public func xdel(_ key: some RedisWord, _ ids: [RedisStreamID]) async throws -> Int {
        var command = RedisCommand("XDEL", key)
        command.append(contentsOf: ids)
        return try await send(command).count("XDEL")
    }

    /// Takes entries out of a stream, and says what becomes of pending ones. Redis 8.2 and Martlet.
    @discardableResult
    public func xdelex(
        _ key: some RedisWord, _ references: RedisReferences = .keep, _ ids: [RedisStreamID]
    ) async throws -> [RedisDeletion] {
        var command = RedisCommand("XDELEX", key, references.rawValue, "IDS", ids.count)
        command.append(contentsOf: ids)
        return try await send(command).integers("XDELEX").map { RedisDeletion($0) }
    }

    /// Takes the oldest entries away.
    ///
    /// - Returns: How many went.
    @discardableResult
    public func xtrim(
        _ key: some RedisWord, _ trimming: RedisTrimming, references: RedisReferences? = nil
    ) async throws -> Int {
        var command = RedisCommand("XTRIM", key)
        if let references { command.append(references.rawValue) }
        trimming.append(to: &command)
        return try await send(command).count("XTRIM")
    }

    /// Sets which ID a stream gave last, and what else it remembers of what it held.
    public func xsetid(
        _ key: some RedisWord, _ last: RedisStreamID, entriesAdded: Int? = nil, maximumDeletedID: RedisStreamID? = nil
    ) async throws {
        var command = RedisCommand("XSETID", key, last)
        if let entriesAdded { command.append(contentsOf: ["ENTRIESADDED", "\(entriesAdded)"]) }
        if let maximumDeletedID { command.append(contentsOf: ["MAXDELETEDID", "\(maximumDeletedID)"]) }
        _ = try await send(command.repeatable())
    }

    /// Sets how long, and how many of, what was added is known again. Redis 8.6 and Martlet.
    public func xcfgset(
        _ key: some RedisWord, idempotencySeconds: Int? = nil, idempotencySize: Int? = nil
    ) async throws {
        var command = RedisCommand("XCFGSET", key)
        if let idempotencySeconds { command.append(contentsOf: ["IDMP-DURATION", "\(idempotencySeconds)"]) }
        if let idempotencySize { command.append(contentsOf: ["IDMP-MAXSIZE", "\(idempotencySize)"]) }
        _ = try await send(command.repeatable())
    }
}

/// What became of one entry that was to be deleted.
public enum RedisDeletion: Sendable, Hashable {
    /// There is no such entry; of ``RedisCommands/xackdel(_:_:_:_:)``: it isn't pending.
    case notFound
    case deleted
    /// Some group still needs it.
    case kept

    init(_ number: Int) {
        self = number < 0 ? .notFound : number == 1 ? .deleted : .kept
    }
}

extension RedisCommand {
    /// `BLOCK`; the command gets a connection of its own then.
    mutating func append(block: Duration?) {
        guard let block else { return }
        let (seconds, attoseconds) = block.components
        // Rounded up: what is shorter than a millisecond mustn't become for ever.
        let milliseconds = seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        append(contentsOf: ["BLOCK", "\(max(0, milliseconds))"])
        blocks = block
    }

    mutating func append(_ positions: [RedisReadPosition]) {
        append("STREAMS")
        append(contentsOf: positions.map(\.key))
        append(contentsOf: positions.map(\.position))
    }
}
