// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletReplica
import MartletStreams

/// martlet.v1.TransactResponse as bytes, header included: see `KVResponseBytes`.
enum StoreResponseBytes {
    static func transact(_ response: StoreTransactionResponse, _ head: KVResponseBytes.Head) -> [UInt8] {
        var bytes = head.begin(response.revision, reserving: reservedBytes)
        append(response, to: &bytes)
        return bytes
    }

    /// What a put and an append answer, and some more.
    private static let reservedBytes = 64

    private static func append(_ response: StoreTransactionResponse, to bytes: inout [UInt8]) {
        bytes.append(field: 2, flag: response.succeeded)
        for operation in response.responses { bytes.append(choice: 3) { append(operation, to: &$0) } }
    }

    /// An OperationResponse.
    private static func append(_ operation: StoreTransactionResponse.Operation, to bytes: inout [UInt8]) {
        switch operation {
        case .keys(let response): KVResponseBytes.append(response, to: &bytes)
        case .transaction(let response):
            bytes.append(choice: 4) { bytes in
                ResponseHead.append(inner: 0, to: &bytes)
                append(response, to: &bytes)
            }
        case .streams(.appended(let id)):
            bytes.append(choice: 5) { bytes in
                bytes.append(field: 1, number: id.milliseconds)
                bytes.append(field: 2, number: id.sequence)
            }
        case .streams(.acknowledged(let count)): bytes.append(choice: 6, number: UInt64(count))
        case .streams(.negativelyAcknowledged(let count)): bytes.append(choice: 7, number: UInt64(count))
        case .streams(.trimmed(let count)): bytes.append(choice: 8, number: UInt64(count))
        case .streams(.deleted(let count)): bytes.append(choice: 9, number: UInt64(count))
        }
    }
}
