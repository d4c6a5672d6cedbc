// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletNode
import SwiftProtobuf
import Testing

/// Users and roles through the service, but for what hashes: see ``AuthLoginTests``.
@Suite struct AuthServiceTests {
    let fixture = StoreFixture()
    var service: AuthService { AuthService(store: fixture.store) }

    private func addUser(_ name: String) throws -> Etcdserverpb_AuthUserAddResponse {
        var request = Etcdserverpb_AuthUserAddRequest()
        request.name = name
        request.options.noPassword = true
        return try fixture.call(service.userAdd, request, Etcdserverpb_AuthUserAddResponse.self)
    }

    private func addRole(_ name: String) throws {
        var request = Etcdserverpb_AuthRoleAddRequest()
        request.name = name
        _ = try fixture.call(service.roleAdd, request, Etcdserverpb_AuthRoleAddResponse.self)
    }

    private func grant(_ role: String, to user: String) throws {
        var request = Etcdserverpb_AuthUserGrantRoleRequest()
        request.user = user
        request.role = role
        _ = try fixture.call(service.userGrantRole, request, Etcdserverpb_AuthUserGrantRoleResponse.self)
    }

    private func roles(of user: String) throws -> [String] {
        var request = Etcdserverpb_AuthUserGetRequest()
        request.name = user
        return try fixture.call(service.userGet, request, Etcdserverpb_AuthUserGetResponse.self).roles
    }

    private func status(_ body: () throws -> Void) -> Ending? {
        do {
            try body()
            return nil
        } catch {
            return Ending(error)
        }
    }

    @Test func users() throws {
        try fixture.put("a")
        let added = try addUser("bob")
        #expect(added.header.revision == 2 && added.header.memberID == fixture.store.identity.memberID)
        _ = try addUser("alice")
        #expect(status { _ = try addUser("alice") }?.message == "etcdserver: user name already exists")
        #expect(status { _ = try addUser("") }?.message == "etcdserver: user name is empty")
        let all = try fixture.call(
            service.userList, Etcdserverpb_AuthUserListRequest(), Etcdserverpb_AuthUserListResponse.self)
        #expect(all.users == ["alice", "bob"])
        try addRole("r")
        try grant("r", to: "bob")
        #expect(try roles(of: "bob") == ["r"])
        #expect(status { try grant("none", to: "bob") }?.message == "etcdserver: role name not found")
        var revoke = Etcdserverpb_AuthUserRevokeRoleRequest()
        revoke.name = "bob"
        revoke.role = "r"
        _ = try fixture.call(service.userRevokeRole, revoke, Etcdserverpb_AuthUserRevokeRoleResponse.self)
        #expect(try roles(of: "bob").isEmpty)
        var delete = Etcdserverpb_AuthUserDeleteRequest()
        delete.name = "bob"
        _ = try fixture.call(service.userDelete, delete, Etcdserverpb_AuthUserDeleteResponse.self)
        #expect(status { _ = try roles(of: "bob") }?.message == "etcdserver: user name not found")
    }

