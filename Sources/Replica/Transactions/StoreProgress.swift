// SPDX-License-Identifier: Apache-2.0

import MartletKeyValue
import MartletKeyspace

/// A transaction over keys and streams on its way: tested, and done in part where blocks of streams were missing.
struct StoreProgress: Sendable {
    /// The sides that conditions chose, with those of the transactions inside.
    struct Path: Sendable {
        var succeeded: Bool
        /// Of which sort the operations of the side are.
        var order: [StoreTransaction.Side.Kind]
        /// For the transactions among them, in their order.
        var nested: [Path] = []

        /// The answer, of those of both parts, which stand in the same order.
        ///
        /// - Parameter next: the first of `outcomes` that it doesn't hold yet.
        func response(
            _ keys: TxnResponse, _ outcomes: [StreamOutcome], from next: inout Int
        ) -> StoreTransactionResponse {
            var response = StoreTransactionResponse(revision: keys.revision, succeeded: succeeded, responses: [])
            response.responses.reserveCapacity(order.count)
            var (inner, answers) = (0, 0)
            for kind in order {
                switch kind {
                case .keys:
                    response.responses.append(.keys(keys.responses[answers]))
                    answers += 1
                case .transaction:
                    guard case .txn(let answer) = keys.responses[answers] else {
                        preconditionFailure("an inner transaction's answer is missing")
                    }
                    response.responses.append(.transaction(nested[inner].response(answer, outcomes, from: &next)))
                    (inner, answers) = (inner + 1, answers + 1)
                case .streams:
                    response.responses.append(.streams(outcomes[next]))
                    next += 1
                }
            }
            return response
        }
    }

    let path: Path
    /// What of it concerns keys, which change last, and by nothing else before that.
    let keys: CheckedTxn
    let operations: [StreamOperation]
    var outcomes: [StreamOutcome] = []

    /// What is done next to a stream; `nil`: all of that is done.
    var next: StreamOperation? { outcomes.count < operations.count ? operations[outcomes.count] : nil }

    /// Whether some of it has taken effect, and not all.
    var isHalfway: Bool { !outcomes.isEmpty }
}
