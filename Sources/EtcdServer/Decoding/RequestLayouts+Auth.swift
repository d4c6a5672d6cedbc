// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI

extension Etcdserverpb_AuthEnableRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("AuthEnableRequest")
}

extension Etcdserverpb_AuthDisableRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("AuthDisableRequest")
}

extension Etcdserverpb_AuthStatusRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("AuthStatusRequest")
}

extension Etcdserverpb_AuthenticateRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "AuthenticateRequest",
        [
            ("name", 1, .bytes), ("password", 2, .bytes),
        ])
}

// MARK: Users

extension Authpb_UserAddOptions: EtcdRequest {
    package static let layout: RequestLayout = .init("UserAddOptions", [("no_password", 1, .varint)])
}

extension Etcdserverpb_AuthUserAddRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "AuthUserAddRequest",
        [
            ("name", 1, .bytes), ("password", 2, .bytes), ("options", 3, .message { Authpb_UserAddOptions.layout }),
            ("hashedPassword", 4, .bytes),
        ])
}

extension Etcdserverpb_AuthUserGetRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("AuthUserGetRequest", [("name", 1, .bytes)])
}

extension Etcdserverpb_AuthUserListRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("AuthUserListRequest")
}

extension Etcdserverpb_AuthUserDeleteRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("AuthUserDeleteRequest", [("name", 1, .bytes)])
}

extension Etcdserverpb_AuthUserChangePasswordRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "AuthUserChangePasswordRequest",
        [
            ("name", 1, .bytes), ("password", 2, .bytes), ("hashedPassword", 3, .bytes),
        ])
}

extension Etcdserverpb_AuthUserGrantRoleRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "AuthUserGrantRoleRequest",
        [
            ("user", 1, .bytes), ("role", 2, .bytes),
        ])
}

extension Etcdserverpb_AuthUserRevokeRoleRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "AuthUserRevokeRoleRequest",
        [
            ("name", 1, .bytes), ("role", 2, .bytes),
        ])
}

// MARK: Roles

extension Authpb_Permission: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "Permission",
        [
            ("permType", 1, .varint), ("key", 2, .bytes), ("range_end", 3, .bytes),
        ])
}

extension Etcdserverpb_AuthRoleAddRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("AuthRoleAddRequest", [("name", 1, .bytes)])
}

extension Etcdserverpb_AuthRoleGetRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("AuthRoleGetRequest", [("role", 1, .bytes)])
}

extension Etcdserverpb_AuthRoleListRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("AuthRoleListRequest")
}

extension Etcdserverpb_AuthRoleDeleteRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("AuthRoleDeleteRequest", [("role", 1, .bytes)])
}

extension Etcdserverpb_AuthRoleGrantPermissionRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "AuthRoleGrantPermissionRequest",
        [
            ("name", 1, .bytes), ("perm", 2, .message { Authpb_Permission.layout }),
        ])
}

extension Etcdserverpb_AuthRoleRevokePermissionRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "AuthRoleRevokePermissionRequest",
        [
            ("role", 1, .bytes), ("key", 2, .bytes), ("range_end", 3, .bytes),
        ])
}
