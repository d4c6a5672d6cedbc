// SPDX-License-Identifier: Apache-2.0

import CMartletLMDB
package import MartletBasics
import Synchronization

/// The records of a member's checkpoint, in one LMDB file.
///
/// One thread writes, others read; every call blocks and belongs on a thread that may. A write is a transaction: it is
/// on disk, whole, when `write` returns, or nothing of it is. A read sees one state, the last written before it began.
///
/// LMDB is used without its writable map (a stray pointer can't reach the file), with readers tied to transactions
/// instead of threads, and with a map far larger than any file, because the map can't grow while somebody reads. Pages
/// that a read may still look at aren't used again, so a read that stays makes the file grow: each has a deadline.
///
/// Nobody else may open the file in the same process: closing any descriptor of a file drops the process's locks on it.
/// The owner of the data folder keeps other processes out.
package final class Tables: Sendable {
    package struct Configuration: Sendable {
        /// Address space, not memory or disk. 256 GiB: above any file that one member should hold, and a five-hundredth
        /// of what a process can address.
        package var mapBytes = 256 << 30
        /// Reads at once. They come from a handful of threads.
        package var maximumReaders = 64
        /// How long replacing the file waits for reads: a little longer than each may take.
        package var maximumWaitForReaders: Duration = Tables.maximumReadDuration + .seconds(1)
        /// Nothing is durable before `synchronize`: for a file that nobody opens again unless it is whole.
        package var isSyncedAtEnd = false
        /// Examine only: nothing is created, changed or repaired. Nobody may write meanwhile.
        package var isReadOnly = false

        package init() {}
    }

    /// How long a read may stay, lest the pages it holds make the file grow.
    package static let maximumReadDuration: Duration = .seconds(5)

    /// What is under the lock: which environment is open, and who uses it.
    struct State {
        /// `nil` after `close`, and when a replaced file could not be opened again.
        var environment: Environment?
        var readers = 0
        var isWriting = false
        /// New reads wait: the file is about to be replaced.
        var isReplacing = false
    }

    package let path: String
    package let configuration: Configuration
    /// In ascending order.
    package let tables: [TableID]
    let state: Mutex<State>
    /// See `notePassed`: records, ever; and bytes of files in memory when the last pages were let go.
    let passed = Atomic(0)
    let restingBytes = Atomic(0)

    /// Opens the file, or creates it. Frees the places of readers that died with their process.
    ///
    /// - Parameter tables: all that will be used; those that the file lacks are created. 0 is reserved.
    package init(
        path: String, tables: [TableID], configuration: Configuration = Configuration()
    ) throws(TablesError) {
        precondition(!tables.contains(TableFormat.table), "table 0 belongs to the format")
        self.path = path
        self.configuration = configuration
        self.tables = Set(tables).sorted()
        if !configuration.isReadOnly {
            try Self.removeLeftover(of: path)
            try Self.createIfMissing(path, tables: self.tables, configuration)
        }
        let environment = try Environment(path: path, tables: self.tables, configuration: configuration)
        state = Mutex(State(environment: environment))
    }

    deinit {
        close()
    }

    /// Lets go of the file. No read or write may be under way, and none may follow.
    package func close() {
        state.withLock { state in
            precondition(state.readers == 0 && !state.isWriting, "tables closed in use")
            state.environment?.close()
            state.environment = nil
        }
    }

    /// Reserves more address space; waits for reads to end. Throws `readersStayed` if they don't.
    package func growMap(toBytes bytes: Int) throws(TablesError) {
        beginWriting()
        defer { endWriting() }
        try whileNobodyReads { (environment) throws(TablesError) in
            try TablesError.check("growing the map", mdb_env_set_mapsize(environment?.pointer, bytes))
        }
    }

    // MARK: Turns

    func beginWriting() {
        state.withLock { state in
            precondition(!state.isWriting, "two writes of the same tables at once")
            state.isWriting = true
        }
    }

    func endWriting() {
        state.withLock { $0.isWriting = false }
    }

    /// What transactions need of the environment. It stays open while they are counted in `State`.
    func environmentInUse() throws(TablesError) -> (pointer: OpaquePointer, databases: [MDB_dbi?]) {
        let found = state.withLock { state in state.environment.map { Handles($0) } }
        guard let found else { throw .failed }
        return (found.pointer, found.databases)
    }

    /// The environment's handles on their way out of the lock.
    ///
    /// Unchecked: an LMDB environment opened without thread-bound readers, and its database numbers, may be used from
    /// any thread.
    private struct Handles: @unchecked Sendable {
        let pointer: OpaquePointer
        let databases: [MDB_dbi?]

        init(_ environment: Environment) {
            pointer = environment.pointer
            databases = environment.databases
        }
    }
}
