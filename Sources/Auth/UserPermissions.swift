// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
package import MartletKeyValue

/// What one user may do, merged over its roles.
struct UserPermissions: Equatable, Sendable {
    var isRoot: Bool
    var readable: KeyIntervalSet
    var writable: KeyIntervalSet

    /// A role that does not exist allows nothing.
    init(of user: AuthUser, in roles: NameTable<AuthRole>) {
        let granted = user.roles.flatMap { roles[$0]?.permissions ?? [] }
        isRoot = user.isRoot
        readable = KeyIntervalSet(granted.filter(\.allowsReading).map(\.interval))
        writable = KeyIntervalSet(granted.filter(\.allowsWriting).map(\.interval))
    }
}

/// One thing that a request does to keys.
package enum KeyAccess: Hashable, Sendable {
    case read(KeyInterval)
    case write(KeyInterval)
    /// Attaches a key to a lease. Whoever holds the lease can let it end and so delete what is attached, so it takes
    /// the right to write every key that is attached already.
    case attach(LeaseID)
}
