// SPDX-License-Identifier: Apache-2.0

import CMartletLMDB
import MartletBasics

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

extension Tables {
    /// An open LMDB environment and the numbers of its databases.
    struct Environment {
        let pointer: OpaquePointer
        /// By table number; `nil` for tables that aren't open.
        private(set) var databases = [MDB_dbi?](repeating: nil, count: 256)

        init(path: String, tables: [TableID], configuration: Configuration) throws(TablesError) {
            var created: OpaquePointer?
            try TablesError.check("creating an environment", mdb_env_create(&created))
            guard let created else { throw .failed }
            pointer = created
            do throws(TablesError) {
                try open(path, configuration)
                try openDatabases(tables, isReadOnly: configuration.isReadOnly)
            } catch {
                close()
                throw error
            }
        }

        func close() {
            mdb_env_close(pointer)
        }

        private func open(_ path: String, _ configuration: Configuration) throws(TablesError) {
            try TablesError.check("reserving the map", mdb_env_set_mapsize(pointer, configuration.mapBytes))
            try TablesError.check(
                "reserving readers", mdb_env_set_maxreaders(pointer, UInt32(configuration.maximumReaders)))
            // Table numbers are bytes.
            try TablesError.check("reserving databases", mdb_env_set_maxdbs(pointer, 256))
            var flags = MDB_NOSUBDIR | MDB_NOTLS
            if configuration.isSyncedAtEnd { flags |= MDB_NOSYNC }
            // Without its lock file, too, which LMDB makes even for who only reads.
            if configuration.isReadOnly { flags |= MDB_RDONLY | MDB_NOLOCK }
            try TablesError.check("opening \(path)", mdb_env_open(pointer, path, UInt32(flags), 0o600))
            var dead: Int32 = 0
            try TablesError.check("clearing readers", mdb_reader_check(pointer, &dead))
        }

        /// Opens the databases and reads the format version, or writes it where there is none yet.
        private mutating func openDatabases(_ tables: [TableID], isReadOnly: Bool) throws(TablesError) {
            var transaction: OpaquePointer?
            let flags = UInt32(isReadOnly ? MDB_RDONLY : 0)
            try TablesError.check("beginning", mdb_txn_begin(pointer, nil, flags, &transaction))
            do throws(TablesError) {
                try checkVersion(transaction, isReadOnly: isReadOnly)
                for table in tables { try openDatabase(table, transaction, isReadOnly: isReadOnly) }
            } catch {
                mdb_txn_abort(transaction)
                throw error
            }
            try TablesError.check("committing the format", mdb_txn_commit(transaction))
        }

        private mutating func openDatabase(
            _ table: TableID, _ transaction: OpaquePointer?, isReadOnly: Bool
        ) throws(TablesError) {
            var database: MDB_dbi = 0
            let name = TableFormat.databaseName(table)
            let code = mdb_dbi_open(transaction, name, UInt32(isReadOnly ? 0 : MDB_CREATE), &database)
            if isReadOnly, code == MDB_NOTFOUND { return }
            try TablesError.check("opening \(table)", code)
            databases[Int(table.rawValue)] = database
        }

        private mutating func checkVersion(
            _ transaction: OpaquePointer?, isReadOnly: Bool
        ) throws(TablesError) {
            // The main database lists the others: with entries but none of ours it is somebody else's file.
            var main: MDB_dbi = 0
            try TablesError.check("opening the list of tables", mdb_dbi_open(transaction, nil, 0, &main))
            var statistics = MDB_stat()
            try TablesError.check("reading the list of tables", mdb_stat(transaction, main, &statistics))
            let isNew = statistics.ms_entries == 0
            if isNew, isReadOnly { throw .damagedFile("the file holds no tables") }
            var database: MDB_dbi = 0
            let name = TableFormat.databaseName(TableFormat.table)
            let code = mdb_dbi_open(transaction, name, UInt32(isNew ? MDB_CREATE : 0), &database)
            if code == MDB_NOTFOUND { throw .damagedFile("the file lacks the format's table") }
            try TablesError.check("opening the format's table", code)
            databases[Int(TableFormat.table.rawValue)] = database
            if isNew { return try writeVersion(transaction, database) }

            var stored = MDB_val()
            let found = TableFormat.withKey(TableFormat.versionKey) { mdb_get(transaction, database, &$0, &stored) }
            if found == MDB_NOTFOUND { throw .damagedFile("the file lacks its format version") }
            try TablesError.check("reading the format version", found)
            guard let payload = TableFormat.payload(TableFormat.versionKey, stored), payload.count == 4 else {
                throw .damagedValue(TableFormat.versionKey)
            }
            let version = UInt32(littleEndian: payload.loadUnaligned(as: UInt32.self))
            if version != TableFormat.version { throw .unsupportedFormat(version) }
        }

        private func writeVersion(_ transaction: OpaquePointer?, _ database: MDB_dbi) throws(TablesError) {
            var version = TableFormat.version.littleEndian
            var value = [UInt8](repeating: 0, count: TableFormat.checksumCount + 4)
            let code = value.withUnsafeMutableBytes { target in
                // The target is eight bytes: what `store` fills for a payload of four.
                withUnsafeBytes(of: &version) {
                    TableFormat.store(TableFormat.versionKey, $0, at: target.baseAddress!)
                }
                var data = MDB_val(mv_size: target.count, mv_data: target.baseAddress)
                return TableFormat.withKey(TableFormat.versionKey) { mdb_put(transaction, database, &$0, &data, 0) }
            }
            try TablesError.check("writing the format version", code)
        }
    }
}
