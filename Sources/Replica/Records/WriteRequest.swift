// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
package import MartletKeyValue

/// A client's request that changes the store: what one entry of the log holds.
package enum WriteRequest: Hashable, Sendable {
    case put(PutRequest)
    case deleteRange(DeleteRangeRequest)
    case txn(TxnRequest)
    /// `physical`: the answer waits until the old versions are gone.
    case compact(CompactionRequest, physical: Bool)
    /// The id is chosen before the request is proposed; it is never zero.
    case leaseGrant(LeaseID, ttlSeconds: Int64)
    case leaseRevoke(LeaseID)

    /// Raw values are the fields of etcd's `InternalRaftRequest`.
    package enum Kind: UInt64, CaseIterable, Sendable {
        case put = 4
        case deleteRange = 5
        case txn = 6
        case compact = 7
        case leaseGrant = 8
        case leaseRevoke = 9
    }

    package var kind: Kind {
        switch self {
        case .put: .put
        case .deleteRange: .deleteRange
        case .txn: .txn
        case .compact: .compact
        case .leaseGrant: .leaseGrant
        case .leaseRevoke: .leaseRevoke
        }
    }
}

/// What applying a `WriteRequest` gave.
package enum WriteResponse: Hashable, Sendable {
    case put(PutResponse)
    case deleteRange(DeleteRangeResponse)
    case txn(TxnResponse)
    case compact(CompactionResponse)
    case leaseGrant(LeaseID, ttlSeconds: Int64)
    case leaseRevoke(DeleteRangeResponse)
}

/// A request on its way into the log, decoded and as bytes. The two say the same.
package struct Write: Hashable, Sendable {
    package let request: WriteRequest
    /// etcd's message of the request's kind.
    package let bytes: [UInt8]

    /// What came over the wire; its bytes go into the log unchanged.
    ///
    /// A lease grant that leaves the choice of the id to the server can't go there: give it an id first.
    package init(_ kind: WriteRequest.Kind, wire bytes: [UInt8]) throws(RecordError) {
        request = try RequestDecoder(bytes).request(kind, 0..<bytes.count)
        self.bytes = bytes
    }

    /// A request of the server's own making.
    package init(_ request: WriteRequest) {
        self.request = request
        var bytes: [UInt8] = []
        request.encode(into: &bytes)
        self.bytes = bytes
    }
}
