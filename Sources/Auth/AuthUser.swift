// SPDX-License-Identifier: Apache-2.0

/// Source: etcd `authpb.User`.
package struct AuthUser: Hashable, Sendable {
    package var name: AuthName
    /// The bcrypt hash as text; empty for a user without a password.
    package var passwordHash: [UInt8]
    /// Ascending, without repetition.
    package var roles: [AuthName]
    package var options: Options?

    /// Nil in users that etcd 3.3 and older stored.
    package struct Options: Hashable, Sendable {
        /// Logs in by certificate only.
        package var noPassword: Bool

        package init(noPassword: Bool = false) {
            self.noPassword = noPassword
        }
    }

    package init(
        name: AuthName, passwordHash: [UInt8] = [], roles: [AuthName] = [], options: Options? = Options()
    ) {
        self.name = name
        self.passwordHash = passwordHash
        self.roles = roles
        self.options = options
    }

    package var hasNoPassword: Bool { options?.noPassword ?? false }
    package var isRoot: Bool { roles.contains(.root) }
}

/// Source: etcd `authpb.Role`.
package struct AuthRole: Hashable, Sendable {
    package var name: AuthName
    /// Ascending by key; of equal keys, in the order they were granted.
    package var permissions: [AuthPermission]

    package init(name: AuthName, permissions: [AuthPermission] = []) {
        self.name = name
        self.permissions = permissions
    }
}
