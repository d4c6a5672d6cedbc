// SPDX-License-Identifier: Apache-2.0

/// One condition of a transaction.
///
/// A missing key compares as if version, revisions and lease were 0; a value compare on a missing key is false whatever
/// its relation. With a `rangeEnd` the condition must hold for every key in the range; an empty range counts as a
/// missing key.
/// Source: etcd `Compare`.
public struct TxnCompare: Hashable, Sendable {
    public enum Relation: Hashable, Sendable {
        case equal, greater, less, notEqual
        /// A number that the protocol does not name: holds always, as in etcd.
        case unrecognized
    }

    public enum Target: Hashable, Sendable {
        case version(Int64)
        case createRevision(Int64)
        case modRevision(Int64)
        case value([UInt8])
        case lease(Int64)
        /// A number that the protocol does not name: compares as equal.
        case unrecognized
    }

    public var key: [UInt8]
    public var rangeEnd: [UInt8]
    public var relation: Relation
    public var target: Target

    public init(_ target: Target, of key: [UInt8], rangeEnd: [UInt8] = [], is relation: Relation = .equal) {
        self.key = key
        self.rangeEnd = rangeEnd
        self.relation = relation
        self.target = target
    }

    public var interval: KeyInterval { KeyInterval(key: key, rangeEnd: rangeEnd) }
}

/// Runs `success` if all compares hold, else `failure`, as one step. Source: etcd `TxnRequest`.
///
/// All compares, nested ones included, see the state before the transaction. Reads see earlier writes of the same
/// transaction. All writes share one main revision.
public struct TxnRequest: Hashable, Sendable {
    public indirect enum Operation: Hashable, Sendable {
        case range(RangeRequest)
        case put(PutRequest)
        case deleteRange(DeleteRangeRequest)
        case txn(TxnRequest)
        /// An operation with no variant set; such a transaction is refused.
        case unset
    }

    public var compare: [TxnCompare]
    public var success: [Operation]
    public var failure: [Operation]

    public init(compare: [TxnCompare] = [], success: [Operation] = [], failure: [Operation] = []) {
        self.compare = compare
        self.success = success
        self.failure = failure
    }

    /// Whether only plain ranges are inside, so that the transaction can be served as a read.
    public var isReadOnly: Bool {
        (success + failure).allSatisfy {
            switch $0 {
            case .range: true
            case .put, .deleteRange, .txn, .unset: false
            }
        }
    }
}

public struct TxnResponse: Hashable, Sendable {
    public indirect enum Operation: Hashable, Sendable {
        case range(RangeResponse)
        case put(PutResponse)
        case deleteRange(DeleteRangeResponse)
        case txn(TxnResponse)
    }

    /// The store's main revision after the transaction.
    public var revision: Int64
    public var succeeded: Bool
    public var responses: [Operation]

    public init(revision: Int64, succeeded: Bool, responses: [Operation]) {
        self.revision = revision
        self.succeeded = succeeded
        self.responses = responses
    }
}
