// SPDX-License-Identifier: Apache-2.0

public import MartletBasics
internal import MartletKeyValue

extension AuthStore {
    /// The one check of rights on keys: of reads before they run, and of every record before it is applied, with the
    /// identity in its header.
    ///
    /// Checked in this order, once a request: credentials at all, their age, the user, the role `root`, then each
    /// access. `attachedKeys` is asked only for leases that the request attaches keys to. While authentication is off
    /// everything is allowed.
    ///
    /// Complexity: O(log n) comparisons for each access, n being the user's merged ranges; O(k log n) for a lease with
    /// k keys, unless the user may write everything.
    public func authorize(
        _ request: some KeyAccessing, as identity: AuthIdentity,
        attachedKeys: (LeaseID) -> [[UInt8]] = { _ in [] }
    ) throws(AuthError) {
        guard isEnabled else { return }
        let permissions = try permissions(of: identity)
        if permissions.isRoot { return }
        try request.forEachAccess { (access) throws(AuthError) in
            guard permissions.allows(access, attachedKeys: attachedKeys) else { throw .permissionDenied }
        }
    }

    /// The same for a lease as a whole. As in etcd, an administrator's credentials may be of any revision here: a
    /// member ends leases in the name of `root`, and must not fail because users changed meanwhile.
    public func authorize(_ request: LeaseAccess, as identity: AuthIdentity) throws(AuthError) {
        if user(identity.name)?.isRoot == true { return }
        try authorize(request, as: identity, attachedKeys: { _ in [] })
    }

    /// The first thing that a request does to keys and that a user may not do, whatever the age of the credentials:
    /// what an audit names. `nil`: nothing, or nobody can tell.
    public func firstDenied(
        _ request: some KeyAccessing, of name: AuthName, attachedKeys: (LeaseID) -> [[UInt8]] = { _ in [] }
    ) -> KeyAccess? {
        let permissions = permissions(of: name)
        var denied: KeyAccess?
        // Ends at the first one.
        try? request.forEachAccess { (access) throws(AuthError) in
            if permissions?.allows(access, attachedKeys: attachedKeys) == true { return }
            denied = access
            throw .permissionDenied
        }
        return denied
    }

    /// What a user may do, as of now; `nil`: there is no such user.
    public func permissions(of name: AuthName) -> UserPermissions? { users[name]?.permissions }

    private func permissions(of identity: AuthIdentity) throws(AuthError) -> UserPermissions {
        if identity.revision == 0 { throw .userNameEmpty }
        if identity.revision < revision { throw .oldRevision }
        guard let member = users[identity.name] else { throw .permissionDenied }
        return member.permissions
    }

    /// Whether `identity` is an administrator, of whatever revision.
    public func checkAdministrator(_ identity: AuthIdentity) throws(AuthError) {
        guard isEnabled else { return }
        if identity.name.isEmpty { throw .userNameEmpty }
        guard let user = user(identity.name) else { throw .userNotFound }
        guard user.isRoot else { throw .permissionDenied }
    }

    /// Whether there are credentials at all; what they allow is not asked.
    public func checkCredentials(_ identity: AuthIdentity) throws(AuthError) {
        guard isEnabled else { return }
        if identity == .anonymous { throw .userNameEmpty }
    }
}
