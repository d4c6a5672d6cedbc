// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI

extension Etcdserverpb_WatchRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "WatchRequest",
        [
            ("create_request", 1, .message { Etcdserverpb_WatchCreateRequest.layout }),
            ("cancel_request", 2, .message { Etcdserverpb_WatchCancelRequest.layout }),
            ("progress_request", 3, .message { Etcdserverpb_WatchProgressRequest.layout }),
        ])
}

extension Etcdserverpb_WatchCreateRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "WatchCreateRequest",
        [
            ("key", 1, .bytes), ("range_end", 2, .bytes), ("start_revision", 3, .varint),
            ("progress_notify", 4, .varint), ("filters", 5, .varints), ("prev_kv", 6, .varint),
            ("watch_id", 7, .varint), ("fragment", 8, .varint),
        ])
}

extension Etcdserverpb_WatchCancelRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "WatchCancelRequest",
        [
            ("watch_id", 1, .varint)
        ])
}

extension Etcdserverpb_WatchProgressRequest: EtcdRequest {
    package static let layout: RequestLayout = .init("WatchProgressRequest")
}
