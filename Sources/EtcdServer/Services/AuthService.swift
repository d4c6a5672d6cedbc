// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletEtcdAPI
import MartletGRPCWire
import MartletNode
import MartletReplica
import SwiftProtobuf

/// etcdserverpb.Auth: the switch. Users, roles and logins have files of their own.
package struct AuthService {
    package let store: MemberStore

    package init(store: MemberStore) {
        self.store = store
    }

    package func enable(_ call: any EtcdCall, _ message: [UInt8]) {
        guard call.decoded(message, as: Etcdserverpb_AuthEnableRequest.self) != nil else { return }
        change(.enable, call, Etcdserverpb_AuthEnableResponse.self)
    }

    package func disable(_ call: any EtcdCall, _ message: [UInt8]) {
        guard call.decoded(message, as: Etcdserverpb_AuthDisableRequest.self) != nil else { return }
        change(.disable, call, Etcdserverpb_AuthDisableResponse.self)
    }

    package func status(_ call: any EtcdCall, _ message: [UInt8]) {
        guard call.decoded(message, as: Etcdserverpb_AuthStatusRequest.self) != nil else { return }
        ask(.status, call) { answer in
            guard case .status(let isEnabled, let revision) = answer else { Self.mismatch(answer) }
            var response = Etcdserverpb_AuthStatusResponse()
            response.enabled = isEnabled
            response.authRevision = revision
            return response
        }
    }

    // MARK: The two ways of a request

    /// Through the log, in the caller's name.
    func change<Response: AuthServiceResponse>(_ request: AuthRequest, _ call: any EtcdCall, _: Response.Type) {
        guard let write = store.identified(Write(.auth(request)), call) else { return }
        store.propose(
            write,
            reply: .handler { [store] result in
                switch result {
                case .success(.auth(.done)):
                    var response = Response()
                    response.header = store.header
                    call.respond(with: response)
                case .success(let answer): preconditionFailure("\(request) was answered by \(answer)")
                case .failure(let error): call.finish(error.status)
                }
            })
    }

    /// A question: answered by the state as it is, once nothing is missing from it.
    func ask<Response: AuthServiceResponse>(
        _ request: AuthRequest, _ call: any EtcdCall, _ response: @escaping (AuthResponse) -> Response
    ) {
        store.read(for: call) { [store] in
            do throws(AuthError) {
                // A copy: questions change nothing.
                var auth = store.member.auth
                let outcome = try auth.apply(request, as: try store.identity(of: call.credentials))
                var response = response(outcome.response)
                response.header = store.header
                call.respond(with: response)
            } catch {
                call.finish(error.status)
            }
        }
    }

    static func mismatch(_ answer: AuthResponse) -> Never {
        preconditionFailure("a question about users or roles was answered by \(answer)")
    }
}

/// What all answers of the service have.
protocol AuthServiceResponse: Message {
    var header: Etcdserverpb_ResponseHeader { get set }
}

extension Etcdserverpb_AuthEnableResponse: AuthServiceResponse {}
extension Etcdserverpb_AuthDisableResponse: AuthServiceResponse {}
extension Etcdserverpb_AuthStatusResponse: AuthServiceResponse {}
extension Etcdserverpb_AuthUserAddResponse: AuthServiceResponse {}
extension Etcdserverpb_AuthUserGetResponse: AuthServiceResponse {}
extension Etcdserverpb_AuthUserListResponse: AuthServiceResponse {}
extension Etcdserverpb_AuthUserDeleteResponse: AuthServiceResponse {}
extension Etcdserverpb_AuthUserChangePasswordResponse: AuthServiceResponse {}
extension Etcdserverpb_AuthUserGrantRoleResponse: AuthServiceResponse {}
extension Etcdserverpb_AuthUserRevokeRoleResponse: AuthServiceResponse {}
extension Etcdserverpb_AuthRoleAddResponse: AuthServiceResponse {}
extension Etcdserverpb_AuthRoleGetResponse: AuthServiceResponse {}
extension Etcdserverpb_AuthRoleListResponse: AuthServiceResponse {}
extension Etcdserverpb_AuthRoleDeleteResponse: AuthServiceResponse {}
extension Etcdserverpb_AuthRoleGrantPermissionResponse: AuthServiceResponse {}
extension Etcdserverpb_AuthRoleRevokePermissionResponse: AuthServiceResponse {}
