// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletEtcdServer
import MartletGRPCWire
import Testing

@Suite struct AuthErrorTests {
    /// Code and text of every condition, as a client gets them.
    static let wire: [AuthError: (Int, String)] = [
        .rootUserMissing: (9, "etcdserver: root user does not exist"),
        .rootRoleMissing: (9, "etcdserver: root user does not have root role"),
        .userExists: (9, "etcdserver: user name already exists"),
        .userNameEmpty: (3, "etcdserver: user name is empty"),
        .userNotFound: (9, "etcdserver: user name not found"),
        .roleExists: (9, "etcdserver: role name already exists"),
        .roleNotFound: (9, "etcdserver: role name not found"),
        .roleNameEmpty: (3, "etcdserver: role name is empty"),
        .permissionNotGiven: (3, "etcdserver: permission not given"),
        .authenticationFailed: (3, "etcdserver: authentication failed, invalid user ID or password"),
        .noPasswordUser: (2, "auth: authentication failed, password was given for no password user"),
        .permissionDenied: (7, "etcdserver: permission denied"),
        .roleNotGranted: (9, "etcdserver: role is not granted to the user"),
        .permissionNotGranted: (9, "etcdserver: permission is not granted to the role"),
        .authNotEnabled: (9, "etcdserver: authentication is not enabled"),
        .oldRevision: (3, "etcdserver: revision of auth store is old"),
        .invalidToken: (16, "etcdserver: invalid auth token"),
        .invalidManagement: (3, "etcdserver: invalid auth management"),
    ]

    @Test(arguments: AuthError.allCases)
    func statuses(_ error: AuthError) throws {
        let (code, text) = try #require(Self.wire[error])
        #expect(error.status.code.rawValue == code)
        #expect(error.status.message == text)
    }

    @Test func watchRefusals() {
        #expect(
            AuthError.permissionDenied.watchRefusal
                == "rpc error: code = PermissionDenied desc = etcdserver: permission denied")
        #expect(
            AuthError.invalidToken.watchRefusal
                == "rpc error: code = Unauthenticated desc = etcdserver: invalid auth token")
        #expect(
            AuthError.oldRevision.watchRefusal
                == "rpc error: code = InvalidArgument desc = etcdserver: revision of auth store is old")
        #expect(
            AuthError.userNameEmpty.watchRefusal
                == "rpc error: code = InvalidArgument desc = etcdserver: user name is empty")
        #expect(AuthError.userNotFound.watchRefusal == AuthError.permissionDenied.watchRefusal)
    }
}
