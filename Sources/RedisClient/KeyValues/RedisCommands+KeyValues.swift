// SPDX-License-Identifier: Apache-2.0

extension RedisCommand {
    /// `KV.PUT`, also between the commands of a ``RedisCommands/transaction(_:)``.
    public static func kvPut(
        _ key: some RedisWord, _ value: some RedisWord, configure: (inout RedisKV.PutOptions) -> Void = { _ in }
    ) -> RedisCommand {
        RedisCommand(.put(key, value, configure: configure))
    }

    /// `KV.GET`
    public static func kvGet(
        _ keys: RedisKV.Keys, configure: (inout RedisKV.GetOptions) -> Void = { _ in }
    ) -> RedisCommand {
        RedisCommand(.get(keys, configure: configure)).repeatable()
    }

    /// `KV.DEL`
    public static func kvDelete(_ keys: RedisKV.Keys, returnsPrevious: Bool = false) -> RedisCommand {
        RedisCommand(.delete(keys, returnsPrevious: returnsPrevious))
    }

    /// `KV.TXN`
    public static func kvTransaction(_ transaction: RedisKV.Transaction) -> RedisCommand {
        RedisCommand(.transaction(transaction))
    }

    /// The words of an operation are those of the command without its `KV.`.
    private init(_ operation: RedisKV.Operation) {
        let name = String(decoding: operation.words[0], as: UTF8.self)
        self.init("KV." + name, words: Array(operation.words.dropFirst()))
    }
}

extension RedisCommands {
    // MARK: The key-value store

    /// Writes a key of the key-value store. Martlet alone, as all of `KV.`; elsewhere it throws
    /// ``RedisError/Code/notSupported``.
    @discardableResult
    public func kvPut(
        _ key: some RedisWord, _ value: some RedisWord, configure: (inout RedisKV.PutOptions) -> Void = { _ in }
    ) async throws -> RedisKV.PutResult {
        try RedisKV.PutResult(try await sendKV(.kvPut(key, value, configure: configure)))
    }

    /// Reads keys of the key-value store, 4096 at most.
    public func kvGet(
        _ keys: RedisKV.Keys, configure: (inout RedisKV.GetOptions) -> Void = { _ in }
    ) async throws -> RedisKV.GetResult {
        try RedisKV.GetResult(try await sendKV(.kvGet(keys, configure: configure)))
    }

    /// Reads one key of the key-value store; `nil`: it isn't there.
    public func kvGet(_ key: some RedisWord) async throws -> RedisKV.Record? {
        try await kvGet(.key(key)).records.first
    }

    /// Deletes keys of the key-value store.
    @discardableResult
    public func kvDelete(
        _ keys: RedisKV.Keys, returnsPrevious: Bool = false
    ) async throws -> RedisKV.DeleteResult {
        try RedisKV.DeleteResult(try await sendKV(.kvDelete(keys, returnsPrevious: returnsPrevious)))
    }

    /// Compares keys of the key-value store, then reads and changes some: see ``RedisKV/Transaction``.
    public func kvTransaction(_ transaction: RedisKV.Transaction) async throws -> RedisKV.TransactionResult {
        try RedisKV.TransactionResult(try await sendKV(.kvTransaction(transaction)), of: transaction)
    }

    private func sendKV(_ command: RedisCommand) async throws -> RedisValue {
        try await send(command, lacking: "key-value store (KV.PUT and its like)")
    }
}
