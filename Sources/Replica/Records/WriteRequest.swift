// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
public import MartletBasics
public import MartletKeyValue

/// A client's request that goes through the log: what one entry holds. Questions are among them that must be answered
/// in the order of the changes.
public enum WriteRequest: Hashable, Sendable {
    case put(PutRequest)
    case deleteRange(DeleteRangeRequest)
    case txn(TxnRequest)
    /// `physical`: the answer waits until the old versions are gone.
    case compact(CompactionRequest, physical: Bool)
    /// The id is chosen before the request is proposed; it is never zero.
    case leaseGrant(LeaseID, ttlSeconds: Int64)
    case leaseRevoke(LeaseID)
    case alarm(AlarmRequest)
    /// Passwords are hashed before.
    case auth(AuthRequest)
    /// Validated before, see `ClusterState.checkDowngrade(to:)`.
    case downgrade(DowngradeInfo)

    /// Requests whose message goes into the log as the client sent it. Raw values are the fields of etcd's
    /// `InternalRaftRequest`.
    public enum Kind: UInt64, CaseIterable, Sendable {
        case put = 4
        case deleteRange = 5
        case txn = 6
        case compact = 7
        case leaseGrant = 8
        case leaseRevoke = 9
        case alarm = 10
    }

    /// The field of etcd's `InternalRaftRequest`.
    public var recordField: UInt64 {
        switch self {
        case .put: Kind.put.rawValue
        case .deleteRange: Kind.deleteRange.rawValue
        case .txn: Kind.txn.rawValue
        case .compact: Kind.compact.rawValue
        case .leaseGrant: Kind.leaseGrant.rawValue
        case .leaseRevoke: Kind.leaseRevoke.rawValue
        case .alarm: Kind.alarm.rawValue
        case .auth(let request): request.recordField
        case .downgrade: RecordField.downgrade
        }
    }
}

/// What applying a `WriteRequest`, or another event that is answered, gave.
public enum WriteResponse: Hashable, Sendable {
    case put(PutResponse)
    case deleteRange(DeleteRangeResponse)
    case txn(TxnResponse)
    /// Of a transaction over keys and streams.
    case transact(StoreTransactionResponse)
    case compact(CompactionResponse)
    case leaseGrant(LeaseID, ttlSeconds: Int64)
    case leaseRevoke(DeleteRangeResponse)
    /// `nil`: the lease is unknown or has run out.
    case leaseRenewal(ttlSeconds: Int64?)
    /// Those asked for, or the one that was raised or lifted.
    case alarms([Alarm])
    case auth(AuthResponse)
    case downgrade(DowngradeInfo)
    /// All members after a change of them.
    case members([ClusterState.Member])
}

/// A request on its way into the log, decoded and as bytes. The two say the same.
public struct Write: Hashable, Sendable {
    public let request: WriteRequest
    /// etcd's message of the request's kind.
    public let bytes: [UInt8]
    /// Who asks, as the token or certificate had it when the request came.
    public var identity: AuthIdentity

    /// What came over the wire; its bytes go into the log unchanged.
    ///
    /// A lease grant that leaves the choice of the id to the server can't go there: give it an id first.
    public init(
        _ kind: WriteRequest.Kind, wire bytes: [UInt8], identity: AuthIdentity = .anonymous
    ) throws(RecordError) {
        request = try RequestDecoder(bytes).request(kind, 0..<bytes.count)
        self.bytes = bytes
        self.identity = identity
    }

    /// A request of the server's own making.
    public init(_ request: WriteRequest, identity: AuthIdentity = .anonymous) {
        self.request = request
        var bytes: [UInt8] = []
        request.encode(into: &bytes)
        self.bytes = bytes
        self.identity = identity
    }
}
