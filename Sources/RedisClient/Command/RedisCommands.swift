// SPDX-License-Identifier: Apache-2.0

/// Whatever sends commands: a client, or one connection of its own.
///
/// All commands with names of their own build on ``send(_:)``.
public protocol RedisCommands: Sendable {
    /// Sends a command and answers its reply.
    ///
    /// - Throws: ``RedisError``: the server's own error too; or `CancellationError` when the task is cancelled.
    func send(_ command: RedisCommand) async throws -> RedisValue

    /// Sends commands together and answers their replies, in their order.
    ///
    /// Errors of single commands are among the replies.
    func pipeline(_ commands: [RedisCommand]) async throws -> [RedisValue]
}

extension RedisCommands {
    /// Sends any command, in any words: the way to what has no method of its own.
    ///
    /// A command that makes the server wait, such as `BLPOP`, holds up all others of a client that are sent this way;
    /// give it as a ``RedisCommand`` with ``RedisCommand/blocks``.
    @discardableResult
    public func command(_ name: String, _ words: any RedisWord...) async throws -> RedisValue {
        try await send(RedisCommand(name, words: words))
    }

    /// Carries commands out as one: all of them, with nobody's in between, or none.
    ///
    /// - Returns: Their replies, errors of single commands among them; `nil` where a watched key had changed, and
    ///   nothing was done.
    /// - Throws: ``RedisError``, when a command was refused already as it was queued; nothing was done then.
    public func transaction(_ commands: [RedisCommand]) async throws -> [RedisValue]? {
        guard !commands.isEmpty else { return [] }
        let replies = try await pipeline([RedisCommand("MULTI")] + commands + [RedisCommand("EXEC")])
        guard replies.count == commands.count + 2, let last = replies.last else {
            throw RedisError.unexpected("EXEC", .null)
        }
        if case .error(let aborted) = last {
            // What was refused says more than that all was.
            for case .error(let error) in replies.dropLast() { throw error }
            throw aborted
        }
        if last.isNull { return nil }
        guard let results = last.elements else { throw RedisError.unexpected("EXEC", last) }
        return results
    }
}
