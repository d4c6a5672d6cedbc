// SPDX-License-Identifier: Apache-2.0

public import MartletBasics
public import MartletKeyValue

/// What one user may do, merged over its roles.
public struct UserPermissions: Equatable, Sendable {
    public var isRoot: Bool
    public var readable: KeyIntervalSet
    public var writable: KeyIntervalSet

    /// A role that does not exist allows nothing.
    init(of user: AuthUser, in roles: NameTable<AuthRole>) {
        let granted = user.roles.flatMap { roles[$0]?.permissions ?? [] }
        isRoot = user.isRoot
        readable = KeyIntervalSet(granted.filter(\.allowsReading).map(\.interval))
        writable = KeyIntervalSet(granted.filter(\.allowsWriting).map(\.interval))
    }

    /// Whether an access is allowed. `attachedKeys` is asked only for leases that the request attaches keys to.
    ///
    /// Complexity: O(log n) comparisons, n being the merged ranges; O(k log n) for a lease with k keys, unless the user
    /// may write everything.
    public func allows(_ access: KeyAccess, attachedKeys: (LeaseID) -> [[UInt8]]) -> Bool {
        if isRoot { return true }
        return switch access {
        case .read(let interval): readable.covers(interval)
        case .write(let interval): writable.covers(interval)
        case .attach(let lease):
            writable.holdsEveryKey || attachedKeys(lease).allSatisfy { writable.covers(.key($0)) }
        }
    }

    /// Whether every key, the empty one too, which etcd has not and Redis has.
    public var readsEverything: Bool { isRoot || readable.holdsEveryKey }
    public var writesEverything: Bool { isRoot || writable.holdsEveryKey }
}

/// One thing that a request does to keys.
public enum KeyAccess: Hashable, Sendable {
    case read(KeyInterval)
    case write(KeyInterval)
    /// Attaches a key to a lease. Whoever holds the lease can let it end and so delete what is attached, so it takes
    /// the right to write every key that is attached already.
    case attach(LeaseID)
}
