// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

extension RedisClient {
    /// The pause before a server that wasn't ready is asked again.
    static let notReadyPause = Duration.milliseconds(50)

    public func send(_ command: RedisCommand) async throws -> RedisValue {
        try Task.checkCancellation()
        if let blocks = command.blocks { return try await sendBlocking(command, blocks) }
        let deadline = deadline(command.timeout)
        while true {
            let value = try await perform(Exchange(command, deadline: deadline))[0]
            guard case .error(let error) = value else { return value }
            let isWorthIt = error.wasNotExecuted || command.isRepeatable && error.code == .uncertain
            guard isWorthIt, NIODeadline.now() + TimeAmount(Self.notReadyPause) < deadline else { throw error }
            try await Task.sleep(for: Self.notReadyPause)
        }
    }

    public func pipeline(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        try Task.checkCancellation()
        guard !commands.isEmpty else { return [] }
        if commands.contains(where: { $0.blocks != nil }) {
            throw RedisError(
                .invalidRequest, "a command that waits would hold up those behind it", wasNotExecuted: true)
        }
        let longest = commands.compactMap(\.timeout).max()
        return try await perform(Exchange(commands, deadline: deadline(longest.map { max($0, timeout) })))
    }

    private func perform(_ exchange: Exchange) async throws -> [RedisValue] { try await link.perform(exchange) }

    private func deadline(_ timeout: Duration?) -> NIODeadline {
        .now() + TimeAmount(min(max(timeout ?? self.timeout, .zero), Self.longestTimeout))
    }

    /// Sends a command that the server may answer late, on a connection that waits for nothing else.
    ///
    /// Time spent without a connection is not added to that of the server.
    private func sendBlocking(_ command: RedisCommand, _ blocks: Duration) async throws -> RedisValue {
        let end = deadline(command.timeout)
        while true {
            let wire = try await own.take(until: end)
            let limit: NIODeadline =
                blocks <= .zero ? .distantFuture : .now() + TimeAmount(min(blocks, Self.longestTimeout) + timeout)
            let value: RedisValue
            do {
                value = try await wire.perform(Exchange(command, deadline: limit))[0]
            } catch {
                // A reply may be owed: what comes next on this connection would get it.
                await own.giveBack(wire, isClean: false)
                guard let failure = error as? RedisError, failure.code == .unavailable, .now() < end,
                    failure.wasNotExecuted || command.isRepeatable
                else { throw error }
                continue
            }
            await own.giveBack(wire, isClean: true)
            return try value.get()
        }
    }

    /// What the server said of itself when the connection in use began.
    ///
    /// - Throws: ``RedisError`` when there is no connection, and none can be made.
    public func serverInfo() async throws -> RedisServerInfo {
        let link = link
        if let server = link.server { return server }
        _ = try await link.perform(Exchange(RedisCommand("PING").repeatable(), deadline: deadline(nil)))
        guard let server = link.server else {
            throw RedisError(.unavailable, "the connection has ended", wasNotExecuted: true)
        }
        return server
    }

    /// Runs some work on a connection of its own: what it says about the connection, such as `WATCH` or `SELECT`, is
    /// between the two. It is closed then.
    ///
    /// The connection isn't made anew when it breaks: what was said about it would be gone.
    public func withConnection<Result>(
        _ body: (RedisConnection) async throws -> Result
    ) async throws -> Result {
        let wire = try await own.take(until: deadline(nil))
        do {
            let result = try await body(RedisConnection(wire, timeout: timeout))
            await own.giveBack(wire, isClean: false)
            return result
        } catch {
            await own.giveBack(wire, isClean: false)
            throw error
        }
    }
}

/// One connection that only its holder uses.
public struct RedisConnection: RedisCommands {
    let wire: RedisWire
    private let timeout: Duration

    init(_ wire: RedisWire, timeout: Duration) {
        self.wire = wire
        self.timeout = timeout
    }

    /// What the server said of itself.
    public var server: RedisServerInfo { wire.server }

    public func send(_ command: RedisCommand) async throws -> RedisValue {
        try await pipeline([command])[0].get()
    }

    public func pipeline(_ commands: [RedisCommand]) async throws -> [RedisValue] {
        guard !commands.isEmpty else { return [] }
        var limit = commands.compactMap(\.timeout).max() ?? timeout
        var isEndless = false
        for blocks in commands.compactMap(\.blocks) {
            if blocks <= .zero { isEndless = true } else { limit += min(blocks, RedisClient.longestTimeout) }
        }
        let deadline: NIODeadline =
            isEndless ? .distantFuture : .now() + TimeAmount(min(max(limit, .zero), RedisClient.longestTimeout))
        return try await wire.perform(Exchange(commands, deadline: deadline))
    }

    /// Lets the next transaction fail when one of these keys changes before it.
    public func watch(_ keys: any RedisWord...) async throws {
        _ = try await send(RedisCommand("WATCH", words: keys))
    }

    /// Forgets what was watched.
    public func unwatch() async throws { _ = try await send(RedisCommand("UNWATCH")) }
}
