// SPDX-License-Identifier: Apache-2.0

import CMartletLMDB
import CMartletPosix
package import MartletBasics

/// How records lie in the file.
///
/// One LMDB file holds one database a table, named by the table's number in two hexadecimal digits ("0a"), because
/// LMDB appends in full pages only at the end of a database.
///
///     key     object  8 bytes   big-endian, so that bytes sort like numbers
///             id      8 bytes   big-endian
///     value   CRC     4 bytes   little-endian; CRC-32C of table number (1 byte), key (16 bytes), payload
///             payload
///
/// The checksum covers the key, so a value found under another's key is damage too. Table 0 belongs to this format: its
/// record 0.0 holds the format version, 4 bytes little-endian, and is written with the first transaction of a file.
package enum TableFormat {
    static let version: UInt32 = 1
    static let table = TableID(0)
    static let versionKey = TableKey(table, object: 0)

    static let keyCount = 16
    static let checksumCount = 4

    static func databaseName(_ table: TableID) -> String {
        let digits = String(table.rawValue, radix: 16)
        return digits.count == 1 ? "0" + digits : digits
    }

    /// Calls `body` with LMDB's form of the key, valid inside.
    @inline(__always)
    static func withKey<Result>(_ key: TableKey, _ body: (inout MDB_val) -> Result) -> Result {
        var words = (key.object.bigEndian, key.id.bigEndian)
        return withUnsafeMutableBytes(of: &words) { bytes in
            var value = MDB_val(mv_size: keyCount, mv_data: bytes.baseAddress)
            return body(&value)
        }
    }

    /// `nil` if it isn't 16 bytes long. The memory must be readable: LMDB's, in an open transaction.
    static func key(_ table: TableID, _ stored: MDB_val) -> TableKey? {
        guard stored.mv_size == keyCount, let start = stored.mv_data else { return nil }
        let object = UInt64(bigEndian: start.loadUnaligned(as: UInt64.self))
        let id = UInt64(bigEndian: start.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        return TableKey(table, object: object, id: id)
    }

    static func checksum(_ key: TableKey, _ payload: UnsafeRawBufferPointer) -> UInt32 {
        var head = (key.object.bigEndian, key.id.bigEndian, key.table.rawValue)
        // 17 bytes: the tuple has no padding in front of its last element.
        let crc = withUnsafeBytes(of: &head) { martlet_crc32c(0, $0.baseAddress, 17) }
        return martlet_crc32c(crc, payload.baseAddress, payload.count)
    }

    package static func checksum(_ key: TableKey, _ payload: [UInt8]) -> UInt32 {
        payload.withUnsafeBytes { checksum(key, $0) }
    }

    /// Fills memory of four bytes more than the payload.
    @inline(__always)
    static func store(_ key: TableKey, _ payload: UnsafeRawBufferPointer, at target: UnsafeMutableRawPointer) {
        target.storeBytes(of: checksum(key, payload).littleEndian, as: UInt32.self)
        UnsafeMutableRawBufferPointer(start: target + checksumCount, count: payload.count).copyMemory(from: payload)
    }

    /// The payload in place; `nil` if it is damaged.
    @inline(__always)
    static func payload(_ key: TableKey, _ stored: MDB_val) -> UnsafeRawBufferPointer? {
        guard stored.mv_size >= checksumCount, let start = stored.mv_data else { return nil }
        let payload = UnsafeRawBufferPointer(start: start + checksumCount, count: stored.mv_size - checksumCount)
        let expected = UInt32(littleEndian: start.loadUnaligned(as: UInt32.self))
        return checksum(key, payload) == expected ? payload : nil
    }
}
