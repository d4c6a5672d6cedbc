// SPDX-License-Identifier: Apache-2.0

extension AuthStore {
    mutating func addUser(
        _ name: AuthName, hash: String, options: AuthUser.Options?
    ) throws(AuthError) -> AuthOutcome {
        if name.isEmpty { throw .userNameEmpty }
        if users.contains(name) { throw .userExists }
        let options = options ?? AuthUser.Options()
        store(
            AuthUser(
                name: name, passwordHash: options.noPassword ? [] : try Self.decoded(hash), options: options))
        return changed([.user(name)])
    }

    func getUser(_ name: AuthName) throws(AuthError) -> AuthOutcome {
        guard let user = user(name) else { throw .userNotFound }
        return AuthOutcome(.names(user.roles))
    }

    mutating func deleteUser(_ name: AuthName) throws(AuthError) -> AuthOutcome {
        if isEnabled && name == .root { throw .invalidManagement }
        guard users.contains(name) else { throw .userNotFound }
        users.remove(name)
        var outcome = changed([.user(name)])
        outcome.tokens = .end(of: name)
        return outcome
    }

    mutating func changePassword(of name: AuthName, hash: String) throws(AuthError) -> AuthOutcome {
        guard var user = user(name) else { throw .userNotFound }
        user.passwordHash = user.hasNoPassword ? [] : try Self.decoded(hash)
        store(user)
        var outcome = changed([.user(name)])
        outcome.tokens = .end(of: name)
        return outcome
    }

    /// The role `root` need not exist to be granted.
    mutating func grantRole(_ role: AuthName, to name: AuthName) throws(AuthError) -> AuthOutcome {
        guard var user = user(name) else { throw .userNotFound }
        if role != .root && !roles.contains(role) { throw .roleNotFound }
        if user.roles.contains(role) { return AuthOutcome() }
        user.roles.insert(role, at: user.roles.firstIndex { role < $0 } ?? user.roles.endIndex)
        store(user)
        return changed([.user(name)])
    }

    mutating func revokeRole(_ role: AuthName, from name: AuthName) throws(AuthError) -> AuthOutcome {
        if isEnabled && name == .root && role == .root { throw .invalidManagement }
        guard var user = user(name) else { throw .userNotFound }
        guard user.roles.contains(role) else { throw .roleNotGranted }
        user.roles.removeAll { $0 == role }
        store(user)
        return changed([.user(name)])
    }

    /// The password's hash and the revision it is of, for a check outside of this store. The check takes a good part
    /// of a second, so the caller runs it elsewhere, proposes ``AuthRequest/authenticate(name:simpleToken:)``, and
    /// starts over if the revision has moved on when that is applied.
    public func passwordHash(of name: AuthName) throws(AuthError) -> (hash: [UInt8], revision: UInt64) {
        guard isEnabled else { throw .authNotEnabled }
        guard let user = user(name) else { throw .authenticationFailed }
        if user.hasNoPassword { throw .noPasswordUser }
        return (user.passwordHash, revision)
    }

    func authenticate(name: AuthName, simpleToken: String) throws(AuthError) -> AuthOutcome {
        guard isEnabled else { throw .authNotEnabled }
        guard let user = user(name), !user.hasNoPassword else { throw .authenticationFailed }
        return AuthOutcome(.authenticated(name: user.name, revision: revision, simpleToken: simpleToken))
    }

    /// Puts the user in, with its permissions merged.
    mutating func store(_ user: AuthUser) {
        users.set(user.name, to: Member(user: user, permissions: UserPermissions(of: user, in: roles)))
    }

    private static func decoded(_ hash: String) throws(AuthError) -> [UInt8] {
        guard let bytes = StandardBase64.decode(hash) else { throw .noPasswordUser }
        return bytes
    }
}
