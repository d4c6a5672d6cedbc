// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import MartletEtcdAPI
package import MartletKeyValue

extension PutRequest {
    package init(_ message: Etcdserverpb_PutRequest) {
        self.init(key: message.key.bytes, value: message.value.bytes, lease: LeaseID(message.lease))
        wantsPrevious = message.prevKv
        ignoreValue = message.ignoreValue
        ignoreLease = message.ignoreLease
    }
}

extension Etcdserverpb_PutResponse {
    package init(_ response: PutResponse, header: Etcdserverpb_ResponseHeader) {
        self.init()
        self.header = header
        if let previous = response.previous { prevKv = Mvccpb_KeyValue(previous) }
    }
}

extension DeleteRangeRequest {
    package init(_ message: Etcdserverpb_DeleteRangeRequest) {
        self.init(key: message.key.bytes, rangeEnd: message.rangeEnd.bytes)
        wantsPrevious = message.prevKv
    }
}

extension Etcdserverpb_DeleteRangeResponse {
    package init(_ response: DeleteRangeResponse, header: Etcdserverpb_ResponseHeader) {
        self.init()
        self.header = header
        deleted = response.deleted
        prevKvs = response.previous.map { Mvccpb_KeyValue($0) }
    }
}
