// SPDX-License-Identifier: Apache-2.0

/// What a group does of itself, at the server. Martlet alone. What is `nil` it doesn't do.
public struct RedisGroupPolicy: Sendable, Hashable {
    /// For so long a message is its consumer's; then whoever reads next gets it, or whoever waits.
    public var visibility: Duration?
    /// What was delivered so often becomes a dead letter instead of being delivered again. With ``deadLetterStream``.
    public var maximumDeliveries: Int?
    /// Where dead letters go, in one step with their leaving the group.
    public var deadLetterStream: String?
    /// A consumer that has read nothing for so long goes, and gives back what it had.
    public var idleConsumers: Duration?
    /// Of messages with the same value in this field one is out at a time, in their order; others go on beside.
    public var orderField: String?
    /// Whether messages come by their priorities (``RedisAddOptions/priority``), the most urgent first, and of one
    /// priority in their order. Goes not with ``orderField``.
    public var prefersUrgent = false
    /// Messages that lack one of these fields are passed over.
    public var filter: [RedisField] = []

    public init() {}

    /// `nil` where a group tells of no policy.
    init?(_ value: RedisValue) {
        func milliseconds(_ name: String) -> Duration? { value[name]?.integer.map { .milliseconds($0) } }
        visibility = milliseconds("visibility")
        maximumDeliveries = value["max-deliveries"]?.integer.map { Int(clamping: $0) }
        deadLetterStream = value["dead-letter"]?.text
        idleConsumers = milliseconds("idle-consumers")
        orderField = value["order-by"]?.text
        prefersUrgent = value["deliver"]?.text == "priority"
        let texts = value["filter"]?.elements?.compactMap(\.bytes) ?? []
        for index in stride(from: 0, to: texts.count - 1, by: 2) {
            filter.append(RedisField(texts[index], texts[index + 1]))
        }
        if self == RedisGroupPolicy() { return nil }
    }

    func append(to command: inout RedisCommand) {
        let before = command.count
        if let visibility { command.append(contentsOf: ["VISIBILITY", "\(visibility.wholeMilliseconds)"]) }
        if let maximumDeliveries { command.append(contentsOf: ["MAXDELIVERIES", "\(maximumDeliveries)"]) }
        if let deadLetterStream { command.append(contentsOf: ["DEADLETTER", deadLetterStream]) }
        if let idleConsumers { command.append(contentsOf: ["IDLECONSUMERS", "\(idleConsumers.wholeMilliseconds)"]) }
        if let orderField { command.append(contentsOf: ["ORDERBY", orderField]) }
        if prefersUrgent { command.append(contentsOf: ["DELIVER", "PRIORITY"]) }
        for field in filter {
            command.append("FILTER")
            command.append(field.name)
            command.append(field.value)
        }
        if command.count == before { command.append("OFF") }
    }
}

/// How long a stream keeps its entries, of itself. Martlet alone. What is `nil` sets no bound.
public struct RedisRetention: Sendable, Hashable {
    public var maximumAge: Duration?
    /// A block more may stay, as of ``maximumCount``.
    public var maximumBytes: Int?
    public var maximumCount: Int?
    /// Whether entries go that all groups have acknowledged.
    public var removesAcknowledged = false

    public init() {}
}

/// What recurs in a stream.
public struct RedisJob: Sendable, Hashable {
    public var name: String
    public var schedule: String
    /// How far the schedule's clock is ahead of UTC, without a zone.
    public var offset: Duration
    /// Whose clocks the schedule is of: `Europe/Berlin`.
    public var zone: String?
    /// When it runs next, in milliseconds of the Unix clock.
    public var next: Int64
    /// The moment of its last run, likewise; `nil`: it hasn't run yet.
    public var last: Int64?
    public var runCount: Int
    /// Runs that were left out because they were too late.
    public var skippedCount: Int
}

extension RedisCommands {
    // MARK: Groups

    /// Sets what a group does of itself; all of it at once. Martlet alone.
    public func xgroupSetPolicy(
        _ key: some RedisWord, _ group: some RedisWord, _ policy: RedisGroupPolicy
    ) async throws {
        var command = RedisCommand("XGROUP", "SETPOLICY", key, group)
        policy.append(to: &command)
        _ = try await send(command.repeatable())
    }

    /// Ends a consumer that has nothing pending. Martlet alone.
    ///
    /// - Throws: ``RedisError/Code/server`` where it has; then nothing is done.
    public func xgroupDeleteConsumerIfEmpty(
        _ key: some RedisWord, _ group: some RedisWord, _ consumer: some RedisWord
    ) async throws {
        _ = try await send(RedisCommand("XGROUP", "DELCONSUMER", key, group, consumer, "IFEMPTY").repeatable())
    }

