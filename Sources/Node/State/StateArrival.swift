// SPDX-License-Identifier: Apache-2.0

import Dispatch
import MartletBasics
import MartletKeyValue
import MartletReplica
import MartletStorage
import Synchronization

/// Another member's state on its way into tables of its own beside this member's:
///
///     member/tables/db              this member's
///     member/tables/arriving        what has come so far; nothing after a crash
///     member/tables/arrived         all of it, on disk
///
/// Who decides whether it takes the place of the member's tables is the replica; see `Event.snapshotArrived`.
final class StateArrival: Sendable {
    private struct State {
        var tables: Tables?
        var last: TableKey?
        var batch = TableBatch()
    }

    private let folder: DataFolder
    private let state: Mutex<State>
    private let queue = DispatchQueue(label: "martlet-state-write")

    /// Written at once.
    private static let batchBytes = 16 << 20

    init(_ folder: DataFolder) {
        self.folder = folder
        state = Mutex(State())
    }

    /// Takes the next chunk.
    func add(_ chunk: [UInt8]) async throws {
        try await onQueue { state in
            let tables = try state.tables ?? self.begin()
            state.tables = tables
            var (last, batch) = (state.last, state.batch)
            try StateChunk.forEach(chunk) { key, value in
                guard last.map({ $0 < key }) ?? true, tables.tables.contains(key.table) else {
                    throw StateTransferError.damaged
                }
                last = key
                batch.put(key) { $0.append(contentsOf: value) }
            }
            state.last = last
            if batch.byteCount >= Self.batchBytes {
                try tables.write(batch)
                batch.removeAll()
            }
            state.batch = batch
        }
    }

    private func begin() throws -> Tables {
        try folder.removeArriving()
        return try Tables(path: folder.arrivingFile, tables: ReplicaCheckpoint.tables)
    }

    /// All has come: the state, which is on disk now under its own name.
    func finish(
        _ configuration: ReplicaConfiguration, _ applied: AppliedPosition, at moment: Moment
    ) async throws -> RestoredState {
        try await onQueue { state in
            guard let tables = state.tables.take() else { throw StateTransferError.incomplete }
            try tables.write(state.batch)
            state.batch = TableBatch()
            let restored: RestoredState
            do {
                restored = try DataFolder.restore(configuration, from: tables, at: moment)
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

    /// What came is of no use.
    func abandon() {
        queue.async { [self] in
            state.withLock { $0.tables.take()?.close() }
            try? folder.removeArriving()
        }
    }

    private func onQueue<Result: Sendable>(
        _ body: @escaping @Sendable (inout State) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in
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
