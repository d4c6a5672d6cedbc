// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI

extension Etcdserverpb_MemberListRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "MemberListRequest",
        [
            ("linearizable", 1, .varint),
        ])
}

extension Etcdserverpb_StatusRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("StatusRequest")
}

extension Etcdserverpb_AlarmRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "AlarmRequest",
        [
            ("action", 1, .varint), ("memberID", 2, .varint), ("alarm", 3, .varint),
        ])
}

extension Etcdserverpb_AuthStatusRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("AuthStatusRequest")
}
