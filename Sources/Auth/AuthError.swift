// SPDX-License-Identifier: Apache-2.0

/// Why a request about users, roles or permissions is refused. A request that throws has changed nothing.
///
/// The cases name etcd's conditions; the shell that serves a wire maps each to that wire's code and text.
/// Source: etcd server/auth, the errors of its store.
public enum AuthError: Error, Hashable, Sendable, CaseIterable {
    case rootUserMissing
    case rootRoleMissing
    case userExists
    /// A user to add has no name, or a request came without credentials.
    case userNameEmpty
    case userNotFound
    case roleExists
    case roleNotFound
    case roleNameEmpty
    /// A grant that holds no permission.
    case permissionNotGiven
    case authenticationFailed
    /// A password for a user that has none, or a hash in a record that is not base64. Outside etcd's table of
    /// conditions: clients get ``text`` under the code "unknown".
    case noPasswordUser
    case permissionDenied
    case roleNotGranted
    case permissionNotGranted
    case authNotEnabled
    /// The credentials are older than the last change of users, roles or permissions.
    case oldRevision
    case invalidToken
    /// `root` would be lost while authentication is on, or a permission's range can't hold a key.
    case invalidManagement
}

extension AuthError {
    /// The condition in the words of etcd's log.
    public var text: String { "auth: " + detail }

    private var detail: String {
        switch self {
        case .rootUserMissing: "root user does not exist"
        case .rootRoleMissing: "root user does not have root role"
        case .userExists: "user already exists"
        case .userNameEmpty: "user name is empty"
        case .userNotFound: "user not found"
        case .roleExists: "role already exists"
        case .roleNotFound: "role not found"
        case .roleNameEmpty: "role name is empty"
        case .permissionNotGiven: "permission not given"
        case .authenticationFailed: "authentication failed, invalid user ID or password"
        case .noPasswordUser: "authentication failed, password was given for no password user"
        case .permissionDenied: "permission denied"
        case .roleNotGranted: "role is not granted to the user"
        case .permissionNotGranted: "permission is not granted to the role"
        case .authNotEnabled: "authentication is not enabled"
        case .oldRevision: "revision in header is old"
        case .invalidToken: "invalid auth token"
        case .invalidManagement: "invalid auth management"
        }
    }
}
