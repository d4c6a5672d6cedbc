// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI

extension Etcdserverpb_LeaseGrantRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "LeaseGrantRequest",
        [
            ("TTL", 1, .varint), ("ID", 2, .varint),
        ])
}

extension Etcdserverpb_LeaseRevokeRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "LeaseRevokeRequest",
        [
            ("ID", 1, .varint)
        ])
}

extension Etcdserverpb_LeaseKeepAliveRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "LeaseKeepAliveRequest",
        [
            ("ID", 1, .varint)
        ])
}

extension Etcdserverpb_LeaseTimeToLiveRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "LeaseTimeToLiveRequest",
        [
            ("ID", 1, .varint), ("keys", 2, .varint),
        ])
}

extension Etcdserverpb_LeaseLeasesRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("LeaseLeasesRequest")
}