    @Test func roles() throws {
        try addRole("r")
        #expect(status { try addRole("r") }?.message == "etcdserver: role name already exists")
        var grant = Etcdserverpb_AuthRoleGrantPermissionRequest()
        grant.name = "r"
        let grantMethod = service.roleGrantPermission
        #expect(
            status {
                _ = try fixture.call(grantMethod, grant, Etcdserverpb_AuthRoleGrantPermissionResponse.self)
            }?.message == "etcdserver: permission not given")
        grant.perm.permType = .readwrite
        grant.perm.key = bytes("k").data
        grant.perm.rangeEnd = bytes("l").data
        _ = try fixture.call(grantMethod, grant, Etcdserverpb_AuthRoleGrantPermissionResponse.self)
        var get = Etcdserverpb_AuthRoleGetRequest()
        get.role = "r"
        let role = try fixture.call(service.roleGet, get, Etcdserverpb_AuthRoleGetResponse.self)
        #expect(role.perm == [grant.perm])
        let all = try fixture.call(
            service.roleList, Etcdserverpb_AuthRoleListRequest(), Etcdserverpb_AuthRoleListResponse.self)
        #expect(all.roles == ["r"])
        var revoke = Etcdserverpb_AuthRoleRevokePermissionRequest()
        revoke.role = "r"
        revoke.key = grant.perm.key
        let revokeMethod = service.roleRevokePermission
        #expect(
            status {
                _ = try fixture.call(revokeMethod, revoke, Etcdserverpb_AuthRoleRevokePermissionResponse.self)
            }?.message == "etcdserver: permission is not granted to the role")
        revoke.rangeEnd = grant.perm.rangeEnd
        _ = try fixture.call(revokeMethod, revoke, Etcdserverpb_AuthRoleRevokePermissionResponse.self)
        var delete = Etcdserverpb_AuthRoleDeleteRequest()
        delete.role = "r"
        _ = try fixture.call(service.roleDelete, delete, Etcdserverpb_AuthRoleDeleteResponse.self)
        #expect(
            status {
                _ = try fixture.call(service.roleGet, get, Etcdserverpb_AuthRoleGetResponse.self)
            }?.message == "etcdserver: role name not found")
    }

    @Test func enablingTakesRoot() throws {
        let enable = Etcdserverpb_AuthEnableRequest()
        func answer() -> Ending? {
            status { _ = try fixture.call(service.enable, enable, Etcdserverpb_AuthEnableResponse.self) }
        }
        #expect(answer() == Ending(.failedPrecondition, "etcdserver: root user does not exist"))
        _ = try addUser("root")
        #expect(answer() == Ending(.failedPrecondition, "etcdserver: root user does not have root role"))
        try grant("root", to: "root")
        #expect(answer() == nil)
        // From now on somebody has to ask.
        #expect(status { try addRole("r") } == .anonymous)
        let disable = Etcdserverpb_AuthDisableRequest()
        #expect(
            status { _ = try fixture.call(service.disable, disable, Etcdserverpb_AuthDisableResponse.self) }
                == .anonymous)
    }

    @Test func malformedRequests() throws {
        let call = RecordingCall()
        // The name as a number.
        service.userAdd(call, [0x08, 1])
        #expect(
            call.ending
                == Ending(
                    .internalError,
                    "grpc: error unmarshalling request: proto: wrong wireType = 0 for field Name"))
    }

    // MARK: While it is on

    @Test func whoMayAsk() throws {
        let people = try AuthFixture()
        let service = AuthService(store: people.store)
        var user = Etcdserverpb_AuthUserGetRequest()
        user.name = "alice"
        #expect(try people.status(service.userGet, user, people.alice)?.code == .ok)
        user.name = "root"
        #expect(try people.status(service.userGet, user, people.alice) == .denied)
        var role = Etcdserverpb_AuthRoleGetRequest()
        role.role = "r"
        #expect(try people.status(service.roleGet, role, people.alice)?.code == .ok)
        role.role = "root"
        #expect(try people.status(service.roleGet, role, people.alice) == .denied)
        let list = Etcdserverpb_AuthUserListRequest()
        #expect(try people.status(service.userList, list, people.alice) == .denied)
        #expect(try people.status(service.userList, list, nil) == .anonymous)
        #expect(try people.status(service.userList, list, people.root)?.code == .ok)
        // Refused before its password is hashed.
        var add = Etcdserverpb_AuthUserAddRequest()
        add.name = "eve"
        add.password = "pw"
        #expect(try people.status(service.userAdd, add, people.alice) == .denied)
        let status = try people.fixture.call(
            service.status, Etcdserverpb_AuthStatusRequest(), Etcdserverpb_AuthStatusResponse.self,
            as: RecordingCall(token: people.root))
        #expect(status.enabled && status.authRevision == people.store.member.auth.revision)
        var delete = Etcdserverpb_AuthUserDeleteRequest()
        delete.name = "root"
        #expect(
            try people.status(service.userDelete, delete, people.root)?.message
                == "etcdserver: invalid auth management")
    }
}
