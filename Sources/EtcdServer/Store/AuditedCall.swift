// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletEtcdAPI
import MartletGRPCWire
import MartletHTTP2Session
import MartletKeyValue
import MartletNode
import MartletReplica
import SwiftProtobuf

/// A call that writes an audit's line if it ends because its caller may not make it: streams are put into one, and
/// unary calls while authentication is on. So one place tells, whichever service denies, and whenever.
final class AuditedCall: WrappingCall {
    let call: any EtcdCall
    private let store: MemberStore
    private let path: String
    /// Of a unary call.
    private let message: [UInt8]?

    init(_ call: any EtcdCall, _ path: String, _ message: [UInt8]? = nil, of store: MemberStore) {
        self.call = call
        self.path = path
        self.message = message
        self.store = store
    }

    func send(_ batch: MessageBatch) { call.send(batch) }

    func finish(_ status: GRPCStatus) {
        if status.code != .ok, let error = Self.denials[status.message] { note(error) }
        call.finish(status)
    }

    /// Calls of locks and elections end with a code of their own: the text tells.
    private static let denials: [String: AuthError] = {
        var denials: [String: AuthError] = [:]
        for error in AuthError.allCases where error.isDenial { denials[error.status.message] = error }
        return denials
    }()

    /// - Parameter access: what was refused, if the request's message doesn't tell.
    func note(_ error: AuthError, access: KeyAccess? = nil) {
        let identity = try? store.identity(of: call.credentials)
        let name = identity.flatMap { $0.name.isEmpty ? nil : $0.name }
        var record = AuditRecord(
            user: name?.bytes, peer: call.peerText, wire: .etcd, request: String(path.drop { $0 == "/" }),
            reason: error.reason)
        if path == "/etcdserverpb.Auth/Authenticate" {
            record.claimedUser = message.flatMap {
                try? Array(Etcdserverpb_AuthenticateRequest(serializedBytes: $0).name.utf8)
            }
        } else if error == .permissionDenied, let name {
            record.key = AuditRecord.key(of: access ?? deniedAccess(of: name))
        }
        store.member.audit.note(record)
    }

    /// What of the message a user may not do.
    private func deniedAccess(of name: AuthName) -> KeyAccess? {
        guard let message else { return nil }
        let auth = store.member.auth
        func first(_ request: some KeyAccessing) -> KeyAccess? {
            auth.firstDenied(request, of: name, attachedKeys: store.keyValue.attachedKeys(of:))
        }
        func ofWrite(_ kind: WriteRequest.Kind) -> KeyAccess? {
            guard let write = try? Write(kind, wire: message) else { return nil }
            switch write.request {
            case .put(let request): return first(request)
            case .deleteRange(let request): return first(request)
            case .txn(let request): return first(request)
            case .leaseRevoke(let lease):
                return first(LeaseAccess(.control, of: lease, keys: store.keyValue.attachedKeys(of: lease)))
            case .compact, .leaseGrant, .alarm, .auth, .downgrade: return nil
            }
        }
        switch path {
        case "/etcdserverpb.KV/Range": return (try? RangeQuery(wire: message)).flatMap { first($0.request) }
        case "/etcdserverpb.KV/Put": return ofWrite(.put)
        case "/etcdserverpb.KV/DeleteRange": return ofWrite(.deleteRange)
        case "/etcdserverpb.KV/Txn": return ofWrite(.txn)
        case "/etcdserverpb.Lease/LeaseRevoke": return ofWrite(.leaseRevoke)
        case "/martlet.v1.Store/Transact":
            return (try? StoreRequest(wire: message)).flatMap { first($0.transaction) }
        default: return nil
        }
    }
}

extension AuthError {
    /// As an audit says it, for what `isDenial` says to be one.
    var reason: String {
        switch self {
        case .permissionDenied: "permission denied"
        case .userNameEmpty: "not logged in"
        case .invalidToken: "invalid token"
        case .authenticationFailed, .noPasswordUser: "wrong user or password"
        default: text
        }
    }
}

extension MemberStore {
    /// The call as its service gets it.
    func audited(_ call: any EtcdCall, _ path: String, _ message: [UInt8]) -> any EtcdCall {
        isAuthEnabled ? AuditedCall(call, path, message, of: self) : call
    }
}
