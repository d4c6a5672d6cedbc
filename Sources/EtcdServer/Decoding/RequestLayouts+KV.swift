// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI

extension Etcdserverpb_RangeRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "RangeRequest",
        [
            ("key", 1, .bytes), ("range_end", 2, .bytes), ("limit", 3, .varint), ("revision", 4, .varint),
            ("sort_order", 5, .varint), ("sort_target", 6, .varint), ("serializable", 7, .varint),
            ("keys_only", 8, .varint), ("count_only", 9, .varint), ("min_mod_revision", 10, .varint),
            ("max_mod_revision", 11, .varint), ("min_create_revision", 12, .varint),
            ("max_create_revision", 13, .varint),
        ])
}

extension Etcdserverpb_PutRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "PutRequest",
        [
            ("key", 1, .bytes), ("value", 2, .bytes), ("lease", 3, .varint), ("prev_kv", 4, .varint),
            ("ignore_value", 5, .varint), ("ignore_lease", 6, .varint),
        ])
}

extension Etcdserverpb_DeleteRangeRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "DeleteRangeRequest",
        [
            ("key", 1, .bytes), ("range_end", 2, .bytes), ("prev_kv", 3, .varint),
        ])
}

extension Etcdserverpb_TxnRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "TxnRequest",
        [
            ("compare", 1, .message { Etcdserverpb_Compare.layout }),
            ("success", 2, .message { Etcdserverpb_RequestOp.layout }),
            ("failure", 3, .message { Etcdserverpb_RequestOp.layout }),
        ])
}

extension Etcdserverpb_RequestOp: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "RequestOp",
        [
            ("request_range", 1, .message { Etcdserverpb_RangeRequest.layout }),
            ("request_put", 2, .message { Etcdserverpb_PutRequest.layout }),
            ("request_delete_range", 3, .message { Etcdserverpb_DeleteRangeRequest.layout }),
            ("request_txn", 4, .message { Etcdserverpb_TxnRequest.layout }),
        ])
}

extension Etcdserverpb_Compare: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "Compare",
        [
            ("result", 1, .varint), ("target", 2, .varint), ("key", 3, .bytes), ("version", 4, .varint),
            ("create_revision", 5, .varint), ("mod_revision", 6, .varint), ("value", 7, .bytes),
            ("lease", 8, .varint), ("range_end", 64, .bytes),
        ])
}

extension Etcdserverpb_CompactionRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "CompactionRequest",
        [
            ("revision", 1, .varint), ("physical", 2, .varint),
        ])
}