    /// Ends a consumer; what is pending with it is pending with another. Martlet alone.
    ///
    /// - Returns: How much that was.
    @discardableResult
    public func xgroupDeleteConsumer(
        _ key: some RedisWord, _ group: some RedisWord, _ consumer: some RedisWord, to heir: some RedisWord
    ) async throws -> Int {
        try await send(RedisCommand("XGROUP", "DELCONSUMER", key, group, consumer, "TO", heir)).count("XGROUP")
    }

    // MARK: Streams

    /// How many entries a range holds, without reading them. Martlet alone.
    public func xlen(
        _ key: some RedisWord, _ start: RedisStreamBound, _ end: RedisStreamBound
    ) async throws -> Int {
        try await send(RedisCommand("XLEN", key, start, end).repeatable()).count("XLEN")
    }

    /// Entries that wait for their moment, the next ones first; their IDs name them for ``xcancel(_:_:)``. Martlet
    /// alone.
    public func xdelayed(_ key: some RedisWord, count: Int = 100) async throws -> [RedisEntry] {
        let command = RedisCommand("XDELAYED", key, "-", "+", "COUNT", count)
        return try RedisEntry.list(try await send(command.repeatable()), "XDELAYED")
    }

    /// Forgets entries that wait. Martlet alone.
    ///
    /// - Parameter handles: What `xadd` answered when they were put by.
    /// - Returns: How many there were.
    @discardableResult
    public func xcancel(_ key: some RedisWord, _ handles: [RedisStreamID]) async throws -> Int {
        var command = RedisCommand("XCANCEL", key)
        command.append(contentsOf: handles)
        return try await send(command).count("XCANCEL")
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
        _ = try await send(command.repeatable())
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
        return try await send(command).count("XREPLAY")
    }

    // MARK: What recurs

    /// Has entries put into a stream again and again: each run is one entry, never two, also when leaders change. A job
    /// of the same name and schedule goes on as it was. Martlet alone.
    ///
    /// - Parameters:
    ///   - schedule: As in a crontab, with a second in front or without; `@daily` and the like; `@every 90s`.
    ///   - offset: How far the schedule's clock is ahead of UTC; whole minutes.
    ///   - zone: Instead of an offset, a place: `Europe/Berlin`. What its clocks do is what the server's files say when
    ///     the job is set. Where they are put forward, what falls into the time that is left out runs once, right then;
    ///     what falls into the time that comes twice runs once, the first time.
    ///   - grace: Runs that are later than this are left out; `nil`: a day.
    /// - Returns: When it runs next, in milliseconds of the Unix clock.
    @discardableResult
    public func xcronSet(
        _ key: some RedisWord, _ name: some RedisWord, _ schedule: String, _ fields: [RedisField],
        offset: Duration = .zero, zone: String? = nil, grace: Duration? = nil
    ) async throws -> Int64 {
        var command = RedisCommand("XCRON", "SET", key, name, schedule)
        let minutes = Int(offset.components.seconds / 60)
        if let zone {
            command.append(contentsOf: ["TZ", zone])
        } else if minutes != 0 {
            func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
            let size = abs(minutes)
            command.append(contentsOf: ["TZ", "\(minutes < 0 ? "-" : "+")\(two(size / 60)):\(two(size % 60))"])
        }
        if let grace { command.append(contentsOf: ["GRACE", "\(grace.wholeMilliseconds)"]) }
        command.append("*")
        for field in fields {
            command.append(field.name)
            command.append(field.value)
        }
        let reply = try await send(command.repeatable())
        guard let next = reply.integer else { throw RedisError.unexpected("XCRON SET", reply) }
        return next
    }

    /// Whether there was such a job. Martlet alone.
    @discardableResult
    public func xcronDelete(_ key: some RedisWord, _ name: some RedisWord) async throws -> Bool {
        try await send(RedisCommand("XCRON", "DEL", key, name)).count("XCRON") > 0
    }

    /// What recurs in a stream, the next one first. Martlet alone.
    public func xcronList(_ key: some RedisWord) async throws -> [RedisJob] {
        let reply = try await send(RedisCommand("XCRON", "LIST", key).repeatable())
        guard let values = reply.elements else { throw RedisError.unexpected("XCRON LIST", reply) }
        return try values.map { value in
            guard let name = value["name"]?.text, let schedule = value["schedule"]?.text,
                let next = value["next"]?.integer
            else { throw RedisError.unexpected("XCRON LIST", value) }
            return RedisJob(
                name: name, schedule: schedule, offset: .seconds(value["offset"]?.integer ?? 0),
                zone: value["zone"]?.text, next: next,
                last: value["last"]?.integer.flatMap { $0 < 0 ? nil : $0 },
                runCount: Int(clamping: value["runs"]?.integer ?? 0),
                skippedCount: Int(clamping: value["skipped"]?.integer ?? 0))
        }
    }
}
