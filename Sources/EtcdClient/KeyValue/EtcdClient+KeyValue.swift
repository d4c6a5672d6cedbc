// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI

extension EtcdClient {
    /// Reads keys.
    ///
    /// - Throws: ``EtcdError``, or `CancellationError` when the task is cancelled; so do all requests.
    public func get(
        _ keys: EtcdKeyRange, configure: (inout EtcdGetOptions) -> Void = { _ in }
    ) async throws -> EtcdGetResult {
        var options = EtcdGetOptions()
        configure(&options)
        let response: Etcdserverpb_RangeResponse = try await self.request(
            "/etcdserverpb.KV/Range", EtcdOperation.range(keys, options), .always,
            needsLeader: !options.isSerializable)
        return EtcdGetResult(response)
    }

    /// Writes a key.
    ///
    /// - Parameters:
    ///   - lease: The lease that the key lives by from now on.
    ///   - keepingLease: Whether it keeps the lease it has instead; the key must exist then.
    ///   - returningPrevious: Whether the result tells what was there before.
    @discardableResult
    public func put(
        _ key: some Sequence<UInt8>, _ value: some Sequence<UInt8>, lease: EtcdLeaseID = .none,
        keepingLease: Bool = false, returningPrevious: Bool = false
    ) async throws -> EtcdPutResult {
        let request = EtcdOperation.put([UInt8](key), [UInt8](value), lease, keepingLease, returningPrevious)
        let response: Etcdserverpb_PutResponse = try await self.request(
            "/etcdserverpb.KV/Put", request, .ifNotExecuted)
        return EtcdPutResult(response)
    }

    /// Writes a key, both as text.
    @discardableResult
    public func put(
        _ key: String, _ value: String, lease: EtcdLeaseID = .none, keepingLease: Bool = false,
        returningPrevious: Bool = false
    ) async throws -> EtcdPutResult {
        try await self.put(
            key.utf8, value.utf8, lease: lease, keepingLease: keepingLease, returningPrevious: returningPrevious)
    }

    /// Gives a key that exists another lease, or none; its value stays.
    @discardableResult
    public func attach(_ key: some Sequence<UInt8>, to lease: EtcdLeaseID) async throws -> EtcdPutResult {
        let response: Etcdserverpb_PutResponse = try await self.request(
            "/etcdserverpb.KV/Put", EtcdOperation.attach([UInt8](key), lease), .ifNotExecuted)
        return EtcdPutResult(response)
    }

    /// Deletes keys.
    @discardableResult
    public func delete(_ keys: EtcdKeyRange, returningPrevious: Bool = false) async throws -> EtcdDeleteResult {
        let response: Etcdserverpb_DeleteRangeResponse = try await self.request(
            "/etcdserverpb.KV/DeleteRange", EtcdOperation.delete(keys, returningPrevious), .ifNotExecuted)
        return EtcdDeleteResult(response)
    }

    /// Runs the first list of operations if all conditions hold, else the second, all at one revision.
    @discardableResult
    public func transaction(
        when conditions: [EtcdComparison] = [], then success: [EtcdOperation], otherwise failure: [EtcdOperation] = []
    ) async throws -> EtcdTransactionResult {
        let readsOnly = (success + failure).allSatisfy(\.isRead)
        return try await self.transaction(conditions, success, failure, readsOnly ? .always : .ifNotExecuted)
    }

    /// Runs a transaction.
    @discardableResult
    public func transaction(_ transaction: EtcdTransaction) async throws -> EtcdTransactionResult {
        try await self.transaction(
            when: transaction.conditions, then: transaction.then.operations,
            otherwise: transaction.otherwise.operations)
    }

    func transaction(
        _ conditions: [EtcdComparison], _ success: [EtcdOperation], _ failure: [EtcdOperation],
        _ repeatability: RequestRepeatability
    ) async throws -> EtcdTransactionResult {
        let response: Etcdserverpb_TxnResponse = try await self.request(
            "/etcdserverpb.KV/Txn", EtcdOperation.transaction(conditions, success, failure), repeatability)
        return EtcdTransactionResult(response)
    }

    /// Forgets all history before a revision. What was current at that revision can still be read at it.
    ///
    /// - Parameter isPhysical: Whether to wait until the space is free.
    /// - Throws: ``EtcdError/Code/compacted`` when that has been done already.
    public func compact(to revision: Int64, isPhysical: Bool = false) async throws {
        var request = Etcdserverpb_CompactionRequest()
        request.revision = revision
        request.physical = isPhysical
        let _: Etcdserverpb_CompactionResponse = try await self.request(
            "/etcdserverpb.KV/Compact", request, .ifNotExecuted,
            timeout: isPhysical ? max(self.timeout, self.maintenanceTimeout) : self.timeout)
    }
}
