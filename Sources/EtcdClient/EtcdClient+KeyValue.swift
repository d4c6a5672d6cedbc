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
            "/etcdserverpb.KV/Range", EtcdOperation.range(keys, options), .always)
        return EtcdGetResult(response)
    }

    /// Writes a key.
    @discardableResult
    public func put(
        _ key: some Sequence<UInt8>, _ value: some Sequence<UInt8>, lease: EtcdLeaseID = .none,
        returningPrevious: Bool = false
    ) async throws -> EtcdPutResult {
        let response: Etcdserverpb_PutResponse = try await self.request(
            "/etcdserverpb.KV/Put", EtcdOperation.put([UInt8](key), [UInt8](value), lease, returningPrevious),
            .ifNotExecuted)
        return EtcdPutResult(response)
    }

    /// Writes a key, both as text.
    @discardableResult
    public func put(
        _ key: String, _ value: String, lease: EtcdLeaseID = .none, returningPrevious: Bool = false
    ) async throws -> EtcdPutResult {
        try await self.put(key.utf8, value.utf8, lease: lease, returningPrevious: returningPrevious)
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
        let response: Etcdserverpb_TxnResponse = try await self.request(
            "/etcdserverpb.KV/Txn", EtcdOperation.transaction(conditions, success, failure), .ifNotExecuted)
        return EtcdTransactionResult(response)
    }

    /// Forgets all history before a revision.
    ///
    /// - Parameter isPhysical: Whether to wait until the space is free.
    public func compact(to revision: Int64, isPhysical: Bool = false) async throws {
        var request = Etcdserverpb_CompactionRequest()
        request.revision = revision
        request.physical = isPhysical
        let _: Etcdserverpb_CompactionResponse = try await self.request(
            "/etcdserverpb.KV/Compact", request, .ifNotExecuted)
    }
}
