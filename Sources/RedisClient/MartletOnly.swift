// SPDX-License-Identifier: Apache-2.0

extension RedisCommands {
    /// Sends what Martlet alone knows.
    ///
    /// - Parameters:
    ///   - feature: What it is, and how it is written: `retention (XRETAIN)`.
    ///   - text: What others say that know the command, and not its words; Martlet never says it of those.
    /// - Throws: ``RedisError/Code/notSupported``, with a sentence, where the server knows nothing of it.
    func send(_ command: RedisCommand, lacking feature: String, saying text: String? = nil) async throws -> RedisValue {
        do {
            return try await send(command)
        } catch let error as RedisError where error.isNotSupported || text.map(error.message.hasPrefix) == true {
            throw error.lacking(feature)
        }
    }
}

extension RedisError {
    /// What servers say to options that they don't know: of reads, of commands that have none there, and of `XADD`,
    /// which takes them for an ID.
    static let (unknownOption, wrongCount, unknownID) = (
        "ERR syntax error", "ERR wrong number of arguments", "ERR Invalid stream ID"
    )

    /// The same, said of what the server doesn't have.
    func lacking(_ feature: String) -> RedisError {
        RedisError(
            .notSupported, "the server has no \(feature): Martlet alone has that. It says: \(message)", prefix: prefix,
            wasNotExecuted: true)
    }
}
