// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI
package import MartletKeyValue

extension Etcdserverpb_TxnResponse {
    package init(_ response: TxnResponse, header: Etcdserverpb_ResponseHeader) {
        self.init()
        self.header = header
        succeeded = response.succeeded
        responses = response.responses.map { Etcdserverpb_ResponseOp($0) }
    }
}

extension Etcdserverpb_ResponseOp {
    /// The header of an inner response carries the revision only, that of a nested transaction nothing at all.
    init(_ operation: TxnResponse.Operation) {
        self.init()
        response =
            switch operation {
            case .range(let response):
                .responseRange(Etcdserverpb_RangeResponse(response, header: .revision(response.revision)))
            case .put(let response):
                .responsePut(Etcdserverpb_PutResponse(response, header: .revision(response.revision)))
            case .deleteRange(let response):
                .responseDeleteRange(Etcdserverpb_DeleteRangeResponse(response, header: .revision(response.revision)))
            case .txn(let response):
                .responseTxn(Etcdserverpb_TxnResponse(response, header: Etcdserverpb_ResponseHeader()))
            }
    }
}

extension Etcdserverpb_ResponseHeader {
    static func revision(_ revision: Int64) -> Self {
        var header = Self()
        header.revision = revision
        return header
    }
}
