// SPDX-License-Identifier: Apache-2.0

public import MartletKeyValue
public import MartletKeyspace

/// Conditions on keys and streams, and what is done if all of them hold, and if not: as one step, and one record.
///
/// It is `TxnRequest` with streams. All conditions see the state before. All changes of keys share one main revision,
/// if there are any; those of streams move none. What any operation of the chosen side would refuse refuses the whole,
/// before anything has changed.
public struct StoreTransaction: Sendable {
    public enum Condition: Hashable, Sendable {
        case keys(TxnCompare)
        case streams(StreamCompare)
    }

    /// What is done if the conditions hold, or if they don't: each sort of operations by itself, as it goes to where it
    /// is carried out, and the order in which they stand.
    struct Side: Sendable {
        enum Kind: Sendable {
            /// A range, a put or a deletion.
            case keys
            case transaction, streams
        }

        enum Operation {
            case keys(TxnRequest.Operation)
            case transaction(StoreTransaction)
            case streams(StreamOperation)
        }

        /// Of which sort the next one is.
        private(set) var order: [Kind] = []
        private(set) var keys: [TxnRequest.Operation] = []
        private(set) var transactions: [StoreTransaction] = []
        private(set) var streams: [StreamOperation] = []

        var count: Int { order.count }

        // Mostly there is one of a sort: an array of one is made at once, without growing.

        mutating func append(_ operation: consuming TxnRequest.Operation) {
            order.append(.keys)
            if keys.isEmpty { keys = [operation] } else { keys.append(operation) }
        }

        mutating func append(_ operation: consuming StreamOperation) {
            order.append(.streams)
            if streams.isEmpty { streams = [operation] } else { streams.append(operation) }
        }

        mutating func append(_ inner: consuming StoreTransaction) {
            order.append(.transaction)
            transactions.append(inner)
        }

        /// All of it as it was asked.
        var operations: [Operation] {
            var (keys, transactions, streams) = (keys[...], transactions[...], streams[...])
            return order.map {
                switch $0 {
                case .keys: .keys(keys.removeFirst())
                case .transaction: .transaction(transactions.removeFirst())
                case .streams: .streams(streams.removeFirst())
                }
            }
        }

        /// What of it concerns keys.
        fileprivate var keyPart: [TxnRequest.Operation] {
            if transactions.isEmpty { return keys }
            return operations.compactMap {
                switch $0 {
                case .keys(let operation): operation
                case .transaction(let inner): .txn(inner.keyPart)
                case .streams: nil
                }
            }
        }

        fileprivate var allStreams: [StreamOperation] {
            if transactions.isEmpty { return streams }
            var all: [StreamOperation] = []
            for operation in operations {
                switch operation {
                case .keys: continue
                case .transaction(let inner): all += inner.streamOperations
                case .streams(let operation): all.append(operation)
                }
            }
            return all
        }
    }

    public var conditions: [Condition] = []
    var success = Side()
    var failure = Side()

    /// All that concerns keys, whatever course is taken.
    public var keyPart: TxnRequest {
        var part = TxnRequest(success: success.keyPart, failure: failure.keyPart)
        for case .keys(let compare) in conditions { part.compare.append(compare) }
        return part
    }

    public var hasStreamConditions: Bool {
        conditions.contains { if case .streams = $0 { true } else { false } }
    }

    /// What is done to streams, whatever course is taken, in order.
    var streamOperations: [StreamOperation] {
        let (first, second) = (success.allStreams, failure.allStreams)
        return second.isEmpty ? first : first + second
    }

    /// Whether no transactions are inside.
    var isFlat: Bool { success.transactions.isEmpty && failure.transactions.isEmpty }

    /// The length of its longest list.
    var size: Int { max(conditions.count, success.count, failure.count) }

    /// The part of it that concerns lengths and depth.
    func validateShape(_ maximumOperations: Int) throws(StoreRefusal) {
        let size = size
        if size > maximumOperations { throw .keys(.tooManyOperations) }
        for case .streams(let compare) in conditions where !compare.isMeaningful {
            throw .streams(.malformed("whether an entry is pending is asked with EQUAL or NOT_EQUAL"))
        }
        for inner in success.transactions { try inner.validateShape(maximumOperations - size) }
        for inner in failure.transactions { try inner.validateShape(maximumOperations - size) }
    }
}

/// Why a transaction over keys and streams is refused; nothing has changed.
public enum StoreRefusal: Error, Hashable, Sendable {
    case keys(KeyValueError)
    case streams(StreamRefusal)

    public var error: ReplicaError {
        switch self {
        case .keys(let error): .refused(error)
        case .streams(let refusal): .refusedStreams(refusal)
        }
    }
}

/// What a `StoreTransaction` did.
public struct StoreTransactionResponse: Hashable, Sendable {
    public enum Operation: Hashable, Sendable {
        case keys(TxnResponse.Operation)
        case transaction(StoreTransactionResponse)
        case streams(StreamOutcome)
    }

    /// The main revision after it.
    public var revision: Int64
    public var succeeded: Bool
    public var responses: [Operation]
}
