// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdAPI
package import MartletKeyValue

extension TxnRequest {
    /// Nesting is bounded before: ``RequestLayout`` refuses messages nested deeper than its limit, and the operation
    /// budget of ``validate(maximumOperations:)`` shrinks with each level.
    package init(_ message: Etcdserverpb_TxnRequest) {
        self.init(
            compare: message.compare.map { TxnCompare($0) },
            success: message.success.map { Operation($0) },
            failure: message.failure.map { Operation($0) }
        )
    }
}

extension TxnRequest.Operation {
    init(_ message: Etcdserverpb_RequestOp) {
        self =
            switch message.request {
            case .requestRange(let request): .range(RangeRequest(request))
            case .requestPut(let request): .put(PutRequest(request))
            case .requestDeleteRange(let request): .deleteRange(DeleteRangeRequest(request))
            case .requestTxn(let request): .txn(TxnRequest(request))
            case nil: .unset
            }
    }
}

extension TxnCompare {
    package init(_ message: Etcdserverpb_Compare) {
        self.init(
            Target(message),
            of: message.key.bytes,
            rangeEnd: message.rangeEnd.bytes,
            is: Relation(message.result)
        )
    }
}

extension TxnCompare.Relation {
    init(_ result: Etcdserverpb_Compare.CompareResult) {
        self =
            switch result {
            case .equal: .equal
            case .greater: .greater
            case .less: .less
            case .notEqual: .notEqual
            case .UNRECOGNIZED: .unrecognized
            }
    }
}

extension TxnCompare.Target {
    /// The declared target counts; a value of another kind reads as zero.
    init(_ message: Etcdserverpb_Compare) {
        self =
            switch message.target {
            case .version: .version(message.version)
            case .create: .createRevision(message.createRevision)
            case .mod: .modRevision(message.modRevision)
            case .value: .value(message.value.bytes)
            case .lease: .lease(message.lease)
            case .UNRECOGNIZED: .unrecognized
            }
    }
}

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
