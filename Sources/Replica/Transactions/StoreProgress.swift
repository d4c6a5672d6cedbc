// SPDX-License-Identifier: Apache-2.0

import MartletKeyValue
import MartletKeyspace

/// A transaction over keys and streams on its way: tested, and done in part where blocks of streams were missing.
struct StoreProgress: Sendable {
    /// The sides that conditions chose, with those of the transactions inside.
    struct Path: Sendable {
        var succeeded: Bool
        var operations: [StoreTransaction.Operation]
        /// For the transactions among `operations`, in their order.
        var nested: [Path]

        /// What of it concerns keys.
        var keyRequest: TxnRequest {
            var request = TxnRequest()
            var inner = nested.makeIterator()
            for operation in operations {
                switch operation {
                case .keys(let operation): request.success.append(operation)
                case .transaction:
                    guard let path = inner.next() else { preconditionFailure("an inner transaction has no path") }
                    request.success.append(.txn(path.keyRequest))
                case .streams: continue
                }
            }
            return request
        }

        var streamOperations: [StreamOperation] {
            var all: [StreamOperation] = []
            var inner = nested.makeIterator()
            for operation in operations {
                switch operation {
                case .keys: continue
                case .transaction:
                    guard let path = inner.next() else { preconditionFailure("an inner transaction has no path") }
                    all += path.streamOperations
                case .streams(let operation): all.append(operation)
                }
            }
            return all
        }

        /// The answer, of those of both parts, which stand in the same order.
        func response(
            _ keys: TxnResponse, _ outcomes: inout ArraySlice<StreamOutcome>
        ) -> StoreTransactionResponse {
            var response = StoreTransactionResponse(revision: keys.revision, succeeded: succeeded, responses: [])
            response.responses.reserveCapacity(operations.count)
            var (inner, answers) = (nested.makeIterator(), keys.responses.makeIterator())
            for operation in operations {
                switch operation {
                case .keys:
                    guard let answer = answers.next() else { preconditionFailure("a key's answer is missing") }
                    response.responses.append(.keys(answer))
                case .transaction:
                    guard let path = inner.next(), case .txn(let answer) = answers.next() else {
                        preconditionFailure("an inner transaction's answer is missing")
                    }
                    response.responses.append(.transaction(path.response(answer, &outcomes)))
                case .streams:
                    guard let outcome = outcomes.popFirst() else { preconditionFailure("a stream's answer is missing") }
                    response.responses.append(.streams(outcome))
                }
            }
            return response
        }
    }

    let path: Path
    let keyRequest: TxnRequest
    let operations: [StreamOperation]
    var outcomes: [StreamOutcome] = []

    init(_ path: Path) {
        self.path = path
        keyRequest = path.keyRequest
        operations = path.streamOperations
    }

    /// Whether some of it has taken effect, and not all.
    var isHalfway: Bool { !outcomes.isEmpty }
}
