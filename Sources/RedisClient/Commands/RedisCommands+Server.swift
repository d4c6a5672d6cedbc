// SPDX-License-Identifier: Apache-2.0

extension RedisCommands {
    /// Whether somebody answers.
    public func ping() async throws { _ = try await send(RedisCommand("PING").repeatable()) }

    /// The server's clock, in microseconds since 1970.
    public func time() async throws -> Int64 {
        let reply = try await send(RedisCommand("TIME").repeatable())
        guard let parts = reply.elements, parts.count == 2, let seconds = parts[0].integer,
            let microseconds = parts[1].integer
        else { throw RedisError.unexpected("TIME", reply) }
        return seconds * 1_000_000 + microseconds
    }

    /// Whether the server knows a command.
    package func knows(_ command: String) async throws -> Bool {
        let reply = try await send(RedisCommand("COMMAND", "INFO", command).repeatable())
        guard let found = reply.elements?.first, !found.isNull else { return false }
        // Old servers say it by an empty list.
        return found.elements?.isEmpty == false
    }

    /// What a server tells of itself, by the names of `INFO`.
    public func info(_ section: String? = nil) async throws -> [String: String] {
        let reply = try await send(RedisCommand("INFO", words: section.map { [$0] } ?? []).repeatable())
        guard let text = reply.text else { throw RedisError.unexpected("INFO", reply) }
        var values: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            guard let colon = line.firstIndex(of: ":") else { continue }
            values[String(line[..<colon])] = String(line[line.index(after: colon)...])
        }
        return values
    }

    /// Settings whose names match a pattern.
    public func configGet(_ pattern: String) async throws -> [String: String] {
        let reply = try await send(RedisCommand("CONFIG", "GET", pattern).repeatable())
        guard let pairs = reply.pairs else { throw RedisError.unexpected("CONFIG GET", reply) }
        var values: [String: String] = [:]
        for pair in pairs {
            guard let name = pair.key.text else { throw RedisError.unexpected("CONFIG GET", reply) }
            values[name] = pair.value.text
        }
        return values
    }

    public func configSet(_ name: String, _ value: String) async throws {
        _ = try await send(RedisCommand("CONFIG", "SET", name, value).repeatable())
    }

    /// Waits until so many others have what was written before.
    ///
    /// - Returns: How many have it.
    @discardableResult
    public func wait(replicas: Int, timeout: Duration) async throws -> Int {
        var command = RedisCommand("WAIT", replicas, timeout.wholeMilliseconds)
        command.timeout = timeout + .seconds(5)
        return try await send(command).count("WAIT")
    }

    /// Hands a message to those who subscribe now.
    ///
    /// - Returns: How many they are, on this server.
    @discardableResult
    public func publish(_ channel: some RedisWord, _ message: some RedisWord) async throws -> Int {
        try await send(RedisCommand("PUBLISH", channel, message)).count("PUBLISH")
    }

    public func scriptFlush() async throws { _ = try await send(RedisCommand("SCRIPT", "FLUSH").repeatable()) }
    public func functionFlush() async throws { _ = try await send(RedisCommand("FUNCTION", "FLUSH").repeatable()) }
}
