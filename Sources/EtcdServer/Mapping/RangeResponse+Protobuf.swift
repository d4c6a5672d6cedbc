// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI
package import MartletKeyValue

extension Etcdserverpb_RangeResponse {
    package init(_ response: RangeResponse, header: Etcdserverpb_ResponseHeader) {
        self.init()
        self.header = header
        kvs = response.records.map { Mvccpb_KeyValue($0) }
        more = response.more
        count = response.count
    }
}
