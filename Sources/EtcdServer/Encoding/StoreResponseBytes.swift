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
        for operation in response.responses { bytes.append(choice: 3, bytes: encoded(operation)) }
    }

    /// An OperationResponse.
    private static func encoded(_ operation: StoreTransactionResponse.Operation) -> [UInt8] {
        var bytes: [UInt8] = []
        switch operation {
        case .keys(let response): return KVResponseBytes.encoded(response)
        case .transaction(let response):
            var inner: [UInt8] = []
            ResponseHead.append(inner: 0, to: &inner)
            append(response, to: &inner)
            bytes.append(choice: 4, bytes: inner)
        case .streams(.appended(let id)):
            var inner: [UInt8] = []
            inner.append(field: 1, number: id.milliseconds)
            inner.append(field: 2, number: id.sequence)
            bytes.append(choice: 5, bytes: inner)
        case .streams(.acknowledged(let count)): bytes.append(choice: 6, number: UInt64(count))
        case .streams(.negativelyAcknowledged(let count)): bytes.append(choice: 7, number: UInt64(count))
        case .streams(.trimmed(let count)): bytes.append(choice: 8, number: UInt64(count))
        case .streams(.deleted(let count)): bytes.append(choice: 9, number: UInt64(count))
        }
        return bytes
    }
}
