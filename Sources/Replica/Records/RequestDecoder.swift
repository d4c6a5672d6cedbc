// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue

/// Reads etcd's request messages: field numbers as in etcdserverpb, unknown fields skipped.
///
/// The bytes may be a client's: nothing in them traps. Complexity: O(bytes), but for a choice given again and again.
struct RequestDecoder {
    /// Transactions inside each other. A transaction is two messages deeper than the one around it, and 300 messages
    /// is what the server takes.
    static let depthMax = 150

    let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    func request(_ kind: WriteRequest.Kind, _ range: Range<Int>) throws(RecordError) -> WriteRequest {
        switch kind {
        case .put: return .put(try put(range))
        case .deleteRange: return .deleteRange(try deleteRange(range))
        case .txn: return .txn(try txn(range, depth: 1))
        case .compact: return try compact(range)
        case .leaseGrant: return try leaseGrant(range)
        case .leaseRevoke: return try leaseRevoke(range)
        case .alarm: return .alarm(try AlarmRequest(bytes, range))
        }
    }

    func put(_ range: Range<Int>) throws(RecordError) -> PutRequest {
        var request = PutRequest(key: [])
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: request.key = try reader.array(value)
            case 2: request.value = try reader.array(value)
            case 3: request.lease = LeaseID(try value.signed())
            case 4: request.wantsPrevious = try value.flag()
            case 5: request.ignoreValue = try value.flag()
            case 6: request.ignoreLease = try value.flag()
            default: continue
            }
        }
        return request
    }

    func deleteRange(_ range: Range<Int>) throws(RecordError) -> DeleteRangeRequest {
        var request = DeleteRangeRequest(key: [])
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: request.key = try reader.array(value)
            case 2: request.rangeEnd = try reader.array(value)
            case 3: request.wantsPrevious = try value.flag()
            default: continue
            }
        }
        return request
    }

    private func compact(_ range: Range<Int>) throws(RecordError) -> WriteRequest {
        var revision: Int64 = 0
        var isPhysical = false
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: revision = try value.signed()
            case 2: isPhysical = try value.flag()
            default: continue
            }
        }
        return .compact(CompactionRequest(revision: revision), physical: isPhysical)
    }

    private func leaseGrant(_ range: Range<Int>) throws(RecordError) -> WriteRequest {
        var id = LeaseID.none
        var ttlSeconds: Int64 = 0
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: ttlSeconds = try value.signed()
            case 2: id = LeaseID(try value.signed())
            default: continue
            }
        }
        return .leaseGrant(id, ttlSeconds: ttlSeconds)
    }

    private func leaseRevoke(_ range: Range<Int>) throws(RecordError) -> WriteRequest {
        var id = LeaseID.none
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            if number == 1 { id = LeaseID(try value.signed()) }
        }
        return .leaseRevoke(id)
    }

    func range(_ range: Range<Int>) throws(RecordError) -> RangeRequest {
        var request = RangeRequest(key: [])
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: request.key = try reader.array(value)
            case 2: request.rangeEnd = try reader.array(value)
            case 3: request.limit = try value.signed()
            case 4: request.revision = try value.signed()
            case 5: request.sortOrder = .init(wire: try value.number())
            case 6: request.sortTarget = .init(wire: try value.number())
            // Whether a read may be stale says nothing inside an entry.
            case 7: _ = try value.flag()
            case 8: request.keysOnly = try value.flag()
            case 9: request.countOnly = try value.flag()
            case 10: request.minModRevision = try value.signed()
            case 11: request.maxModRevision = try value.signed()
            case 12: request.minCreateRevision = try value.signed()
            case 13: request.maxCreateRevision = try value.signed()
            default: continue
            }
        }
        return request
    }
}

// Numbers of enumerations are cut to 32 bits, as protobuf does.
extension RangeRequest.SortOrder {
    init(wire number: UInt64) {
        switch Int32(truncatingIfNeeded: number) {
        case 0: self = .none
        case 1: self = .ascend
        case 2: self = .descend
        default: self = .unrecognized
        }
    }

    var wireNumber: UInt64 {
        switch self {
        case .none: 0
        case .ascend: 1
        case .descend: 2
        case .unrecognized: 3
        }
    }
}

extension RangeRequest.SortTarget {
    init(wire number: UInt64) {
        switch Int32(truncatingIfNeeded: number) {
        case 0: self = .key
        case 1: self = .version
        case 2: self = .createRevision
        case 3: self = .modRevision
        case 4: self = .value
        default: self = .unrecognized
        }
    }

    var wireNumber: UInt64 {
        switch self {
        case .key: 0
        case .version: 1
        case .createRevision: 2
        case .modRevision: 3
        case .value: 4
        case .unrecognized: 5
        }
    }
}
