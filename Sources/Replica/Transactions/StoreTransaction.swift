// SPDX-License-Identifier: Apache-2.0

package import MartletKeyValue
package import MartletKeyspace

/// Conditions on keys and streams, and what is done if all of them hold, and if not: as one step, and one record.
///
/// It is `TxnRequest` with streams. All conditions see the state before. All changes of keys share one main revision,
/// if there are any; those of streams move none. What any operation of the chosen side would refuse refuses the whole,
/// before anything has changed.
package struct StoreTransaction: Sendable {
    package enum Condition: Hashable, Sendable {
        case keys(TxnCompare)
        case streams(StreamCompare)
    }

    package indirect enum Operation: Sendable {
        /// A range, a put or a deletion.
        case keys(TxnRequest.Operation)
        case transaction(StoreTransaction)
        case streams(StreamOperation)
    }

    package var conditions: [Condition]
    package var success: [Operation]
    package var failure: [Operation]

    package init(conditions: [Condition] = [], success: [Operation] = [], failure: [Operation] = []) {
        self.conditions = conditions
        self.success = success
        self.failure = failure
    }

    /// All that concerns keys, whatever course is taken.
    package var keyPart: TxnRequest {
        var part = TxnRequest(success: Self.keyPart(success), failure: Self.keyPart(failure))
        for case .keys(let compare) in conditions { part.compare.append(compare) }
        return part
    }

    private static func keyPart(_ operations: [Operation]) -> [TxnRequest.Operation] {
        operations.compactMap {
            switch $0 {
            case .keys(let operation): operation
            case .transaction(let inner): .txn(inner.keyPart)
            case .streams: nil
            }
        }
    }

    package var hasStreamConditions: Bool {
        conditions.contains { if case .streams = $0 { true } else { false } }
    }

    /// What is done to streams, whatever course is taken, in order.
    package var streamOperations: [StreamOperation] {
        (success + failure).flatMap { operation -> [StreamOperation] in
            switch operation {
            case .keys: []
            case .transaction(let inner): inner.streamOperations
            case .streams(let operation): [operation]
            }
        }
    }

    /// The part of it that concerns lengths and depth.
    func validateShape(_ maximumOperations: Int) throws(StoreRefusal) {
        let size = max(conditions.count, success.count, failure.count)
        if size > maximumOperations { throw .keys(.tooManyOperations) }
        for case .streams(let compare) in conditions where !compare.isMeaningful {
            throw .streams(.malformed("whether an entry is pending is asked with EQUAL or NOT_EQUAL"))
        }
        for list in [success, failure] {
            for case .transaction(let inner) in list { try inner.validateShape(maximumOperations - size) }
        }
    }
}

/// Why a transaction over keys and streams is refused; nothing has changed.
package enum StoreRefusal: Error, Hashable, Sendable {
    case keys(KeyValueError)
    case streams(StreamRefusal)

    package var error: ReplicaError {
        switch self {
        case .keys(let error): .refused(error)
        case .streams(let refusal): .refusedStreams(refusal)
        }
    }
}

/// What a `StoreTransaction` did.
package struct StoreTransactionResponse: Hashable, Sendable {
    package indirect enum Operation: Hashable, Sendable {
        case keys(TxnResponse.Operation)
        case transaction(StoreTransactionResponse)
        case streams(StreamOutcome)
    }

    /// The main revision after it.
    package var revision: Int64
    package var succeeded: Bool
    package var responses: [Operation]
}
