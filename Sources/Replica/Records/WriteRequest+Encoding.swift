// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue

extension WriteRequest {
    /// Adds the request's message, fields in the order of their numbers.
    func encode(into bytes: inout [UInt8]) {
        switch self {
        case .put(let request): request.encode(into: &bytes)
        case .deleteRange(let request): request.encode(into: &bytes)
        case .txn(let request): request.encode(into: &bytes)
        case .compact(let request, let isPhysical):
            bytes.append(field: 1, signed: request.revision)
            bytes.append(field: 2, flag: isPhysical)
        case .leaseGrant(let id, let ttlSeconds):
            bytes.append(field: 1, signed: ttlSeconds)
            bytes.append(field: 2, signed: id.rawValue)
        case .leaseRevoke(let id):
            bytes.append(field: 1, signed: id.rawValue)
        case .alarm(let request): request.encode(into: &bytes)
        case .auth(let request): bytes += request.recordBytes
        case .downgrade(let info): info.encode(into: &bytes)
        }
    }
}

extension PutRequest {
    func encode(into bytes: inout [UInt8]) {
        bytes.append(field: 1, bytes: key)
        bytes.append(field: 2, bytes: value)
        bytes.append(field: 3, signed: lease.rawValue)
        bytes.append(field: 4, flag: wantsPrevious)
        bytes.append(field: 5, flag: ignoreValue)
        bytes.append(field: 6, flag: ignoreLease)
    }
}

extension DeleteRangeRequest {
    func encode(into bytes: inout [UInt8]) {
        bytes.append(field: 1, bytes: key)
        bytes.append(field: 2, bytes: rangeEnd)
        bytes.append(field: 3, flag: wantsPrevious)
    }
}

extension RangeRequest {
    func encode(into bytes: inout [UInt8]) {
        bytes.append(field: 1, bytes: key)
        bytes.append(field: 2, bytes: rangeEnd)
        bytes.append(field: 3, signed: limit)
        bytes.append(field: 4, signed: revision)
        bytes.append(field: 5, number: sortOrder.wireNumber)
        bytes.append(field: 6, number: sortTarget.wireNumber)
        bytes.append(field: 8, flag: keysOnly)
        bytes.append(field: 9, flag: countOnly)
        bytes.append(field: 10, signed: minModRevision)
        bytes.append(field: 11, signed: maxModRevision)
        bytes.append(field: 12, signed: minCreateRevision)
        bytes.append(field: 13, signed: maxCreateRevision)
    }
}

extension TxnRequest {
    /// Depth is that of a value that was made or decoded under a limit.
    func encode(into bytes: inout [UInt8]) {
        var inner: [UInt8] = []
        for condition in compare {
            inner.removeAll(keepingCapacity: true)
            condition.encode(into: &inner)
            bytes.append(choice: 1, bytes: inner)
        }
        for (field, list) in [(UInt64(2), success), (3, failure)] {
            for operation in list {
                inner.removeAll(keepingCapacity: true)
                operation.encode(into: &inner)
                bytes.append(choice: field, bytes: inner)
            }
        }
    }
}

extension TxnRequest.Operation {
    func encode(into bytes: inout [UInt8]) {
        var inner: [UInt8] = []
        let field: UInt64
        switch self {
        case .range(let request):
            field = 1
            request.encode(into: &inner)
        case .put(let request):
            field = 2
            request.encode(into: &inner)
        case .deleteRange(let request):
            field = 3
            request.encode(into: &inner)
        case .txn(let request):
            field = 4
            request.encode(into: &inner)
        case .unset:
            return
        }
        bytes.append(choice: field, bytes: inner)
    }
}

extension TxnCompare {
    func encode(into bytes: inout [UInt8]) {
        bytes.append(field: 1, number: relation.wireNumber)
        switch target {
        case .version: break
        case .createRevision: bytes.append(field: 2, number: 1)
        case .modRevision: bytes.append(field: 2, number: 2)
        case .value: bytes.append(field: 2, number: 3)
        case .lease: bytes.append(field: 2, number: 4)
        case .unrecognized: bytes.append(field: 2, number: 5)
        }
        bytes.append(field: 3, bytes: key)
        switch target {
        case .version(let number): bytes.append(choice: 4, number: UInt64(bitPattern: number))
        case .createRevision(let number): bytes.append(choice: 5, number: UInt64(bitPattern: number))
        case .modRevision(let number): bytes.append(choice: 6, number: UInt64(bitPattern: number))
        case .value(let content): bytes.append(choice: 7, bytes: content)
        case .lease(let number): bytes.append(choice: 8, number: UInt64(bitPattern: number))
        case .unrecognized: break
        }
        bytes.append(field: 64, bytes: rangeEnd)
    }
}
