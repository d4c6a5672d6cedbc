// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStorage

/// The checkpoint's tables: a map in which a batch is there as a whole or not at all.
///
/// What a commit promises is what the real tables' synced transaction does: once it has returned, no crash takes it.
/// Each value has the real tables' checksum beside it.
struct SimulatedTables {
    private struct Record {
        var value: [UInt8]
        let checksum: UInt32
    }

    private var records: [TableKey: Record] = [:]
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
            bytes += (new?.count ?? 0) - (changed[key]?.value.count ?? 0)
            changed[key] = new.map { Record(value: $0, checksum: TableFormat.checksum(key, $0)) }
        }
        if let capacity, bytes > max(capacity, byteCount) { return false }
        (records, byteCount) = (changed, bytes)
        return true
    }

    func value(of key: TableKey) -> [UInt8]? { records[key]?.value }

    /// The first record that is not what was written.
    var firstDamaged: TableKey? {
        records.keys.sorted().first { key in
            records[key].map { TableFormat.checksum(key, $0.value) != $0.checksum } ?? false
        }
    }

    /// Changes a bit of a value, if there is one.
    mutating func damage(_ random: inout SeededRandom) -> TableKey? {
        let keys = records.keys.sorted().filter { records[$0]?.value.isEmpty == false }
        guard !keys.isEmpty else { return nil }
        let key = random.pick(keys)
        let place = random.number(0...(records[key]?.value.count ?? 1) - 1)
        records[key]?.value[place] ^= 1 << UInt8(random.number(0...7))
        return key
    }

    /// All records in key order.
    func forEach<Failure: Error>(_ body: (TableKey, [UInt8]) throws(Failure) -> Void) throws(Failure) {
        for (key, record) in records.sorted(by: { $0.key < $1.key }) { try body(key, record.value) }
    }
}
