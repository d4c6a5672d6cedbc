// SPDX-License-Identifier: Apache-2.0

/// What recurs in a stream.
public struct RedisJob: Sendable, Hashable {
    public var name: String
    public var schedule: String
    /// How far the schedule's clock is ahead of UTC, without a zone.
    public var offset: Duration
    /// Whose clocks the schedule is of: `Europe/Berlin`.
    public var zone: String?
    /// Runs that are later than this are left out.
    public var grace: Duration
    /// How urgent its entries are: 0 to 9.
    public var priority: Int
    /// What its entries say, behind the two fields that each begins with: `Cron-Job` and `Cron-Due`.
    public var fields: [RedisField]
    /// When it runs next, in milliseconds of the Unix clock.
    public var next: Int64
    /// The moment of its last run, likewise; `nil`: it hasn't run yet.
    public var last: Int64?
    public var runCount: Int
    /// Runs that were left out because they were too late.
    public var skippedCount: Int
}

extension RedisCommands {
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
    ///   - priority: How urgent the entries are, from 0 to 9, for groups that prefer what is urgent; `nil`: 0.
    /// - Returns: When it runs next, in milliseconds of the Unix clock.
    @discardableResult
    public func xcronSet(
        _ key: some RedisWord, _ name: some RedisWord, _ schedule: String, _ fields: [RedisField],
        offset: Duration = .zero, zone: String? = nil, grace: Duration? = nil, priority: Int? = nil
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
        if let priority { command.append(contentsOf: ["PRIORITY", "\(priority)"]) }
        command.append("*")
        for field in fields {
            command.append(field.name)
            command.append(field.value)
        }
        let reply = try await send(command.repeatable(), lacking: Self.jobs)
        guard let next = reply.integer else { throw RedisError.unexpected("XCRON SET", reply) }
        return next
    }

    /// Whether there was such a job. Martlet alone.
    @discardableResult
    public func xcronDelete(_ key: some RedisWord, _ name: some RedisWord) async throws -> Bool {
        try await send(RedisCommand("XCRON", "DEL", key, name), lacking: Self.jobs).count("XCRON") > 0
    }

    /// What recurs in a stream, the next one first. Martlet alone.
    public func xcronList(_ key: some RedisWord) async throws -> [RedisJob] {
        let reply = try await send(RedisCommand("XCRON", "LIST", key).repeatable(), lacking: Self.jobs)
        guard let values = reply.elements else { throw RedisError.unexpected("XCRON LIST", reply) }
        return try values.map { try RedisJob($0) }
    }

    private static var jobs: String { "jobs that recur (XCRON)" }
}

extension RedisJob {
    /// One of what `XCRON LIST` tells.
    init(_ value: RedisValue) throws(RedisError) {
        guard let name = value["name"]?.text, let schedule = value["schedule"]?.text,
            let next = value["next"]?.integer
        else { throw .unexpected("XCRON LIST", value) }
        self.name = name
        self.schedule = schedule
        self.next = next
        offset = .seconds(value["offset"]?.integer ?? 0)
        zone = value["zone"]?.text
        grace = .milliseconds(value["grace"]?.integer ?? 0)
        priority = Int(clamping: value["priority"]?.integer ?? 0)
        last = value["last"]?.integer.flatMap { $0 < 0 ? nil : $0 }
        runCount = Int(clamping: value["runs"]?.integer ?? 0)
        skippedCount = Int(clamping: value["skipped"]?.integer ?? 0)
        fields = (value["fields"]?.pairs ?? []).compactMap { pair in
            guard let name = pair.key.bytes, let value = pair.value.bytes else { return nil }
            return RedisField(name, value)
        }
    }
}
