// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

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

    /// Holds while a key exists.
    public static func exists(_ keys: EtcdKeyRange) -> EtcdComparison { .createRevision(keys, .greater, 0) }

    /// Holds while a key doesn't exist.
    public static func isMissing(_ keys: EtcdKeyRange) -> EtcdComparison { .createRevision(keys, .equal, 0) }
}

/// A number of a key, to be compared by an operator: `.version("k") == 3`, `.modRevision("k") < revision`.
public struct EtcdNumberComparand: Sendable {
    private let keys: EtcdKeyRange
    private let target: @Sendable (Int64) -> EtcdComparison.Target

    /// How many times a key was written since it was created.
    public static func version(_ keys: EtcdKeyRange) -> Self { Self(keys: keys) { .version($0) } }
    /// The revision that created a key.
    public static func createRevision(_ keys: EtcdKeyRange) -> Self { Self(keys: keys) { .createRevision($0) } }
    /// The revision that wrote a key last.
    public static func modRevision(_ keys: EtcdKeyRange) -> Self { Self(keys: keys) { .modRevision($0) } }

    public static func == (left: Self, right: Int64) -> EtcdComparison { left.compared(.equal, right) }
    public static func != (left: Self, right: Int64) -> EtcdComparison { left.compared(.notEqual, right) }
    public static func > (left: Self, right: Int64) -> EtcdComparison { left.compared(.greater, right) }
    public static func < (left: Self, right: Int64) -> EtcdComparison { left.compared(.less, right) }

    private func compared(_ relation: EtcdComparison.Relation, _ number: Int64) -> EtcdComparison {
        EtcdComparison(keys: self.keys, relation: relation, target: self.target(number))
    }
}

/// The value of a key, to be compared by an operator: `.value("k") == "on"`. A missing key fails any comparison.
public struct EtcdValueComparand: Sendable {
    private let keys: EtcdKeyRange

    public static func value(_ keys: EtcdKeyRange) -> Self { Self(keys: keys) }

    public static func == (left: Self, right: [UInt8]) -> EtcdComparison { .value(left.keys, .equal, right) }
    public static func != (left: Self, right: [UInt8]) -> EtcdComparison { .value(left.keys, .notEqual, right) }
    public static func > (left: Self, right: [UInt8]) -> EtcdComparison { .value(left.keys, .greater, right) }
    public static func < (left: Self, right: [UInt8]) -> EtcdComparison { .value(left.keys, .less, right) }
    public static func == (left: Self, right: String) -> EtcdComparison { left == [UInt8](right.utf8) }
    public static func != (left: Self, right: String) -> EtcdComparison { left != [UInt8](right.utf8) }
}

/// The lease of a key, to be compared by an operator: `.lease("k") == session.leaseID`.
public struct EtcdLeaseComparand: Sendable {
    private let keys: EtcdKeyRange

    public static func lease(_ keys: EtcdKeyRange) -> Self { Self(keys: keys) }

    public static func == (left: Self, right: EtcdLeaseID) -> EtcdComparison { .lease(left.keys, .equal, right) }
    public static func != (left: Self, right: EtcdLeaseID) -> EtcdComparison { .lease(left.keys, .notEqual, right) }
}

extension EtcdComparison {
    package var wire: Etcdserverpb_Compare {
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
