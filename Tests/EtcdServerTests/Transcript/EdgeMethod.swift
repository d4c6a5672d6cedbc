// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import SwiftProtobuf

/// A method of etcd's, its messages read and written in protobuf's text form.
struct EdgeMethod: Sendable {
    enum Kind { case unary, streamOfOne, watch }

    var path: String
    var kind: Kind
    /// A request's bytes, of its text.
    var request: @Sendable (String) throws -> [UInt8]
    /// A response's text, of its bytes: one field a line.
    var text: @Sendable ([UInt8]) throws -> String
    /// The same of a text that is written otherwise.
    var respelled: @Sendable (String) throws -> String

    init<Request: Message, Response: Message>(
        _ path: String, _: Request.Type, _: Response.Type, _ kind: Kind = .unary
    ) {
        self.init(path, Request.self, Response.self, kind) { $0 }
    }

    /// - Parameter part: what of a response was recorded.
    init<Request: Message, Response: Message, Part: Message>(
        _ path: String, _: Request.Type, _: Response.Type, _ kind: Kind = .unary,
        part: @escaping @Sendable (Response) -> Part
    ) {
        self.path = "/etcdserverpb." + path
        self.kind = kind
        request = { try Request(textFormatString: $0).serializedBytes() }
        text = { part(try Response(serializedBytes: $0)).textFormatString() }
        respelled = { try Part(textFormatString: $0).textFormatString() }
    }

    static let range = Self("KV/Range", Etcdserverpb_RangeRequest.self, Etcdserverpb_RangeResponse.self)
    static let put = Self("KV/Put", Etcdserverpb_PutRequest.self, Etcdserverpb_PutResponse.self)
    static let delete = Self(
        "KV/DeleteRange", Etcdserverpb_DeleteRangeRequest.self, Etcdserverpb_DeleteRangeResponse.self)
    static let txn = Self("KV/Txn", Etcdserverpb_TxnRequest.self, Etcdserverpb_TxnResponse.self)
    static let headOfTxn = Self("KV/Txn", Etcdserverpb_TxnRequest.self, Etcdserverpb_TxnResponse.self) { $0.header }
    static let compact = Self("KV/Compact", Etcdserverpb_CompactionRequest.self, Etcdserverpb_CompactionResponse.self)
    static let grant = Self(
        "Lease/LeaseGrant", Etcdserverpb_LeaseGrantRequest.self, Etcdserverpb_LeaseGrantResponse.self)
    static let revoke = Self(
        "Lease/LeaseRevoke", Etcdserverpb_LeaseRevokeRequest.self, Etcdserverpb_LeaseRevokeResponse.self)
    static let timeToLive = Self(
        "Lease/LeaseTimeToLive", Etcdserverpb_LeaseTimeToLiveRequest.self, Etcdserverpb_LeaseTimeToLiveResponse.self)
    static let leases = Self(
        "Lease/LeaseLeases", Etcdserverpb_LeaseLeasesRequest.self, Etcdserverpb_LeaseLeasesResponse.self)
    static let keepAlive = Self(
        "Lease/LeaseKeepAlive", Etcdserverpb_LeaseKeepAliveRequest.self, Etcdserverpb_LeaseKeepAliveResponse.self,
        .streamOfOne)
    static let status = Self("Maintenance/Status", Etcdserverpb_StatusRequest.self, Etcdserverpb_StatusResponse.self)
    static let hash = Self("Maintenance/Hash", Etcdserverpb_HashRequest.self, Etcdserverpb_HashResponse.self)
    static let hashKV = Self("Maintenance/HashKV", Etcdserverpb_HashKVRequest.self, Etcdserverpb_HashKVResponse.self)
    static let alarm = Self("Maintenance/Alarm", Etcdserverpb_AlarmRequest.self, Etcdserverpb_AlarmResponse.self)
    static let moveLeader = Self(
        "Maintenance/MoveLeader", Etcdserverpb_MoveLeaderRequest.self, Etcdserverpb_MoveLeaderResponse.self)
    static let defragment = Self(
        "Maintenance/Defragment", Etcdserverpb_DefragmentRequest.self, Etcdserverpb_DefragmentResponse.self)
    static let downgrade = Self(
        "Maintenance/Downgrade", Etcdserverpb_DowngradeRequest.self, Etcdserverpb_DowngradeResponse.self)
    static let memberList = Self(
        "Cluster/MemberList", Etcdserverpb_MemberListRequest.self, Etcdserverpb_MemberListResponse.self)
    static let memberAdd = Self(
        "Cluster/MemberAdd", Etcdserverpb_MemberAddRequest.self, Etcdserverpb_MemberAddResponse.self)
    static let memberRemove = Self(
        "Cluster/MemberRemove", Etcdserverpb_MemberRemoveRequest.self, Etcdserverpb_MemberRemoveResponse.self)
    static let memberUpdate = Self(
        "Cluster/MemberUpdate", Etcdserverpb_MemberUpdateRequest.self, Etcdserverpb_MemberUpdateResponse.self)
    static let memberPromote = Self(
        "Cluster/MemberPromote", Etcdserverpb_MemberPromoteRequest.self, Etcdserverpb_MemberPromoteResponse.self)
    static let authEnable = Self(
        "Auth/AuthEnable", Etcdserverpb_AuthEnableRequest.self, Etcdserverpb_AuthEnableResponse.self)
    static let authStatus = Self(
        "Auth/AuthStatus", Etcdserverpb_AuthStatusRequest.self, Etcdserverpb_AuthStatusResponse.self)
    static let authenticate = Self(
        "Auth/Authenticate", Etcdserverpb_AuthenticateRequest.self, Etcdserverpb_AuthenticateResponse.self)
    static let userAdd = Self(
        "Auth/UserAdd", Etcdserverpb_AuthUserAddRequest.self, Etcdserverpb_AuthUserAddResponse.self)
    static let userGet = Self(
        "Auth/UserGet", Etcdserverpb_AuthUserGetRequest.self, Etcdserverpb_AuthUserGetResponse.self)
    static let roleAdd = Self(
        "Auth/RoleAdd", Etcdserverpb_AuthRoleAddRequest.self, Etcdserverpb_AuthRoleAddResponse.self)
    static let roleGrant = Self(
        "Auth/RoleGrantPermission", Etcdserverpb_AuthRoleGrantPermissionRequest.self,
        Etcdserverpb_AuthRoleGrantPermissionResponse.self)
    static let watch = Self("Watch/Watch", Etcdserverpb_WatchRequest.self, Etcdserverpb_WatchResponse.self, .watch)
}
