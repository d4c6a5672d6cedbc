// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import Testing

/// The tables of a checkpoint as a map: batches reach it whole.
struct TableMap {
    private(set) var records: [TableKey: [UInt8]] = [:]
    /// Whether each put of a table rose above all its keys, as LMDB's appending wants it.
    private(set) var tablesOutOfOrder: Set<TableID> = []
    private var lastPut: [TableID: TableKey] = [:]

    mutating func apply(_ batch: TableBatch) {
        batch.forEach { key, value in
            guard let value else {
                records[key] = nil
                return
            }
            if let last = lastPut[key.table], last >= key { tablesOutOfOrder.insert(key.table) }
            lastPut[key.table] = key
            records[key] = [UInt8](copying: value)
        }
    }

    mutating func set(_ key: TableKey, _ value: [UInt8]?) { records[key] = value }

    func count(of table: TableID) -> Int { records.keys.count { $0.table == table } }

    func restore(
        _ configuration: KeyValueStore.Configuration, now: Duration = .zero
    ) throws(CheckpointError) -> (store: KeyValueStore, applied: AppliedPosition) {
        var restorer = KeyValueRestorer(configuration: configuration)
        for (key, value) in records.sorted(by: { $0.key < $1.key }) { try restorer.load(key, value.span.bytes) }
        return try restorer.finish(now: now)
    }
}

extension KeyValueStore {
    /// Writes a checkpoint to the map.
    mutating func writeCheckpoint(to map: inout TableMap, index: UInt64 = 0) {
        let checkpoint = beginCheckpoint(applied: AppliedPosition(index: LogIndex(index), term: Term(1)))
        var batch = TableBatch()
        checkpoint.encode(into: &batch)
        map.apply(batch)
        endCheckpoint(isWritten: true)
    }
}

/// A request as a log would hold it.
enum LoggedRequest {
    case put(PutRequest)
    case delete(DeleteRangeRequest)
    case txn(TxnRequest)
    case compact(Int64)
    case grant(LeaseID, Int64)
    case revoke(LeaseID)
    case note(LeaseID, Int64)

    /// Refusals count as done.
    func apply(to store: inout KeyValueStore, now: Duration = .zero) {
        switch self {
        case .put(let request): _ = try? store.put(request)
        case .delete(let request): _ = try? store.deleteRange(request)
        case .txn(let request): _ = try? store.txn(request)
        case .compact(let revision): _ = try? store.compact(CompactionRequest(revision: revision))
        case .grant(let id, let ttl): _ = try? store.grantLease(id: id, ttlSeconds: ttl, now: now)
        case .revoke(let id): _ = try? store.revokeLease(id)
        case .note(let id, let seconds): store.noteLeaseRemaining(id, seconds: seconds)
        }
    }
}

/// Random requests on few keys and leases.
struct RequestSource {
    var random: SeededRandom

    mutating func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    mutating func key() -> [UInt8] {
        let name: [UInt8] = [UInt8(97 + pick(0...3)), UInt8(97 + pick(0...3))]
        return pick(0...3) == 0 ? Array(name.prefix(1)) : name
    }

    mutating func put() -> PutRequest {
        var request = PutRequest(key: key())
        request.ignoreValue = pick(0...9) == 0
        request.ignoreLease = pick(0...9) == 0
        if !request.ignoreValue { request.value = [UInt8](repeating: UInt8(pick(0...9)), count: pick(0...3)) }
        if !request.ignoreLease, pick(0...2) == 0 { request.lease = LeaseID(Int64(pick(-2...3))) }
        return request
    }

    mutating func delete() -> DeleteRangeRequest {
        DeleteRangeRequest(key: key(), rangeEnd: [[], [0], key()][pick(0...2)])
    }

    /// Deletes "from a key on" may come before a put of the same key: a life that ends and begins in one transaction.
    mutating func txn() -> TxnRequest {
        var request = TxnRequest()
        for _ in 0..<pick(1...4) {
            switch pick(0...2) {
            case 0: request.success.append(.deleteRange(DeleteRangeRequest(key: key(), rangeEnd: [0])))
            default: request.success.append(.put(put()))
            }
        }
        return request
    }

    mutating func next(current: Int64) -> LoggedRequest {
        switch pick(0...99) {
        case 0..<50: .put(put())
        case 50..<62: .delete(delete())
        case 62..<80: .txn(txn())
        case 80..<86: .compact(max(1, current - Int64(pick(0...15))))
        case 86..<93: .grant(LeaseID(Int64(pick(-2...3))), Int64(pick(2...100)))
        case 93..<96: .note(LeaseID(Int64(pick(-2...3))), Int64(pick(0...50)))
        default: .revoke(LeaseID(Int64(pick(-2...3))))
        }
    }
}
