// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI

extension Etcdserverpb_MemberListRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "MemberListRequest",
        [
            ("linearizable", 1, .varint)
        ])
}

extension Etcdserverpb_MemberAddRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "MemberAddRequest",
        [
            ("peerURLs", 1, .bytes), ("isLearner", 2, .varint),
        ])
}

extension Etcdserverpb_MemberRemoveRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("MemberRemoveRequest", [("ID", 1, .varint)])
}

extension Etcdserverpb_MemberUpdateRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "MemberUpdateRequest",
        [
            ("ID", 1, .varint), ("peerURLs", 2, .bytes),
        ])
}

extension Etcdserverpb_MemberPromoteRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("MemberPromoteRequest", [("ID", 1, .varint)])
}

extension Martlet_V1_ReplaceMemberRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "ReplaceMemberRequest", [("old_id", 1, .varint), ("new_id", 2, .varint)])
}

extension Etcdserverpb_StatusRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("StatusRequest")
}

extension Etcdserverpb_HashRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("HashRequest")
}

extension Etcdserverpb_HashKVRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("HashKVRequest", [("revision", 1, .varint)])
}

extension Etcdserverpb_DefragmentRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("DefragmentRequest")
}

extension Etcdserverpb_MoveLeaderRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("MoveLeaderRequest", [("targetID", 1, .varint)])
}

extension Etcdserverpb_DowngradeRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "DowngradeRequest",
        [
            ("action", 1, .varint), ("version", 2, .bytes),
        ])
}

extension Etcdserverpb_AlarmRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "AlarmRequest",
        [
            ("action", 1, .varint), ("memberID", 2, .varint), ("alarm", 3, .varint),
        ])
}
