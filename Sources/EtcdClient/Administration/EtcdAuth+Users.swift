// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI

extension EtcdAuth {
    /// Adds a user.
    ///
    /// - Parameter password: `nil` for a user who is known by a certificate only.
    /// - Throws: ``EtcdError/Code/alreadyExists`` when there is one of that name.
    public func addUser(_ name: String, password: String?) async throws {
        var request = Etcdserverpb_AuthUserAddRequest()
        request.name = name
        request.password = password ?? ""
        request.options.noPassword = password == nil
        let _: Etcdserverpb_AuthUserAddResponse = try await self.client.request(
            "/etcdserverpb.Auth/UserAdd", request, .ifNotExecuted)
    }

    /// Deletes a user.
    public func deleteUser(_ name: String) async throws {
        var request = Etcdserverpb_AuthUserDeleteRequest()
        request.name = name
        let _: Etcdserverpb_AuthUserDeleteResponse = try await self.client.request(
            "/etcdserverpb.Auth/UserDelete", request, .ifNotExecuted)
    }

    /// The names of all users, in order.
    public func users() async throws -> [String] {
        let response: Etcdserverpb_AuthUserListResponse = try await self.client.request(
            "/etcdserverpb.Auth/UserList", Etcdserverpb_AuthUserListRequest(), .always)
        return response.users.sorted()
    }

    /// The names of a user's roles, in order.
    ///
    /// - Throws: ``EtcdError/Code/notFound`` when there is no such user.
    public func roles(ofUser name: String) async throws -> [String] {
        var request = Etcdserverpb_AuthUserGetRequest()
        request.name = name
        let response: Etcdserverpb_AuthUserGetResponse = try await self.client.request(
            "/etcdserverpb.Auth/UserGet", request, .always)
        return response.roles.sorted()
    }

    /// Changes a user's password. Clients that have the old one are refused from now on.
    public func changePassword(ofUser name: String, to password: String) async throws {
        var request = Etcdserverpb_AuthUserChangePasswordRequest()
        request.name = name
        request.password = password
        let _: Etcdserverpb_AuthUserChangePasswordResponse = try await self.client.request(
            "/etcdserverpb.Auth/UserChangePassword", request, .ifNotExecuted)
    }

    /// Gives a user a role.
    public func grantRole(_ role: String, toUser name: String) async throws {
        var request = Etcdserverpb_AuthUserGrantRoleRequest()
        request.user = name
        request.role = role
        let _: Etcdserverpb_AuthUserGrantRoleResponse = try await self.client.request(
            "/etcdserverpb.Auth/UserGrantRole", request, .ifNotExecuted)
    }

    /// Takes a role from a user.
    public func revokeRole(_ role: String, fromUser name: String) async throws {
        var request = Etcdserverpb_AuthUserRevokeRoleRequest()
        request.name = name
        request.role = role
        let _: Etcdserverpb_AuthUserRevokeRoleResponse = try await self.client.request(
            "/etcdserverpb.Auth/UserRevokeRole", request, .ifNotExecuted)
    }
}
