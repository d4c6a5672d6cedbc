// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI
package import MartletKeyValue

extension Etcdserverpb_PutResponse {
    package init(_ response: PutResponse, header: Etcdserverpb_ResponseHeader) {
        self.init()
        self.header = header
        if let previous = response.previous { prevKv = Mvccpb_KeyValue(previous) }
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
