// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI
internal import Synchronization

extension MartletStore {
    /// Changes keys and streams in one step; see ``StoreTransaction``.
    ///
    /// - Parameter build: Puts the transaction together; what it throws ends the call.
    /// - Throws: `EtcdError` with the server's text where the transaction is refused or can't be asked for, and
    ///   ``MartletStoreError/Code/lacking`` where keys and streams aren't one Martlet cluster's.
    @discardableResult
    public func transact(
        _ build: (inout StoreTransaction) throws -> Void
    ) async throws -> StoreTransactionResult {
        var transaction = StoreTransaction()
        try build(&transaction)
        return try await transact(transaction)
    }

    /// As above, for a transaction that is put together elsewhere.
    @discardableResult
    public func transact(_ transaction: StoreTransaction) async throws -> StoreTransactionResult {
        try await transact(transaction, isRepeatable: false)
    }

    /// - Parameter isRepeatable: Whether it does nothing the second time.
    func transact(_ transaction: StoreTransaction, isRepeatable: Bool) async throws -> StoreTransactionResult {
        guard await mayTransact() else { throw transactionsAreLacking(nil) }
        do {
            return StoreTransactionResult(try await keys.transact(transaction.wire, isRepeatable: isRepeatable))
        } catch let error as EtcdError where error.code == .notSupported {
            throw transactionsAreLacking(error)
        }
    }

    private func transactionsAreLacking(_ cause: (any Error)?) -> MartletStoreError {
        let capability = StoreCapability.transactions
        return MartletStoreError(
            .lacking, "the store at \(address) lacks \(capability): \(capability.owners)", cause: cause)
    }

    /// Whether what is written as streams is what the servers of keys have. Where it is not known yet servers are
    /// asked, and where they can't be asked it stays unknown.
    private func mayTransact() async -> Bool {
        if address.isEmbedded { return true }
        if let known = joined.withLock({ $0 }) { return known }
        guard let found = try? await joinsKeysAndStreams() else { return true }
        joined.withLock { $0 = found }
        return found
    }

    /// Whether the servers of keys and those of streams are Martlet's, and the same ones: a transaction goes to the
    /// former, and the program's reads of streams to the latter.
    func joinsKeysAndStreams() async throws -> Bool {
        guard case .servers(let servers) = address.place else { return true }
        guard !servers.keys.isEmpty, !servers.streams.isEmpty else { return false }
        guard try await streams.info("server")["server_name"] == "martlet" else { return false }
        // Transactions know the streams of database 0.
        guard try await streams.command("CLIENT", "INFO").text?.contains(" db=0 ") == true else { return false }
        // Nothing changes by it.
        do {
            _ = try await keys.transact(Martlet_V1_TransactRequest(), isRepeatable: true)
            return true
        } catch let error as EtcdError where error.code == .notSupported {
            return false
        }
    }
}
