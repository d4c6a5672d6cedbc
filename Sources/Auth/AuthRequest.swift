// SPDX-License-Identifier: Apache-2.0

/// A request about users, roles and permissions, as the log holds it: passwords are hashed, random parts are drawn.
///
/// Source: etcd `InternalRaftRequest`, fields 1000 to 1204.
public enum AuthRequest: Hashable, Sendable {
    case enable
    case disable
    case status
    /// The password was checked before this was proposed. `simpleToken` is the random part of the token to hand out,
    /// empty where tokens are signed.
    case authenticate(name: AuthName, simpleToken: String)
    /// `hash` is base64 of the bcrypt text.
    case userAdd(name: AuthName, hash: String, options: AuthUser.Options?)
    case userGet(name: AuthName)
    case userList
    case userDelete(name: AuthName)
    case userChangePassword(name: AuthName, hash: String)
    case userGrantRole(user: AuthName, role: AuthName)
    case userRevokeRole(name: AuthName, role: AuthName)
    case roleAdd(name: AuthName)
    case roleGet(role: AuthName)
    case roleList
    case roleDelete(role: AuthName)
    /// Nil: the request holds no permission.
    case roleGrantPermission(name: AuthName, permission: AuthPermission?)
    case roleRevokePermission(role: AuthName, key: [UInt8], rangeEnd: [UInt8])

    /// Whether only a user with the role `root` may ask. Reading one user or role has a rule of its own, see
    /// ``AuthStore/apply(_:as:)``.
    public var needsAdministrator: Bool {
        switch self {
        case .authenticate, .userGet, .roleGet: false
        case .enable, .disable, .status, .userAdd, .userList, .userDelete, .userChangePassword, .userGrantRole,
            .userRevokeRole, .roleAdd, .roleList, .roleDelete, .roleGrantPermission, .roleRevokePermission:
            true
        }
    }
}

/// What a request is answered with.
public enum AuthResponse: Hashable, Sendable {
    case done
    case status(isEnabled: Bool, revision: UInt64)
    /// A token is due for `name` at this auth revision. `simpleToken` is that of the request.
    case authenticated(name: AuthName, revision: UInt64, simpleToken: String)
    /// Ascending.
    case names([AuthName])
    case permissions([AuthPermission])
}

/// What one applied request did.
public struct AuthOutcome: Hashable, Sendable {
    public var response: AuthResponse
    /// What tokens a member must forget.
    public var tokens: TokenEffect = .none
    /// Which stored entries the next checkpoint must hold anew, each once; see ``AuthStore/value(of:)``.
    public var changes: [AuthEntryKey] = []

    public enum TokenEffect: Hashable, Sendable {
        case none
        /// Tokens are handed out from here on.
        case begin
        /// Every token ends.
        case endAll
        /// The tokens of one user end.
        case end(of: AuthName)
    }

    public init(_ response: AuthResponse = .done) {
        self.response = response
    }
}
