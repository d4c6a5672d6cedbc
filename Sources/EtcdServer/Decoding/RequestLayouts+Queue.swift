// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI

extension V3lockpb_LockRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "LockRequest",
        [
            ("name", 1, .bytes), ("lease", 2, .varint),
        ])
}

extension V3lockpb_UnlockRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "UnlockRequest",
        [
            ("key", 1, .bytes)
        ])
}

extension V3electionpb_CampaignRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "CampaignRequest",
        [
            ("name", 1, .bytes), ("lease", 2, .varint), ("value", 3, .bytes),
        ])
}

extension V3electionpb_LeaderKey: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "LeaderKey",
        [
            ("name", 1, .bytes), ("key", 2, .bytes), ("rev", 3, .varint), ("lease", 4, .varint),
        ])
}

extension V3electionpb_ProclaimRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "ProclaimRequest",
        [
            ("leader", 1, .message { V3electionpb_LeaderKey.layout }), ("value", 2, .bytes),
        ])
}

extension V3electionpb_LeaderRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "LeaderRequest",
        [
            ("name", 1, .bytes)
        ])
}

extension V3electionpb_ResignRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "ResignRequest",
        [
            ("leader", 1, .message { V3electionpb_LeaderKey.layout })
        ])
}
