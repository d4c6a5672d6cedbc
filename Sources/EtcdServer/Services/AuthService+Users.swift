// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletAuthTokens
import MartletEtcdAPI
import MartletGRPCWire

extension AuthService {
    package func userAdd(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_AuthUserAddRequest.self) else { return }
        let name = AuthName(request.name)
        let options = request.hasOptions ? AuthUser.Options(noPassword: request.options.noPassword) : nil
        let add = { (hash: String) in
            change(
                .userAdd(name: name, hash: hash, options: options), call, Etcdserverpb_AuthUserAddResponse.self)
        }
        guard options?.noPassword != true else { return add(request.hashedPassword) }
        hash(request.password, call, then: add)
    }

    package func userGet(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_AuthUserGetRequest.self) else { return }
        ask(.userGet(name: AuthName(request.name)), call) { answer in
            guard case .names(let roles) = answer else { Self.mismatch(answer) }
            var response = Etcdserverpb_AuthUserGetResponse()
            response.roles = roles.map(\.text)
            return response
        }
    }

    package func userList(_ call: any EtcdCall, _ message: [UInt8]) {
        guard call.decoded(message, as: Etcdserverpb_AuthUserListRequest.self) != nil else { return }
        ask(.userList, call) { answer in
            guard case .names(let users) = answer else { Self.mismatch(answer) }
            var response = Etcdserverpb_AuthUserListResponse()
            response.users = users.map(\.text)
            return response
        }
    }

    package func userDelete(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_AuthUserDeleteRequest.self) else { return }
        change(.userDelete(name: AuthName(request.name)), call, Etcdserverpb_AuthUserDeleteResponse.self)
    }

    /// Without a new password the client's own hash counts, as in etcd.
    package func userChangePassword(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_AuthUserChangePasswordRequest.self) else { return }
        let name = AuthName(request.name)
        let set = { (hash: String) in
            change(
                .userChangePassword(name: name, hash: hash), call,
                Etcdserverpb_AuthUserChangePasswordResponse.self)
        }
        guard !request.password.isEmpty else { return set(request.hashedPassword) }
        hash(request.password, call, then: set)
    }

    package func userGrantRole(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_AuthUserGrantRoleRequest.self) else { return }
        change(
            .userGrantRole(user: AuthName(request.user), role: AuthName(request.role)), call,
            Etcdserverpb_AuthUserGrantRoleResponse.self)
    }

    package func userRevokeRole(_ call: any EtcdCall, _ message: [UInt8]) {
        guard let request = call.decoded(message, as: Etcdserverpb_AuthUserRevokeRoleRequest.self) else { return }
        change(
            .userRevokeRole(name: AuthName(request.name), role: AuthName(request.role)), call,
            Etcdserverpb_AuthUserRevokeRoleResponse.self)
    }

    /// The password's hash as a record holds it. Only for who may set one: hashing is work.
    private func hash(_ password: String, _ call: any EtcdCall, then next: @escaping (String) -> Void) {
        guard store.meets(.administrator, call) else { return }
        let (hasher, password) = (store.hasher, Array(password.utf8))
        work(
            for: call,
            { () -> Result<[UInt8], PasswordError> in
                do throws(PasswordError) { return .success(try hasher.hash(password)) } catch {
                    return .failure(error)
                }
            },
            then: { result in
                switch result {
                case .success(let hash): next(StandardBase64.encode(hash))
                case .failure(let error): call.finish(GRPCStatus(.unknown, error.text))
                }
            })
    }
}
