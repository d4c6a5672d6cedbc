// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI
internal import Synchronization

extension MartletStore {
    /// Changes keys and streams in one step; see ``StoreTransaction``.
    ///
    /// - Parameter build: Puts the transaction together; what it throws ends the call.
    /// - Throws: `EtcdError` with the server's text where the transaction is refused or can't be asked for, and
    ///   ``MartletStoreError`` where keys and streams aren't one Martlet cluster's, or nobody can tell: its codes are
    ///   `lacking`, `separateClusters` and `unavailable`.
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
        if !areTransactionsKnown { try await refuseWhereTransactionsLack() }
        let request = try transaction.encoded()
        do {
            return try StoreTransactionResult(decoding: await keys.transact(request, isRepeatable: isRepeatable))
        } catch let error as EtcdError where error.code == .notSupported {
            throw transactionsAreLacking(error)
        }
    }

    private func transactionsAreLacking(_ cause: (any Error)?) -> MartletStoreError {
        let capability = StoreCapability.transactions
        return MartletStoreError(
            .lacking, "the store at \(address) lacks \(capability): \(capability.owners)", cause: cause)
    }

    /// Whether they have been found to be there, as mostly: asked without a wait.
    private var areTransactionsKnown: Bool { address.isEmbedded || knownUnion.withLock { $0 == .whole } }

    /// Servers that haven't told yet are asked.
    private func refuseWhereTransactionsLack() async throws {
        var known = knownUnion.withLock { $0 }
        if known == nil {
            known = try await learnUnion("transactions")
            knownUnion.withLock { [known] in $0 = known }
        }
        switch known {
        case .whole?, nil: return
        case .apart?: throw transactionsAreLacking(nil)
        case .torn(let keys, let streams)?: throw separateClusters(keys, streams)
        }
    }

    /// - Throws: ``MartletStoreError/Code/unavailable`` where they can't be asked.
    func learnUnion(_ purpose: String) async throws -> StoreUnion {
        do {
            return try await union()
        } catch let error as CancellationError {
            throw error
        } catch {
            let message = (error as? RedisError)?.message ?? (error as? EtcdError)?.message ?? "\(error)"
            throw MartletStoreError(
                .unavailable, "the store at \(address) can't be asked for \(purpose): \(message)", cause: error)
        }
    }
}
