// SPDX-License-Identifier: Apache-2.0

/// Users, roles and permissions, and the one place that says who may do what.
///
/// A pure function of the requests applied to it. Requests are applied in log order by every member; reads ask
/// ``authorize(_:as:attachedKeys:)`` of the state they read. Every change but enabling raises ``revision``, and
/// credentials of an older revision are refused, so a permission that was taken away ends with the record that took
/// it.
/// Source: etcd server/auth store, etcdserver/apply.
public struct AuthStore: Equatable, Sendable {
    struct Member: Equatable, Sendable {
        var user: AuthUser
        var permissions: UserPermissions
    }

    var users = NameTable<Member>()
    var roles = NameTable<AuthRole>()
    public internal(set) var isEnabled = false
    /// Counts the changes of users, roles and permissions. Not related to the revision of keys.
    public internal(set) var revision = AuthStore.firstRevision

    /// The revision of a store that nobody has changed.
    public static let firstRevision: UInt64 = 1

    public init() {}

    public func user(_ name: AuthName) -> AuthUser? { users[name]?.user }
    public func role(_ name: AuthName) -> AuthRole? { roles[name] }
    /// Ascending.
    public var userNames: [AuthName] { users.names }

    /// Applies a request, first asking whether `identity` may make it. Throws what etcd would answer, in its order of
    /// checks.
    ///
    /// A user may read itself and the roles it has; everything else but logging in is the administrator's. As in
    /// etcd, an administrator's credentials may be of any revision.
    public mutating func apply(
        _ request: AuthRequest, as identity: AuthIdentity
    ) throws(AuthError) -> AuthOutcome {
        if request.needsAdministrator { try checkAdministrator(identity) }
        switch request {
        case .enable: return try enable()
        case .disable: return disable()
        case .status: return AuthOutcome(.status(isEnabled: isEnabled, revision: revision))
        case .authenticate(let name, let simpleToken):
            return try authenticate(name: name, simpleToken: simpleToken)
        case .userAdd(let name, let hash, let options): return try addUser(name, hash: hash, options: options)
        case .userGet(let name):
            if name != identity.name { try checkAdministrator(identity) }
            return try getUser(name)
        case .userList: return AuthOutcome(.names(users.names))
        case .userDelete(let name): return try deleteUser(name)
        case .userChangePassword(let name, let hash): return try changePassword(of: name, hash: hash)
        case .userGrantRole(let user, let role): return try grantRole(role, to: user)
        case .userRevokeRole(let name, let role): return try revokeRole(role, from: name)
        case .roleAdd(let name): return try addRole(name)
        case .roleGet(let role):
            if user(identity.name)?.roles.contains(role) != true { try checkAdministrator(identity) }
            return try getRole(role)
        case .roleList: return AuthOutcome(.names(roles.names))
        case .roleDelete(let role): return try deleteRole(role)
        case .roleGrantPermission(let name, let permission): return try grant(permission, to: name)
        case .roleRevokePermission(let role, let key, let rangeEnd):
            return try revokePermission(key: key, rangeEnd: rangeEnd, from: role)
        }
    }

    private mutating func enable() throws(AuthError) -> AuthOutcome {
        if isEnabled { return AuthOutcome() }
        guard let root = user(.root) else { throw .rootUserMissing }
        guard root.isRoot else { throw .rootRoleMissing }
        isEnabled = true
        var outcome = AuthOutcome()
        outcome.tokens = .begin
        outcome.changes = [.enabled]
        return outcome
    }

    private mutating func disable() -> AuthOutcome {
        guard isEnabled else { return AuthOutcome() }
        isEnabled = false
        var outcome = changed([.enabled])
        outcome.tokens = .endAll
        return outcome
    }

    /// Raises the revision.
    mutating func changed(_ entries: [AuthEntryKey]) -> AuthOutcome {
        revision += 1
        var outcome = AuthOutcome()
        outcome.changes = entries + [.revision]
        return outcome
    }
}
