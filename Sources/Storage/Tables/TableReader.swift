// SPDX-License-Identifier: Apache-2.0

import CMartletLMDB
package import MartletBasics
import Synchronization

extension Tables {
    /// Runs `body` on the state that was written last.
    ///
    /// - Parameter deadline: when the read expires, at most `maximumReadDuration` from now; `nil` lets it go on for as
    ///   long as it takes, which is right only while nobody writes: at the start and in tools.
    package func read<Result>(
        until deadline: ContinuousClock.Instant?, _ body: (borrowing TableReader) throws -> Result
    ) throws -> Result {
        let environment = try beginReading()
        defer { state.withLock { $0.readers -= 1 } }
        var transaction: OpaquePointer?
        try TablesError.check(
            "beginning a read", mdb_txn_begin(environment.pointer, nil, UInt32(MDB_RDONLY), &transaction))
        defer { mdb_txn_abort(transaction) }
        let latest = ContinuousClock.now.advanced(by: Self.maximumReadDuration)
        let reader = TableReader(
            transaction: transaction, databases: environment.databases, tables: tables,
            deadline: deadline.map { min($0, latest) })
        return try body(reader)
    }

    private func beginReading() throws(TablesError) -> (pointer: OpaquePointer, databases: [MDB_dbi?]) {
        while true {
            let isAdmitted = state.withLock { state in
                if state.isReplacing { return false }
                state.readers += 1
                return true
            }
            if isAdmitted { break }
            Self.pause()
        }
        do throws(TablesError) {
            return try environmentInUse()
        } catch {
            state.withLock { $0.readers -= 1 }
            throw error
        }
    }
}

/// One state of the tables, while the closure that was given it runs. It can't be kept: it has no public way to be made
/// and isn't copyable.
package struct TableReader: ~Copyable {
    /// Steps between two looks at the clock. 64 steps take some ten microseconds.
    private static let stepsBetweenLooks = 64

    let transaction: OpaquePointer?
    let databases: [MDB_dbi?]
    package let tables: [TableID]
    let deadline: ContinuousClock.Instant?

    /// A copy of the record's value; `nil` where there is none.
    package func value(of key: TableKey) throws(TablesError) -> [UInt8]? {
        try withValue(of: key) { [UInt8](copying: $0) }
    }

    /// Calls `body` with the record's value in place; `nil` where there is none.
    package func withValue<Result>(of key: TableKey, _ body: (RawSpan) -> Result) throws(TablesError) -> Result? {
        try checkDeadline()
        guard let database = databases[Int(key.table.rawValue)] else { return nil }
        var stored = MDB_val()
        let code = TableFormat.withKey(key) { mdb_get(transaction, database, &$0, &stored) }
        if code == MDB_NOTFOUND { return nil }
        try TablesError.check("reading \(key)", code)
        guard let payload = TableFormat.payload(key, stored) else { throw .damagedValue(key) }
        return body(payload.bytes)
    }

    /// How many records a table holds. Complexity: O(1).
    package func count(of table: TableID) throws(TablesError) -> Int {
        guard let database = databases[Int(table.rawValue)] else { return 0 }
        var statistics = MDB_stat()
        try TablesError.check("reading \(table)", mdb_stat(transaction, database, &statistics))
        return statistics.ms_entries
    }

    /// Calls `body` with the records of a table in key order, the values in place, until it answers false.
    ///
    /// - Parameter first: where to begin; `nil` is the beginning of the table.
    package func forEach(
        in table: TableID, from first: TableKey? = nil, _ body: (TableKey, RawSpan) throws -> Bool
    ) throws {
        try forEachStored(in: table, from: first) { key, stored in
            guard let payload = TableFormat.payload(key, stored) else { throw TablesError.damagedValue(key) }
            return try body(key, payload.bytes)
        }
    }

    /// As `forEach`, with what is stored, unchecked.
    func forEachStored(
        in table: TableID, from first: TableKey?, _ body: (TableKey, MDB_val) throws -> Bool
    ) throws {
        guard let database = databases[Int(table.rawValue)] else { return }
        var cursor: OpaquePointer?
        try TablesError.check("opening a cursor", mdb_cursor_open(transaction, database, &cursor))
        defer { mdb_cursor_close(cursor) }
        var key = MDB_val()
        var value = MDB_val()
        var code: Int32
        if let first {
            code = TableFormat.withKey(first) { wanted in
                key = wanted
                return mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE)
            }
        } else {
            code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST)
        }
        var steps = 0
        while code == MDB_SUCCESS {
            if steps % Self.stepsBetweenLooks == 0 { try checkDeadline() }
            steps += 1
            guard let found = TableFormat.key(table, key) else {
                throw TablesError.damagedFile("\(table) has a key of \(key.mv_size) bytes")
            }
            guard try body(found, value) else { return }
            code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
        }
        if code != MDB_NOTFOUND { throw TablesError("walking \(table)", code) }
    }

    private func checkDeadline() throws(TablesError) {
        if let deadline, ContinuousClock.now >= deadline { throw .readerExpired }
    }
}
