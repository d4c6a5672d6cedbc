// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletEtcdAPI

extension AuthService {
    package func roleAdd(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_AuthRoleAddRequest.self) else { return }
        change(.roleAdd(name: AuthName(request.name)), call, Etcdserverpb_AuthRoleAddResponse.self)
    }

    package func roleGet(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_AuthRoleGetRequest.self) else { return }
        ask(.roleGet(role: AuthName(request.role)), call) { answer in
            guard case .permissions(let permissions) = answer else { Self.mismatch(answer) }
            var response = Etcdserverpb_AuthRoleGetResponse()
            response.perm = permissions.map { Authpb_Permission($0) }
            return response
        }
    }

    package func roleList(_ call: any EtcdCall, _ message: [UInt8]) {
        guard call.decoded(message, as: Etcdserverpb_AuthRoleListRequest.self) != nil else { return }
        ask(.roleList, call) { answer in
            guard case .names(let roles) = answer else { Self.mismatch(answer) }
            var response = Etcdserverpb_AuthRoleListResponse()
            response.roles = roles.map(\.text)
            return response
        }
    }

    package func roleDelete(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_AuthRoleDeleteRequest.self) else { return }
        change(.roleDelete(role: AuthName(request.role)), call, Etcdserverpb_AuthRoleDeleteResponse.self)
    }

    package func roleGrantPermission(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_AuthRoleGrantPermissionRequest.self) else { return }
        let permission = request.hasPerm ? AuthPermission(request.perm) : nil
        change(
            .roleGrantPermission(name: AuthName(request.name), permission: permission), call,
            Etcdserverpb_AuthRoleGrantPermissionResponse.self)
    }

    package func roleRevokePermission(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_AuthRoleRevokePermissionRequest.self) else { return }
        change(
            .roleRevokePermission(
                role: AuthName(request.role), key: request.key.bytes, rangeEnd: request.rangeEnd.bytes), call,
            Etcdserverpb_AuthRoleRevokePermissionResponse.self)
    }
}

extension AuthPermission {
    init(_ message: Authpb_Permission) {
        self.init(
            Kind(rawValue: Int32(truncatingIfNeeded: message.permType.rawValue)), key: message.key.bytes,
            rangeEnd: message.rangeEnd.bytes)
    }
}

extension Authpb_Permission {
    init(_ permission: AuthPermission) {
        self.init()
        permType = TypeEnum(rawValue: Int(permission.kind.rawValue)) ?? .read
        key = permission.key.data
        rangeEnd = permission.rangeEnd.data
    }
}
