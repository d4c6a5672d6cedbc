// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletReplica
import MartletStorage
import Synchronization

/// Another member's state on its way into tables of its own beside this member's:
///
///     member/tables/db              this member's
///     member/tables/arriving        what has come so far; nothing after a crash
///     member/tables/arrived         all of it, on disk
///
/// While a batch of chunks is written, and loaded into memory from where it lies, the next is received. Where a
/// connection breaks, another one of the same sender goes on behind the chunks that are here. Who decides whether the
/// state takes the place of the member's is the replica; see `Event.snapshotArrived`.
final class StateArrival: Sendable {
    /// Of the thread.
    private struct State {
        var tables: Tables?
        var last: TableKey?
        var writeBack: TablesWriteBack
        /// Nil where the state is loaded from its tables, when they are whole: with blocks that stay there.
        var restorer: ReplicaRestorer?
        /// What is still to be written is of no use.
        var isEnded = false
    }

    /// Of the tasks that receive.
    private struct Batch {
        var chunks: [[UInt8]] = []
        var byteCount = 0
        /// How many have come, those that are written with them.
        var taken = 0
        /// Whose chunks are taken: each that brings the state is greater than the one before.
        var connection = 0
        /// Nothing can be added any more: it is being finished, or is of no use.
        var isClosed = false
        /// Writes the one before this, and behind it nothing if that has failed.
        var writing: Task<Void, any Error>?

        mutating func beginWriting(by write: @escaping @Sendable ([[UInt8]]) async throws -> Void) {
            let (chunks, before) = (chunks, writing)
            (self.chunks, byteCount) = ([], 0)
            writing = Task {
                try await before?.value
                if !chunks.isEmpty { try await write(chunks) }
            }
        }
    }

    private let folder: DataFolder
    private let configuration: ReplicaConfiguration
    private let state: Mutex<State>
    private let batch = Mutex(Batch())
    /// The member serves nobody yet, but its machine may have other members.
    private let thread: YieldingThread

    /// Written at once; as much again is received meanwhile.
    private static let batchBytes = 8 << 20

    init(_ folder: DataFolder, _ configuration: ReplicaConfiguration) throws(StorageError) {
        thread = try YieldingThread("martlet-arrival")
        self.folder = folder
        self.configuration = configuration
        // What isn't loaded as it comes is read again at the end.
        var state = State(writeBack: TablesWriteBack(isReadAgain: configuration.streamMemoryBytes != nil))
        if configuration.streamMemoryBytes == nil {
            var restorer = ReplicaRestorer(configuration)
            restorer.readsIndex = false
            state.restorer = restorer
        }
        self.state = Mutex(state)
    }

    // MARK: Receiving

    /// A connection brings the state from now on, instead of the one before it.
    ///
    /// - Returns: its number, and how many chunks are here; `nil` where no more are wanted.
    func connect() -> (number: Int, taken: Int)? {
        batch.withLock { batch in
            if batch.isClosed { return nil }
            batch.connection += 1
            return (batch.connection, batch.taken)
        }
    }

    /// Whether a connection that has ended can be followed by another.
    ///
    /// - Returns: false, too, for a connection that was followed by another already.
    func canResume(after connection: Int) -> Bool {
        batch.withLock { $0.connection == connection && !$0.isClosed && $0.taken > 0 }
    }

    func isLast(_ connection: Int) -> Bool { batch.withLock { $0.connection == connection } }

    /// Takes the next chunk. Waits while the batch before is written.
    ///
    /// - Returns: how many there are now.
    /// - Throws: `StateTransferError.damaged` where that chunk can come again, by another connection. What else is
    ///   wrong with one shows with a later one, and closes the arrival.
    func add(_ chunk: [UInt8], by connection: Int) async throws -> Int {
        guard StateChunk.isWhole(chunk) else { throw StateTransferError.damaged }
        let (taken, before) = try batch.withLock { batch throws(StateTransferError) in
            guard batch.connection == connection, !batch.isClosed else { throw .superseded }
            batch.chunks.append(chunk)
            batch.byteCount += chunk.count
            batch.taken += 1
            guard batch.byteCount >= Self.batchBytes else { return (batch.taken, nil as Task<Void, any Error>?) }
            let before = batch.writing
            batch.beginWriting { try await self.write($0) }
            return (batch.taken, before)
        }
        try await before?.value
        return taken
    }

