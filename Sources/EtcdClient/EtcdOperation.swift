// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// One step of a transaction, or a request by itself.
public enum EtcdOperation: Hashable, Sendable {
    case get(EtcdKeyRange, EtcdGetOptions = EtcdGetOptions())
    case put(key: [UInt8], value: [UInt8], lease: EtcdLeaseID = .none, returnsPrevious: Bool = false)
    case delete(EtcdKeyRange, returnsPrevious: Bool = false)
    indirect case transaction(
        when: [EtcdComparison], then: [EtcdOperation] = [], otherwise: [EtcdOperation] = [])

    /// A put of texts.
    public static func put(_ key: String, _ value: String, lease: EtcdLeaseID = .none) -> EtcdOperation {
        .put(key: [UInt8](key.utf8), value: [UInt8](value.utf8), lease: lease)
    }
}

/// What a read returns, and how.
public struct EtcdGetOptions: Hashable, Sendable {
    /// What keys are ordered by.
    public enum SortTarget: Hashable, Sendable { case key, version, createRevision, modRevision, value }
    public enum SortOrder: Hashable, Sendable { case none, ascending, descending }

    /// The most keys to return; 0 for all.
    public var limit: Int64 = 0
    /// The revision to read at; 0 for the newest.
    public var revision: Int64 = 0
    public var sortOrder = SortOrder.none
    public var sortTarget = SortTarget.key
    /// Reads what the asked member has, without asking the others: faster, possibly old.
    public var isSerializable = false
    public var isKeysOnly = false
    public var isCountOnly = false

    public init() {}
}

/// A condition of a transaction. A key that doesn't exist has revision, version and lease 0, and no value.
public struct EtcdComparison: Hashable, Sendable {
    public enum Relation: Hashable, Sendable { case equal, notEqual, greater, less }

    enum Target: Hashable, Sendable {
        case version(Int64)
        case createRevision(Int64)
        case modRevision(Int64)
        case value([UInt8])
        case lease(EtcdLeaseID)
    }

    let keys: EtcdKeyRange
    let relation: Relation
    let target: Target

    public static func version(_ keys: EtcdKeyRange, _ relation: Relation, _ version: Int64) -> EtcdComparison {
        EtcdComparison(keys: keys, relation: relation, target: .version(version))
    }

    public static func createRevision(_ keys: EtcdKeyRange, _ relation: Relation, _ revision: Int64) -> EtcdComparison {
        EtcdComparison(keys: keys, relation: relation, target: .createRevision(revision))
    }

    public static func modRevision(_ keys: EtcdKeyRange, _ relation: Relation, _ revision: Int64) -> EtcdComparison {
        EtcdComparison(keys: keys, relation: relation, target: .modRevision(revision))
    }

    public static func value(_ keys: EtcdKeyRange, _ relation: Relation, _ value: [UInt8]) -> EtcdComparison {
        EtcdComparison(keys: keys, relation: relation, target: .value(value))
    }

    public static func lease(_ keys: EtcdKeyRange, _ relation: Relation, _ lease: EtcdLeaseID) -> EtcdComparison {
        EtcdComparison(keys: keys, relation: relation, target: .lease(lease))
    }
}

extension EtcdOperation {
    var wire: Etcdserverpb_RequestOp {
        var wire = Etcdserverpb_RequestOp()
        switch self {
        case .get(let keys, let options): wire.request = .requestRange(Self.range(keys, options))
        case .put(let key, let value, let lease, let returnsPrevious):
            wire.request = .requestPut(Self.put(key, value, lease, returnsPrevious))
        case .delete(let keys, let returnsPrevious):
            wire.request = .requestDeleteRange(Self.delete(keys, returnsPrevious))
        case .transaction(let conditions, let success, let failure):
            wire.request = .requestTxn(Self.transaction(conditions, success, failure))
        }
        return wire
    }

    static func range(_ keys: EtcdKeyRange, _ options: EtcdGetOptions) -> Etcdserverpb_RangeRequest {
        var wire = Etcdserverpb_RangeRequest()
        wire.key = Data(keys.key)
        wire.rangeEnd = Data(keys.end)
        wire.limit = options.limit
        wire.revision = options.revision
        wire.sortOrder =
            switch options.sortOrder {
            case .none: .none
            case .ascending: .ascend
            case .descending: .descend
            }
        wire.sortTarget =
            switch options.sortTarget {
            case .key: .key
            case .version: .version
            case .createRevision: .create
            case .modRevision: .mod
            case .value: .value
            }
        wire.serializable = options.isSerializable
        wire.keysOnly = options.isKeysOnly
        wire.countOnly = options.isCountOnly
        return wire
    }

    static func put(
        _ key: [UInt8], _ value: [UInt8], _ lease: EtcdLeaseID, _ returnsPrevious: Bool
    ) -> Etcdserverpb_PutRequest {
        var wire = Etcdserverpb_PutRequest()
        wire.key = Data(key)
        wire.value = Data(value)
        wire.lease = lease.rawValue
        wire.prevKv = returnsPrevious
        return wire
    }

    static func delete(_ keys: EtcdKeyRange, _ returnsPrevious: Bool) -> Etcdserverpb_DeleteRangeRequest {
        var wire = Etcdserverpb_DeleteRangeRequest()
        wire.key = Data(keys.key)
        wire.rangeEnd = Data(keys.end)
        wire.prevKv = returnsPrevious
        return wire
    }

    static func transaction(
        _ conditions: [EtcdComparison], _ success: [EtcdOperation], _ failure: [EtcdOperation]
    ) -> Etcdserverpb_TxnRequest {
        var wire = Etcdserverpb_TxnRequest()
        wire.compare = conditions.map(\.wire)
        wire.success = success.map(\.wire)
        wire.failure = failure.map(\.wire)
        return wire
    }
}

extension EtcdComparison {
    fileprivate var wire: Etcdserverpb_Compare {
        var wire = Etcdserverpb_Compare()
        wire.key = Data(self.keys.key)
        wire.rangeEnd = Data(self.keys.end)
        wire.result =
            switch self.relation {
            case .equal: .equal
            case .notEqual: .notEqual
            case .greater: .greater
            case .less: .less
            }
        switch self.target {
        case .version(let version):
            wire.target = .version
            wire.version = version
        case .createRevision(let revision):
            wire.target = .create
            wire.createRevision = revision
        case .modRevision(let revision):
            wire.target = .mod
            wire.modRevision = revision
        case .value(let value):
            wire.target = .value
            wire.value = Data(value)
        case .lease(let lease):
            wire.target = .lease
            wire.lease = lease.rawValue
        }
        return wire
    }
}
