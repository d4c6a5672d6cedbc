// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI

/// What a ``StoreTransaction`` did.
public struct StoreTransactionResult: Sendable {
    /// The revision of the keys after it.
    public let revision: Int64
    /// Whether all conditions held.
    public let succeeded: Bool
    private let responses: [Martlet_V1_OperationResponse]

    init(_ wire: Martlet_V1_TransactResponse) {
        revision = wire.header.revision
        succeeded = wire.succeeded
        responses = wire.responses
    }

    private func response<Result>(
        _ handle: StoreTransaction.Handle<Result>
    ) -> Martlet_V1_OperationResponse.OneOf_Response? {
        guard succeeded == handle.isThen, handle.position < responses.count else { return nil }
        return responses[handle.position].response
    }

    /// The result of a read; `nil` when the other branch was done.
    public subscript(handle: StoreTransaction.Handle<EtcdGetResult>) -> EtcdGetResult? {
        guard case .range(let wire) = response(handle) else { return nil }
        return EtcdGetResult(wire)
    }

    /// The result of a write; `nil` when the other branch was done.
    public subscript(handle: StoreTransaction.Handle<EtcdPutResult>) -> EtcdPutResult? {
        guard case .put(let wire) = response(handle) else { return nil }
        return EtcdPutResult(wire)
    }

    /// The result of a deletion; `nil` when the other branch was done.
    public subscript(handle: StoreTransaction.Handle<EtcdDeleteResult>) -> EtcdDeleteResult? {
        guard case .deleteRange(let wire) = response(handle) else { return nil }
        return EtcdDeleteResult(wire)
    }

    /// The ID of an entry that was added; `nil` when the other branch was done.
    public subscript(handle: StoreTransaction.Handle<RedisStreamID>) -> RedisStreamID? {
        guard case .append(let wire) = response(handle) else { return nil }
        return RedisStreamID(wire)
    }

    /// How many entries an operation concerned; `nil` when the other branch was done.
    public subscript(handle: StoreTransaction.Handle<Int>) -> Int? {
        switch response(handle) {
        case .acknowledged(let count), .negativelyAcknowledged(let count), .trimmed(let count), .deleted(let count):
            Int(clamping: count)
        case .range, .put, .deleteRange, .transact, .append, nil: nil
        }
    }

    /// The result of a transaction within; `nil` when the other branch was done.
    public subscript(handle: StoreTransaction.Handle<StoreTransactionResult>) -> StoreTransactionResult? {
        guard case .transact(let wire) = response(handle) else { return nil }
        return StoreTransactionResult(wire)
    }
}
