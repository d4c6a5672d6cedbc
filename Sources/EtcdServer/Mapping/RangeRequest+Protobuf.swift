// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI
package import MartletKeyValue

extension RangeRequest {
    package init(_ message: Etcdserverpb_RangeRequest) {
        self.init(key: message.key.bytes, rangeEnd: message.rangeEnd.bytes)
        limit = message.limit
        revision = message.revision
        sortOrder = SortOrder(message.sortOrder)
        sortTarget = SortTarget(message.sortTarget)
        keysOnly = message.keysOnly
        countOnly = message.countOnly
        minModRevision = message.minModRevision
        maxModRevision = message.maxModRevision
        minCreateRevision = message.minCreateRevision
        maxCreateRevision = message.maxCreateRevision
    }
}

extension RangeRequest.SortOrder {
    init(_ order: Etcdserverpb_RangeRequest.SortOrder) {
        self =
            switch order {
            case .none: .none
            case .ascend: .ascend
            case .descend: .descend
            case .UNRECOGNIZED: .unrecognized
            }
    }
}

extension RangeRequest.SortTarget {
    init(_ target: Etcdserverpb_RangeRequest.SortTarget) {
        self =
            switch target {
            case .key: .key
            case .version: .version
            case .create: .createRevision
            case .mod: .modRevision
            case .value: .value
            case .UNRECOGNIZED: .unrecognized
            }
    }
}

extension Etcdserverpb_RangeResponse {
    package init(_ response: RangeResponse, header: Etcdserverpb_ResponseHeader) {
        self.init()
        self.header = header
        kvs = response.records.map { Mvccpb_KeyValue($0) }
        more = response.more
        count = response.count
    }
}
