// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI

extension Martlet_V1_TransactRequest: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "TransactRequest",
        [
            ("conditions", 1, .message { Martlet_V1_Condition.layout }),
            ("success", 2, .message { Martlet_V1_Operation.layout }),
            ("failure", 3, .message { Martlet_V1_Operation.layout }),
        ])
}

extension Martlet_V1_Condition: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "Condition",
        [
            ("key", 1, .message { Etcdserverpb_Compare.layout }),
            ("stream", 2, .message { Martlet_V1_StreamCompare.layout }),
        ])
}

extension Martlet_V1_StreamID: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "StreamID", [("milliseconds", 1, .varint), ("sequence", 2, .varint)])
}

extension Martlet_V1_StreamCompare: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "StreamCompare",
        [
            ("stream", 1, .bytes), ("relation", 2, .varint),
            ("last_id", 3, .message { Martlet_V1_StreamID.layout }), ("length", 4, .varint),
            ("position", 5, .message { position }), ("pending", 6, .message { pending }),
        ])

    private static let position: RequestLayout = .init(
        "Position", [("group", 1, .bytes), ("id", 2, .message { Martlet_V1_StreamID.layout })])
    private static let pending: RequestLayout = .init(
        "Pending",
        [("group", 1, .bytes), ("consumer", 2, .bytes), ("id", 3, .message { Martlet_V1_StreamID.layout })])
}

extension Martlet_V1_Operation: EtcdRequest {
    package static let layout: RequestLayout = .init(
        "Operation",
        [
            ("range", 1, .message { Etcdserverpb_RangeRequest.layout }),
            ("put", 2, .message { Etcdserverpb_PutRequest.layout }),
            ("delete_range", 3, .message { Etcdserverpb_DeleteRangeRequest.layout }),
            ("transact", 4, .message { Martlet_V1_TransactRequest.layout }),
            ("append", 5, .message { append }),
            ("acknowledge", 6, .message { acknowledge }),
            ("negative_acknowledge", 7, .message { negativeAcknowledge }),
            ("trim", 8, .message { trim }),
            ("delete_entries", 9, .message { deleteEntries }),
        ])

    private static let field: RequestLayout = .init("Field", [("name", 1, .bytes), ("value", 2, .bytes)])
    private static let append: RequestLayout = .init(
        "Append",
        [
            ("stream", 1, .bytes), ("fields", 2, .message { field }),
            ("id", 3, .message { Martlet_V1_StreamID.layout }), ("must_exist", 4, .varint),
        ])
    private static let acknowledge: RequestLayout = .init(
        "Acknowledge",
        [("stream", 1, .bytes), ("group", 2, .bytes), ("ids", 3, .message { Martlet_V1_StreamID.layout })])
    private static let negativeAcknowledge: RequestLayout = .init(
        "NegativeAcknowledge",
        [
            ("stream", 1, .bytes), ("group", 2, .bytes), ("ids", 3, .message { Martlet_V1_StreamID.layout }),
            ("mode", 4, .varint),
        ])
    private static let trim: RequestLayout = .init(
        "Trim",
        [
            ("stream", 1, .bytes), ("maximum_length", 2, .varint),
            ("minimum_id", 3, .message { Martlet_V1_StreamID.layout }), ("is_approximate", 4, .varint),
        ])
    private static let deleteEntries: RequestLayout = .init(
        "DeleteEntries", [("stream", 1, .bytes), ("ids", 2, .message { Martlet_V1_StreamID.layout })])
}
