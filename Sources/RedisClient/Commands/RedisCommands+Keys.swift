// SPDX-License-Identifier: Apache-2.0

extension RedisCommands {
    // MARK: Keys

    /// Removes keys. Returns how many there were.
    @discardableResult
    public func del(_ keys: any RedisWord...) async throws -> Int {
        try await send(RedisCommand("DEL", words: keys)).count("DEL")
    }

    /// How many of these keys exist.
    public func exists(_ keys: any RedisWord...) async throws -> Int {
        try await send(RedisCommand("EXISTS", words: keys).repeatable()).count("EXISTS")
    }

    /// The kind of a key's value: `stream`, `string`, `list`, `set`; `none` where there is no such key.
    public func type(_ key: some RedisWord) async throws -> String {
        let reply = try await send(RedisCommand("TYPE", key).repeatable())
        guard let text = reply.text else { throw RedisError.unexpected("TYPE", reply) }
        return text
    }

    /// Lets a key end after so long. Returns whether there is one.
    @discardableResult
    public func expire(_ key: some RedisWord, after time: Duration) async throws -> Bool {
        try await send(RedisCommand("PEXPIRE", key, time.wholeMilliseconds)).count("PEXPIRE") > 0
    }

    /// Lets a key end no more. Returns whether it would have.
    @discardableResult
    public func persist(_ key: some RedisWord) async throws -> Bool {
        try await send(RedisCommand("PERSIST", key)).count("PERSIST") > 0
    }

    /// How long a key has left; `nil` where it doesn't end, or there is none.
    public func timeToLive(_ key: some RedisWord) async throws -> Duration? {
        let left = try await send(RedisCommand("PTTL", key).repeatable()).count("PTTL")
        return left < 0 ? nil : .milliseconds(left)
    }

    /// Gives a key another name, in place of what has it.
    public func rename(_ key: some RedisWord, to name: some RedisWord) async throws {
        _ = try await send(RedisCommand("RENAME", key, name))
    }

    /// The next keys of a walk over all, which begins and ends with position 0. Keys that come or go meanwhile may be
    /// missed or told twice.
    public func scan(
        _ position: UInt64 = 0, matching pattern: String? = nil, type: String? = nil, count: Int? = nil
    ) async throws -> (position: UInt64, keys: [[UInt8]]) {
        var command = RedisCommand("SCAN", position)
        if let pattern { command.append(contentsOf: ["MATCH", pattern]) }
        if let count { command.append(contentsOf: ["COUNT", "\(count)"]) }
        if let type { command.append(contentsOf: ["TYPE", type]) }
        let reply = try await send(command.repeatable())
        guard let parts = reply.elements, parts.count == 2, let next = parts[0].text.flatMap({ UInt64($0) }) else {
            throw RedisError.unexpected("SCAN", reply)
        }
        return (next, try parts[1].texts("SCAN"))
    }

    /// How many keys there are.
    public func dbsize() async throws -> Int {
        try await send(RedisCommand("DBSIZE").repeatable()).count("DBSIZE")
    }

    /// Removes all keys of the database.
    public func flushdb() async throws { _ = try await send(RedisCommand("FLUSHDB")) }
    /// Removes all keys of all databases.
    public func flushall() async throws { _ = try await send(RedisCommand("FLUSHALL")) }

    // MARK: Texts

    public func get(_ key: some RedisWord) async throws -> [UInt8]? {
        try await send(RedisCommand("GET", key).repeatable()).bytes
    }

    /// - Parameters:
    ///   - expiry: How long the key is there.
    ///   - onlyIfAbsent: Whether a key that exists stays as it is.
    /// - Returns: Whether it was set.
    @discardableResult
    public func set(
        _ key: some RedisWord, _ value: some RedisWord, expiry: Duration? = nil, onlyIfAbsent: Bool = false
    ) async throws -> Bool {
        var command = RedisCommand("SET", key, value)
        if let expiry { command.append(contentsOf: ["PX", "\(expiry.wholeMilliseconds)"]) }
        if onlyIfAbsent { command.append("NX") }
        return try await !send(command).isNull
    }

    /// The new number.
    @discardableResult
    public func incr(_ key: some RedisWord, by amount: Int = 1) async throws -> Int {
        try await send(RedisCommand("INCRBY", key, amount)).count("INCRBY")
    }

    // MARK: Lists

    /// How long the list is then.
    @discardableResult
    public func lpush(_ key: some RedisWord, _ values: any RedisWord...) async throws -> Int {
        try await send(RedisCommand("LPUSH", words: [key] + values)).count("LPUSH")
    }

    /// How long the list is then.
    @discardableResult
    public func rpush(_ key: some RedisWord, _ values: any RedisWord...) async throws -> Int {
        try await send(RedisCommand("RPUSH", words: [key] + values)).count("RPUSH")
    }

    public func lpop(_ key: some RedisWord) async throws -> [UInt8]? { try await send(RedisCommand("LPOP", key)).bytes }
    public func rpop(_ key: some RedisWord) async throws -> [UInt8]? { try await send(RedisCommand("RPOP", key)).bytes }

    public func llen(_ key: some RedisWord) async throws -> Int {
        try await send(RedisCommand("LLEN", key).repeatable()).count("LLEN")
    }

    public func lrange(_ key: some RedisWord, _ start: Int = 0, _ end: Int = -1) async throws -> [[UInt8]] {
        try await send(RedisCommand("LRANGE", key, start, end).repeatable()).texts("LRANGE")
    }

    /// Takes from the first of these lists that has something, or waits for one.
    ///
    /// - Parameter timeout: `.zero` is for ever.
    public func blpop(
        _ keys: [any RedisWord], timeout: Duration
    ) async throws -> (key: [UInt8], value: [UInt8])? {
        var command = RedisCommand("BLPOP", words: keys)
        command.append(Double(timeout.wholeMilliseconds) / 1000)
        command.blocks = timeout
        let reply = try await send(command)
        if reply.isNull { return nil }
        let parts = try reply.texts("BLPOP")
        guard parts.count == 2 else { throw RedisError.unexpected("BLPOP", reply) }
        return (parts[0], parts[1])
    }

    // MARK: Sets

    /// How many are new.
    @discardableResult
    public func sadd(_ key: some RedisWord, _ members: any RedisWord...) async throws -> Int {
        try await send(RedisCommand("SADD", words: [key] + members)).count("SADD")
    }

    /// How many there were.
    @discardableResult
    public func srem(_ key: some RedisWord, _ members: any RedisWord...) async throws -> Int {
        try await send(RedisCommand("SREM", words: [key] + members)).count("SREM")
    }

    public func smembers(_ key: some RedisWord) async throws -> [[UInt8]] {
        try await send(RedisCommand("SMEMBERS", key).repeatable()).texts("SMEMBERS")
    }

    public func scard(_ key: some RedisWord) async throws -> Int {
        try await send(RedisCommand("SCARD", key).repeatable()).count("SCARD")
    }
}
