// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// One step of a transaction, or a request by itself.
public enum EtcdOperation: Hashable, Sendable {
    case get(EtcdKeyRange, EtcdGetOptions = EtcdGetOptions())
    case put(
        key: [UInt8], value: [UInt8], lease: EtcdLeaseID = .none, keepsLease: Bool = false,
        returnsPrevious: Bool = false)
    /// Gives a key that exists another lease, or none; its value stays.
    case attach(key: [UInt8], lease: EtcdLeaseID)
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
    /// Only keys that were written at these revisions; `count` counts the others as well.
    public var minimumModRevision: Int64 = 0
    public var maximumModRevision: Int64 = 0
    /// Only keys that were created at these revisions; 0 sets no bound.
    public var minimumCreateRevision: Int64 = 0
    public var maximumCreateRevision: Int64 = 0

    public init() {}
}

extension EtcdOperation {
    /// Whether it changes nothing.
    var isRead: Bool {
        switch self {
        case .get: true
        case .put, .attach, .delete: false
        case .transaction(_, let success, let failure): (success + failure).allSatisfy(\.isRead)
        }
    }

    var wire: Etcdserverpb_RequestOp {
        var wire = Etcdserverpb_RequestOp()
        switch self {
        case .get(let keys, let options): wire.request = .requestRange(Self.range(keys, options))
        case .put(let key, let value, let lease, let keepsLease, let returnsPrevious):
            wire.request = .requestPut(Self.put(key, value, lease, keepsLease, returnsPrevious))
        case .attach(let key, let lease):
            wire.request = .requestPut(Self.attach(key, lease))
        case .delete(let keys, let returnsPrevious):
            wire.request = .requestDeleteRange(Self.delete(keys, returnsPrevious))
        case .transaction(let conditions, let success, let failure):
            wire.request = .requestTxn(Self.transaction(conditions, success, failure))
        }
        return wire
    }

    package static func range(_ keys: EtcdKeyRange, _ options: EtcdGetOptions) -> Etcdserverpb_RangeRequest {
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
        wire.minModRevision = options.minimumModRevision
        wire.maxModRevision = options.maximumModRevision
        wire.minCreateRevision = options.minimumCreateRevision
        wire.maxCreateRevision = options.maximumCreateRevision
        return wire
    }

    package static func attach(_ key: [UInt8], _ lease: EtcdLeaseID) -> Etcdserverpb_PutRequest {
        var wire = Etcdserverpb_PutRequest()
        wire.key = Data(key)
        wire.lease = lease.rawValue
        wire.ignoreValue = true
        return wire
    }

    package static func put(
        _ key: [UInt8], _ value: [UInt8], _ lease: EtcdLeaseID, _ keepsLease: Bool, _ returnsPrevious: Bool
    ) -> Etcdserverpb_PutRequest {
        var wire = Etcdserverpb_PutRequest()
        wire.key = Data(key)
        wire.value = Data(value)
        wire.lease = lease.rawValue
        wire.ignoreLease = keepsLease
        wire.prevKv = returnsPrevious
        return wire
    }

    package static func delete(_ keys: EtcdKeyRange, _ returnsPrevious: Bool) -> Etcdserverpb_DeleteRangeRequest {
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
