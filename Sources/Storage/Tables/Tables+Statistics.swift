// SPDX-License-Identifier: Apache-2.0

import CMartletLMDB
import CMartletPosix
import MartletBasics

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// How much room the tables take.
package struct TablesStatistics: Hashable, Sendable {
    /// What the file takes on disk.
    package var fileBytes: Int
    /// Pages that hold something, in bytes.
    package var liveBytes: Int
    /// Pages inside the file that later writes will use.
    package var freePages: Int
    package var pageBytes: Int
    package var mapBytes: Int
    /// Records of all tables.
    package var recordCount: Int
}

extension Tables {
    /// A file below this many bytes isn't worth rewriting.
    package static let leastRewrittenBytes = 16 << 20
    /// The database that LMDB itself keeps its free pages in. Source: LMDB's `mdb_stat` tool.
    private static let freePageDatabase: MDB_dbi = 0

    /// Complexity: O(free pages / 500 + tables).
    package func statistics() throws -> TablesStatistics {
        try read(until: ContinuousClock.now.advanced(by: Self.maximumReadDuration)) { reader in
            let environment = mdb_txn_env(reader.transaction)
            var information = MDB_envinfo()
            try TablesError.check("reading the environment", mdb_env_info(environment, &information))
            var general = MDB_stat()
            try TablesError.check("reading the environment", mdb_env_stat(environment, &general))
            var file: Int32 = -1
            try TablesError.check("finding the file", mdb_env_get_fd(environment, &file))
            let fileBytes = martlet_file_size(file)
            if fileBytes < 0 { throw TablesError("examining the file", errno) }
            let free = try reader.freePages(Self.freePageDatabase)
            var records = 0
            for table in reader.tables { records += try reader.count(of: table) }
            let pageBytes = Int(general.ms_psize)
            return TablesStatistics(
                fileBytes: Int(fileBytes), liveBytes: (information.me_last_pgno + 1 - free) * pageBytes,
                freePages: free, pageBytes: pageBytes, mapBytes: information.me_mapsize, recordCount: records)
        }
    }
}

extension TablesStatistics {
    /// Whether the file holds so much air that it should be rewritten: more than twice what lives in it.
    package var wantsRewrite: Bool {
        fileBytes >= Tables.leastRewrittenBytes && fileBytes > 2 * liveBytes
    }
}

extension TableReader {
    /// Each record of the database is a list of page numbers, a machine word each, with their count in front.
    fileprivate func freePages(_ database: MDB_dbi) throws(TablesError) -> Int {
        var cursor: OpaquePointer?
        try TablesError.check("opening a cursor", mdb_cursor_open(transaction, database, &cursor))
        defer { mdb_cursor_close(cursor) }
        var key = MDB_val()
        var value = MDB_val()
        var pages = 0
        var code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST)
        while code == MDB_SUCCESS {
            guard let list = value.mv_data, value.mv_size >= MemoryLayout<Int>.size else {
                throw .damagedFile("the list of free pages is cut short")
            }
            pages += list.loadUnaligned(as: Int.self)
            code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
        }
        if code != MDB_NOTFOUND { throw TablesError("counting free pages", code) }
        return pages
    }
}
