// SPDX-License-Identifier: Apache-2.0

extension AuthStore {
    mutating func addRole(_ name: AuthName) throws(AuthError) -> AuthOutcome {
        if name.isEmpty { throw .roleNameEmpty }
        if roles.contains(name) { throw .roleExists }
        roles.set(name, to: AuthRole(name: name))
        refreshUsers(of: name)
        return changed([.role(name)])
    }

    func getRole(_ name: AuthName) throws(AuthError) -> AuthOutcome {
        guard let role = roles[name] else { throw .roleNotFound }
        return AuthOutcome(.permissions(name == .root ? [.root] : role.permissions))
    }

    /// Takes the role from every user that has it.
    mutating func deleteRole(_ name: AuthName) throws(AuthError) -> AuthOutcome {
        if isEnabled && name == .root { throw .invalidManagement }
        guard roles.contains(name) else { throw .roleNotFound }
        roles.remove(name)
        var touched: [AuthEntryKey] = [.role(name)]
        let remaining = roles
        users.updateEach { member in
            guard member.user.roles.contains(name) else { return }
            member.user.roles.removeAll { $0 == name }
            member.permissions = UserPermissions(of: member.user, in: remaining)
            touched.append(.user(member.user.name))
        }
        return changed(touched)
    }

    /// A permission on a range that the role has already changes its kind. etcd does so only for the first of several
    /// ranges that begin with one key and else keeps both, the wider one too; here the last grant of a range counts.
    mutating func grant(_ permission: AuthPermission?, to name: AuthName) throws(AuthError) -> AuthOutcome {
        guard let permission else { throw .permissionNotGiven }
        guard permission.isValid else { throw .invalidManagement }
        guard var role = roles[name] else { throw .roleNotFound }
        let existing = role.permissions.firstIndex {
            $0.key == permission.key && $0.rangeEnd == permission.rangeEnd
        }
        if let existing {
            role.permissions[existing].kind = permission.kind
        } else {
            let index = role.permissions.firstIndex { ByteOrder.isLess(permission.key, $0.key) }
            role.permissions.insert(permission, at: index ?? role.permissions.endIndex)
        }
        roles.set(name, to: role)
        refreshUsers(of: name)
        return changed([.role(name)])
    }

    /// Only a range that was granted as such can be revoked, not a part of one.
    mutating func revokePermission(
        key: [UInt8], rangeEnd: [UInt8], from name: AuthName
    ) throws(AuthError) -> AuthOutcome {
        guard var role = roles[name] else { throw .roleNotFound }
        let before = role.permissions.count
        role.permissions.removeAll { $0.key == key && $0.rangeEnd == rangeEnd }
        guard role.permissions.count < before else { throw .permissionNotGranted }
        roles.set(name, to: role)
        refreshUsers(of: name)
        return changed([.role(name)])
    }

    /// Complexity: O(users), and a merge for each that has the role.
    private mutating func refreshUsers(of role: AuthName) {
        let roles = roles
        users.updateEach { member in
            guard member.user.roles.contains(role) else { return }
            member.permissions = UserPermissions(of: member.user, in: roles)
        }
    }
}
