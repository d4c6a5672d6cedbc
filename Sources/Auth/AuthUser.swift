// SPDX-License-Identifier: Apache-2.0

/// Source: etcd `authpb.User`.
public struct AuthUser: Hashable, Sendable {
    public var name: AuthName
    /// The bcrypt hash as text; empty for a user without a password.
    public var passwordHash: [UInt8]
    /// Ascending, without repetition.
    public var roles: [AuthName]
    public var options: Options?

    /// Nil in users that etcd 3.3 and older stored.
    public struct Options: Hashable, Sendable {
        /// Logs in by certificate only.
        public var noPassword: Bool

        public init(noPassword: Bool = false) {
            self.noPassword = noPassword
        }
    }

    public init(
        name: AuthName, passwordHash: [UInt8] = [], roles: [AuthName] = [], options: Options? = Options()
    ) {
        self.name = name
        self.passwordHash = passwordHash
        self.roles = roles
        self.options = options
    }

    public var hasNoPassword: Bool { options?.noPassword ?? false }
    public var isRoot: Bool { roles.contains(.root) }
}

/// Source: etcd `authpb.Role`.
public struct AuthRole: Hashable, Sendable {
    public var name: AuthName
    /// Ascending by key; of equal keys, in the order they were granted.
    public var permissions: [AuthPermission]

    public init(name: AuthName, permissions: [AuthPermission] = []) {
        self.name = name
        self.permissions = permissions
    }
}
