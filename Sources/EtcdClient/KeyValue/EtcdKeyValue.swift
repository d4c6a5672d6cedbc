// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// A key with its value and history.
public struct EtcdKeyValue: Hashable, Sendable {
    public let key: [UInt8]
    public let value: [UInt8]
    /// The revision that created the key, since it was last deleted.
    public let createRevision: Int64
    /// The revision that wrote this value.
    public let modRevision: Int64
    /// How many times the key was written since it was created.
    public let version: Int64
    /// The lease that the key lives by; 0 for none.
    public let leaseID: EtcdLeaseID

    /// The key as text.
    public var keyText: String { String(decoding: self.key, as: UTF8.self) }
    /// The value as text.
    public var valueText: String { String(decoding: self.value, as: UTF8.self) }

    init(_ wire: Mvccpb_KeyValue) {
        self.key = [UInt8](wire.key)
        self.value = [UInt8](wire.value)
        self.createRevision = wire.createRevision
        self.modRevision = wire.modRevision
        self.version = wire.version
        self.leaseID = EtcdLeaseID(rawValue: wire.lease)
    }
}

/// The number of a lease.
public struct EtcdLeaseID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: Int64

    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// No lease.
    public static var none: EtcdLeaseID { EtcdLeaseID(rawValue: 0) }

    /// In hexadecimal, as `etcdctl` prints it.
    public var description: String { String(UInt64(bitPattern: self.rawValue), radix: 16) }
}

/// One change of a key, as a watch reports it.
public struct EtcdEvent: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case put
        case delete
    }

    public let kind: Kind
    /// The key with its new value; of a deleted key only the key and the revision that deleted it.
    public let keyValue: EtcdKeyValue
    /// What was there before, if the watch asked for it and it hasn't been compacted.
    public let previous: EtcdKeyValue?

    init(_ wire: Mvccpb_Event) {
        self.kind = wire.type == .delete ? .delete : .put
        self.keyValue = EtcdKeyValue(wire.kv)
        self.previous = wire.hasPrevKv ? EtcdKeyValue(wire.prevKv) : nil
    }
}