    private func write(_ chunks: [[UInt8]]) async throws {
        do {
            try await onThread { try self.write(chunks, &$0) }
        } catch {
            batch.withLock { $0.isClosed = true }
            throw error
        }
    }

    /// All has come: the state, which is on disk now under its own name.
    func finish(_ applied: AppliedPosition, at moment: Moment, by connection: Int) async throws -> RestoredState {
        let writing = try batch.withLock { batch throws(StateTransferError) in
            guard batch.connection == connection, !batch.isClosed else { throw .superseded }
            batch.isClosed = true
            batch.beginWriting { try await self.write($0) }
            return batch.writing
        }
        try await writing?.value
        return try await onThread { state in
            guard let tables = state.tables.take() else { throw StateTransferError.incomplete }
            let restored: RestoredState
            do {
                try tables.synchronize()
                if var restorer = state.restorer.take() {
                    restored = try restorer.finish(at: moment)
                } else {
                    restored = try DataFolder.restore(self.configuration, from: tables, at: moment)
                }
            } catch {
                tables.close()
                throw error
            }
            tables.close()
            guard restored.applied == applied else { throw StateTransferError.incomplete }
            try self.folder.nameArrived()
            return restored
        }
    }

    /// Takes no more. What is still due is `abandon` or `close`.
    func refuse() {
        batch.withLock { batch in
            batch.isClosed = true
            batch.chunks = []
        }
    }

    /// What came is of no use. Returns behind what is still being written, when nothing of it is left.
    func abandon() async {
        refuse()
        _ = await batch.withLock { $0.writing }?.result
        await withCheckedContinuation { continuation in
            thread.async { [self] in
                end()
                try? folder.removeArriving()
                continuation.resume()
            }
        }
    }

    /// The member ends: whoever opens its folder next removes what came.
    func close() {
        refuse()
        thread.async { [self] in end() }
    }

    private func end() {
        state.withLock { state in
            state.isEnded = true
            state.tables.take()?.close()
        }
    }

    // MARK: Writing

    private func write(_ chunks: [[UInt8]], _ state: inout State) throws {
        if state.isEnded { throw StateTransferError.busy }
        let tables = try state.tables ?? begin()
        state.tables = tables
        var last = state.last
        // Taken out: it would be copied where two have it.
        var restorer = state.restorer.take()
        var writeBack = state.writeBack
        try tables.write { writer in
            for chunk in chunks {
                try writeBack.step(tables)
                try StateChunk.forEach(chunk) { key, value in
                    guard last.map({ $0 < key }) ?? true,
                        last?.table == key.table || tables.tables.contains(key.table)
                    else { throw StateTransferError.disordered }
                    last = key
                    try writer.put(key, value)
                    // What stands for blocks follows from them.
                    if key.table != KeyspaceTable.blockIndex { try restorer?.load(key, value) }
                }
            }
        }
        try writeBack.note(tables)
        (state.last, state.restorer, state.writeBack) = (last, restorer, writeBack)
    }

    private func begin() throws -> Tables {
        try folder.removeArriving()
        var configuration = Tables.Configuration()
        configuration.isSyncedAtEnd = true
        return try Tables(
            path: folder.arrivingFile, tables: ReplicaCheckpoint.tables, configuration: configuration)
    }

    private func onThread<Result: Sendable>(
        _ body: @escaping @Sendable (inout State) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            thread.async { [self] in
                continuation.resume(with: Swift.Result { try state.withLock { try body(&$0) } })
            }
        }
    }
}

extension DataFolder {
    var arrivingFile: String { "\(tablesPath)/arriving" }
    var arrivedFile: String { "\(tablesPath)/arrived" }

    func removeArriving() throws(StorageError) { try remove(arrivingFile) }
    func removeArrived() throws(StorageError) { try remove(arrivedFile) }

    private func remove(_ path: String) throws(StorageError) {
        let files = PosixFileSystem()
        // LMDB's own name for the file of its lock.
        for each in [path, path + "-lock"] where try files.exists(each) { try files.remove(each) }
    }

    func nameArrived() throws(StorageError) {
        let files = PosixFileSystem()
        try removeArrived()
        if try files.exists(arrivingFile + "-lock") { try files.remove(arrivingFile + "-lock") }
        try files.rename(arrivingFile, to: arrivedFile)
        try files.syncFolder(tablesPath)
    }
}
