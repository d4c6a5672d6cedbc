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
/// While a batch of chunks is written, and loaded into memory from where it lies, the next is received. Who decides
/// whether the state takes the place of the member's is the replica; see `Event.snapshotArrived`.
final class StateArrival: Sendable {
    /// Of the thread.
    private struct State {
        var tables: Tables?
        var last: TableKey?
        var writeBack: TablesWriteBack
        /// Nil where the state is loaded from its tables, when they are whole: with blocks that stay there.
        var restorer: ReplicaRestorer?
    }

    /// Of the task that receives.
    private struct Batch {
        var chunks: [[UInt8]] = []
        var byteCount = 0
        /// Writes the one before this.
        var writing: Task<Void, any Error>?
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

    /// Takes the next chunk. What is wrong with one may show with a later one.
    func add(_ chunk: [UInt8]) async throws {
        let isFull = batch.withLock { batch in
            batch.chunks.append(chunk)
            batch.byteCount += chunk.count
            return batch.byteCount >= Self.batchBytes
        }
        if isFull { try await beginWriting() }
    }

    /// Waits for the batch before.
    private func beginWriting() async throws {
        try await endWriting()
        let chunks = batch.withLock { batch in
            defer { (batch.chunks, batch.byteCount) = ([], 0) }
            return batch.chunks
        }
        if chunks.isEmpty { return }
        let writing = Task { try await onThread { try self.write(chunks, &$0) } }
        batch.withLock { $0.writing = writing }
    }

    private func endWriting() async throws {
        let writing = batch.withLock { $0.writing.take() }
        try await writing?.value
    }

    /// All has come: the state, which is on disk now under its own name.
    func finish(_ applied: AppliedPosition, at moment: Moment) async throws -> RestoredState {
        try await beginWriting()
        try await endWriting()
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

    /// What came is of no use. Returns behind what is still being written, when nothing of it is left.
    func abandon() async {
        await withCheckedContinuation { continuation in
            thread.async { [self] in
                state.withLock { $0.tables.take()?.close() }
                try? folder.removeArriving()
                continuation.resume()
            }
        }
    }

    // MARK: Writing

    private func write(_ chunks: [[UInt8]], _ state: inout State) throws {
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
                    else { throw StateTransferError.damaged }
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
