// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The checkpoint's tables: a map in which a batch is there as a whole or not at all.
///
/// What a commit promises is what the real tables' synced transaction does: once it has returned, no crash takes it.
struct SimulatedTables {
    private var records: [TableKey: [UInt8]] = [:]
    private(set) var byteCount = 0
    /// Bytes of values that fit; `nil` for no limit.
    var capacity: Int?

    var isEmpty: Bool { records.isEmpty }

    /// - Parameter part: how many of the changes get there; for a faulty disk.
    /// - Returns: false if the tables are full. Then nothing has changed.
    mutating func commit(_ batch: TableBatch, part: Int = .max) -> Bool {
        var (changed, bytes, left) = (records, byteCount, part)
        batch.forEach { key, value in
            guard left > 0 else { return }
            left -= 1
            var new: [UInt8]?
            if let value { new = [UInt8](copying: value) }
            bytes += (new?.count ?? 0) - (changed[key]?.count ?? 0)
            changed[key] = new
        }
        if let capacity, bytes > max(capacity, byteCount) { return false }
        (records, byteCount) = (changed, bytes)
        return true
    }

    func value(of key: TableKey) -> [UInt8]? { records[key] }

    /// All records in key order.
    func forEach<Failure: Error>(_ body: (TableKey, [UInt8]) throws(Failure) -> Void) throws(Failure) {
        for (key, value) in records.sorted(by: { $0.key < $1.key }) { try body(key, value) }
    }
}
