// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue

/// The responses of etcdserverpb.KV as bytes, header included. Written by hand: generated messages would copy every
/// key and value once more, and these are the answers that are given most.
enum KVResponseBytes {
    /// What goes in front.
    struct Head: Sendable {
        var head: ResponseHead
        var term: UInt64

        func size(_ revision: Int64) -> Int { head.size(revision: revision, term: term) }

        func begin(_ revision: Int64, reserving count: Int) -> [UInt8] {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(size(revision) + count)
            head.append(revision: revision, term: term, to: &bytes)
            return bytes
        }
    }

    static func put(_ response: PutResponse, _ head: Head) -> [UInt8] {
        var bytes = head.begin(response.revision, reserving: room(response.previous))
        append(response, to: &bytes)
        return bytes
    }

    static func deleteRange(_ response: DeleteRangeResponse, _ head: Head) -> [UInt8] {
        var bytes = head.begin(response.revision, reserving: numbersSize + room(response.previous))
        append(response, to: &bytes)
        return bytes
    }

    static func range(_ response: RangeResponse, _ head: Head) -> [UInt8] {
        var bytes = head.begin(response.revision, reserving: numbersSize + room(response.records))
        append(response, to: &bytes)
        return bytes
    }

    static func txn(_ response: TxnResponse, _ head: Head) -> [UInt8] {
        var bytes = head.begin(response.revision, reserving: numbersSize)
        append(response, to: &bytes)
        return bytes
    }

    /// Two numbers and their tags at most.
    private static let numbersSize = 22

    /// Bytes of the records in an answer.
    static func size(_ records: [KeyValueRecord]) -> Int {
        records.reduce(0) { $0 + ProtobufSize.choice(byteCount: $1.encodedSize) }
    }

    /// Room for the records in an answer: more than they take, but found without reading their numbers.
    static func room(_ records: [KeyValueRecord]) -> Int {
        records.reduce(0) { $0 + $1.contentCount + KeyValueRecord.maximumFramingBytes }
    }

    private static func room(_ record: KeyValueRecord?) -> Int {
        record.map { $0.contentCount + KeyValueRecord.maximumFramingBytes } ?? 0
    }

    // MARK: Behind the header

    private static func append(_ response: PutResponse, to bytes: inout [UInt8]) {
        response.previous?.encode(field: 2, into: &bytes)
    }

    private static func append(_ response: DeleteRangeResponse, to bytes: inout [UInt8]) {
        bytes.append(field: 2, signed: response.deleted)
        for record in response.previous { record.encode(field: 3, into: &bytes) }
    }

    private static func append(_ response: RangeResponse, to bytes: inout [UInt8]) {
        append(response.records, to: &bytes)
        append(more: response.more, count: response.count, to: &bytes)
    }

    // MARK: A range's answer in pieces

    static func append(_ records: [KeyValueRecord], to bytes: inout [UInt8]) {
        for record in records { record.encode(field: 2, into: &bytes) }
    }

    static func append(more: Bool, count: Int64, to bytes: inout [UInt8]) {
        bytes.append(field: 3, flag: more)
        bytes.append(field: 4, signed: count)
    }

    private static func append(_ response: TxnResponse, to bytes: inout [UInt8]) {
        bytes.append(field: 2, flag: response.succeeded)
        for operation in response.responses { bytes.append(choice: 3) { append(operation, to: &$0) } }
    }

    /// A ResponseOp: a choice of range 1, put 2, delete 3, transaction 4. The first three are those of
    /// martlet.v1.OperationResponse, too.
    static func append(_ operation: TxnResponse.Operation, to bytes: inout [UInt8]) {
        switch operation {
        case .range(let response):
            // Once for the whole of it, and not as it grows.
            bytes.makeRoom(for: 2 * numbersSize + room(response.records))
            bytes.append(choice: 1) { bytes in
                ResponseHead.append(inner: response.revision, to: &bytes)
                append(response, to: &bytes)
            }
        case .put(let response):
            bytes.append(choice: 2) { bytes in
                ResponseHead.append(inner: response.revision, to: &bytes)
                append(response, to: &bytes)
            }
        case .deleteRange(let response):
            bytes.append(choice: 3) { bytes in
                ResponseHead.append(inner: response.revision, to: &bytes)
                append(response, to: &bytes)
            }
        case .txn(let response):
            bytes.append(choice: 4) { bytes in
                ResponseHead.append(inner: 0, to: &bytes)
                append(response, to: &bytes)
            }
        }
    }
}
