// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
package import MartletKeyValue

/// A request that changes the store: what one entry of a log holds.
package enum WriteRequest: Sendable {
    case put(PutRequest)
    case deleteRange(DeleteRangeRequest)
    case txn(TxnRequest)
    /// `physical`: the answer waits until the old versions are gone.
    case compact(CompactionRequest, physical: Bool)
    /// The id is chosen before; it is never zero.
    case leaseGrant(LeaseID, ttlSeconds: Int64)
    case leaseRevoke(LeaseID)
}

/// What applying a ``WriteRequest`` gave.
package enum WriteResponse: Sendable {
    case put(PutResponse)
    case deleteRange(DeleteRangeResponse)
    case txn(TxnResponse)
    case compact(CompactionResponse)
    case leaseGrant(LeaseID, ttlSeconds: Int64)
    case leaseRevoke
}

/// Where the outcome of a ``WriteRequest`` goes.
package enum WriteReply {
    /// A client's call: the outcome is its response or its status.
    case call(any EtcdCall)
    case handler((Result<WriteResponse, EtcdError>) -> Void)
    /// Nobody waits.
    case discarded
}
