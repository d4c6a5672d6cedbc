// SPDX-License-Identifier: Apache-2.0

import CMartletLMDB
import CMartletPosix
package import MartletBasics

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension Tables {
    /// Runs `body` in a transaction. When this returns, what `body` wrote is on disk.
    ///
    /// If `body` or the commit throws, nothing is written and the tables are as before.
    package func write<Result>(_ body: (inout TableWriter) throws -> Result) throws -> Result {
        beginWriting()
        defer { endWriting() }
        let environment = try environmentInUse()
        var transaction: OpaquePointer?
        try TablesError.check("beginning a write", mdb_txn_begin(environment.pointer, nil, 0, &transaction))
        var writer = TableWriter(tables: self, transaction: transaction, databases: environment.databases)
        let result: Result
        do {
            result = try body(&writer)
        } catch {
            mdb_txn_abort(transaction)
            throw error
        }
        // Commit frees the transaction and the writer's cursors, whatever comes of it.
        let code = mdb_txn_commit(transaction)
        if code == EIO, isFull(environment.pointer) { throw TablesError.noSpace }
        try TablesError.check("committing", code)
        return result
    }

    package func write(_ batch: TableBatch) throws {
        try write { writer in try writer.apply(batch) }
    }

    /// Whether there is no room for more. LMDB reports a write that was cut short by a full disk as an I/O error.
    private func isFull(_ environment: OpaquePointer) -> Bool {
        var file: Int32 = -1
        guard mdb_env_get_fd(environment, &file) == MDB_SUCCESS else { return false }
        var limit = rlimit()
        #if canImport(Glibc)
        let kind = __rlimit_resource_t(UInt32(1))  // RLIMIT_FSIZE, which glibc has as an enumerator only for C
        #else
        let kind = RLIMIT_FSIZE
        #endif
        let fileBytes = martlet_file_size(file)
        if getrlimit(kind, &limit) == 0, fileBytes >= 0 {
            let (sum, isOver) = UInt64(fileBytes).addingReportingOverflow(Self.leastRoomBytes)
            if !isOver, sum > UInt64(limit.rlim_cur) { return true }
        }
        var room = statvfs()
        guard fstatvfs(file, &room) == 0 else { return false }
        return UInt64(room.f_bavail) * UInt64(room.f_frsize) < Self.leastRoomBytes
    }

    /// A commit writes runs of up to 64 pages of 4 KiB; one that was cut short left less room than that.
    private static let leastRoomBytes: UInt64 = 64 * 4096
}

/// A transaction that writes, while the closure that was given it runs. It can't be kept: it has no public way to be
/// made and isn't copyable.
package struct TableWriter: ~Copyable {
    /// A table that this transaction has written to.
    private struct OpenTable {
        var database: MDB_dbi
        var cursor: OpaquePointer?
        /// Not below the table's last key; `nil` for an empty table.
        var last: TableKey?
    }

    private let transaction: OpaquePointer?
    private let databases: [MDB_dbi?]
    private var open = [OpenTable?](repeating: nil, count: 256)
    /// Told of records that LMDB looked at because they go.
    private let tables: Tables

    fileprivate init(tables: Tables, transaction: OpaquePointer?, databases: [MDB_dbi?]) {
        self.tables = tables
        self.transaction = transaction
        self.databases = databases
    }

    /// Writes a record, new or not. Keys that rise above all of their table fill its pages to the brim.
    package mutating func put(_ key: TableKey, _ value: RawSpan) throws(TablesError) {
        let place = try openTable(key.table)
        let isLast = open[place]?.last.map { $0 < key } ?? true
        if isLast {
            open[place]?.last = key
        } else {
            tables.notePassed(1)
        }
        let cursor = open[place]?.cursor
        var stored = MDB_val(mv_size: value.byteCount + TableFormat.checksumCount, mv_data: nil)
        let flags = UInt32(MDB_RESERVE | (isLast ? MDB_APPEND : 0))
        let code = TableFormat.withKey(key) { mdb_cursor_put(cursor, &$0, &stored, flags) }
        try TablesError.check("writing \(key)", code)
        guard let target = stored.mv_data else { throw .failed }
        // LMDB has reserved the bytes asked for; they are ours until the next call.
        value.withUnsafeBytes { TableFormat.store(key, $0, at: target) }
    }

    package mutating func put(_ key: TableKey, _ value: [UInt8]) throws(TablesError) {
        try put(key, value.span.bytes)
    }

    /// - Returns: whether there was such a record.
    @discardableResult
    package mutating func remove(_ key: TableKey) throws(TablesError) -> Bool {
        let place = try openTable(key.table)
        guard let table = open[place] else { return false }
        let code = TableFormat.withKey(key) { mdb_del(transaction, table.database, &$0, nil) }
        if code == MDB_NOTFOUND { return false }
        try TablesError.check("removing \(key)", code)
        tables.notePassed(1)
        return true
    }

    package mutating func apply(_ batch: TableBatch) throws(TablesError) {
        try batch.forEach { (key, value) throws(TablesError) in
            if let value { try put(key, value) } else { try remove(key) }
        }
    }

    private mutating func openTable(_ table: TableID) throws(TablesError) -> Int {
        let place = Int(table.rawValue)
        if open[place] != nil { return place }
        guard let database = databases[place] else {
            preconditionFailure("\(table) is not among the tables that were opened")
        }
        var cursor: OpaquePointer?
        try TablesError.check("opening a cursor", mdb_cursor_open(transaction, database, &cursor))
        var key = MDB_val()
        var value = MDB_val()
        let code = mdb_cursor_get(cursor, &key, &value, MDB_LAST)
        if code != MDB_NOTFOUND { try TablesError.check("finding the end of \(table)", code) }
        let last = code == MDB_NOTFOUND ? nil : TableFormat.key(table, key)
        open[place] = OpenTable(database: database, cursor: cursor, last: last)
        return place
    }
}
