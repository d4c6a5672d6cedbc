// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI

/// What a read found.
public struct EtcdGetResult: Hashable, Sendable {
    /// The store's revision when it answered.
    public let revision: Int64
    public let keyValues: [EtcdKeyValue]
    /// How many keys are in the range, whatever the limit.
    public let count: Int64
    /// Whether the limit cut the list.
    public let hasMore: Bool
    /// Where to watch from so that no change after this read is missed.
    public var nextRevision: Int64 { self.revision.followingRevision }

    package init(_ wire: Etcdserverpb_RangeResponse) {
        self.revision = wire.header.revision
        self.keyValues = wire.kvs.map { EtcdKeyValue($0) }
        self.count = wire.count
        self.hasMore = wire.more
    }
}

extension Int64 {
    /// The revision after this one. The last number there is follows itself: no real store comes there, and one that
    /// lies must not end the process.
    var followingRevision: Int64 { self == .max ? self : self + 1 }
}

/// What a write did.
public struct EtcdPutResult: Hashable, Sendable {
    /// The revision that the write made.
    public let revision: Int64
    /// What the key held before, if it was asked for.
    public let previous: EtcdKeyValue?

    package init(revision: Int64, previous: EtcdKeyValue? = nil) {
        self.revision = revision
        self.previous = previous
    }

    package init(_ wire: Etcdserverpb_PutResponse) {
        self.revision = wire.header.revision
        self.previous = wire.hasPrevKv ? EtcdKeyValue(wire.prevKv) : nil
    }
}

/// What a deletion did.
public struct EtcdDeleteResult: Hashable, Sendable {
    /// The revision of the deletion; the store's if there was nothing to delete.
    public let revision: Int64
    /// How many keys went.
    public let count: Int64
    /// What the keys held, if it was asked for.
    public let previous: [EtcdKeyValue]

    package init(_ wire: Etcdserverpb_DeleteRangeResponse) {
        self.revision = wire.header.revision
        self.count = wire.deleted
        self.previous = wire.prevKvs.map { EtcdKeyValue($0) }
    }
}

/// What a transaction did.
public struct EtcdTransactionResult: Hashable, Sendable {
    public let revision: Int64
    /// Whether all conditions held.
    public let succeeded: Bool
    /// The results of the branch that ran, one an operation.
    public let results: [EtcdOperationResult]

    init(_ wire: Etcdserverpb_TxnResponse) {
        self.revision = wire.header.revision
        self.succeeded = wire.succeeded
        self.results = wire.responses.compactMap { EtcdOperationResult($0) }
    }
}

/// The result of one operation in a transaction.
public enum EtcdOperationResult: Hashable, Sendable {
    case get(EtcdGetResult)
    case put(EtcdPutResult)
    case delete(EtcdDeleteResult)
    indirect case transaction(EtcdTransactionResult)

    fileprivate init?(_ wire: Etcdserverpb_ResponseOp) {
        switch wire.response {
        case .responseRange(let response): self = .get(EtcdGetResult(response))
        case .responsePut(let response): self = .put(EtcdPutResult(response))
        case .responseDeleteRange(let response): self = .delete(EtcdDeleteResult(response))
        case .responseTxn(let response): self = .transaction(EtcdTransactionResult(response))
        case nil: return nil
        }
    }
}

/// A lease that was granted.
public struct EtcdLease: Hashable, Sendable {
    public let id: EtcdLeaseID
    /// How long it lives without a keep-alive; the server may have raised what was asked for.
    public let ttlSeconds: Int64
}

/// How a lease stands.
public struct EtcdLeaseStatus: Hashable, Sendable {
    public let id: EtcdLeaseID
    /// What is left of it.
    public let remainingSeconds: Int64
    /// What it was granted with.
    public let grantedSeconds: Int64
    /// The keys that live by it, if they were asked for.
    public let keys: [[UInt8]]
}
