// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import MartletStorage
import Synchronization

/// A disk in memory that loses what a real one may lose.
///
/// Each file has two contents: what its readers see, and what a crash leaves. A write touches the first and marks
/// sectors of 512 bytes; a sync copies the marked ones to the second. Folders likewise: a name made, changed or removed
/// counts for a crash only from its folder's sync on. At a crash each marked sector, changed size and changed name goes
/// one way or the other, by the seed. The same seed and the same calls give the same disk.
package final class SimulatedDisk: LogFileSystem {
    package enum Operation: Hashable, Sendable {
        case write, sync, preallocate, truncate, create, createFolder, rename, remove, syncFolder
    }

    /// What a crash does with all that was not synced.
    package enum Loss: Sendable {
        /// The process ended, the machine did not: everything can still be read, and be lost by the next crash.
        case nothing
        case random
        case everything
    }

    let state: Mutex<SimulatedDiskState>
    /// Called before each operation that changes something, on the caller's thread and with no lock held: it may count,
    /// let a clock run, or block.
    private let onOperation: @Sendable (Operation) -> Void

    package init(seed: UInt64, onOperation: @escaping @Sendable (Operation) -> Void = { _ in }) {
        state = Mutex(SimulatedDiskState(seed: seed))
        self.onOperation = onOperation
    }

    func change<Result>(
        _ operation: Operation, _ body: (inout SimulatedDiskState) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        onOperation(operation)
        return try state.withLock { state throws(StorageError) in
            try state.begin(operation)
            return try body(&state)
        }
    }

    func look<Result>(
        _ body: (inout SimulatedDiskState) throws(StorageError) -> Result
    ) throws(StorageError) -> Result {
        try state.withLock { state throws(StorageError) in
            try state.requirePower()
            return try body(&state)
        }
    }

    package func exists(_ path: String) throws(StorageError) -> Bool {
        try look { $0.node(path) != nil }
    }

    package func createFolder(_ path: String) throws(StorageError) {
        try change(.createFolder) { state throws(StorageError) in
            let node = state.add(.folder(SimulatedFolder()))
            try state.enter(path, node)
        }
    }

    package func names(in folder: String) throws(StorageError) -> [String] {
        try look { state throws(StorageError) in try state.folder(folder).names.keys.sorted() }
    }

    package func lock(folder: String) throws(StorageError) -> any LogFolderLock {
        try look { state throws(StorageError) in
            let node = try state.existing(folder)
            guard !state.locked.contains(node) else { throw StorageError(.locked, "\(folder) is locked") }
            state.locked.append(node)
            return SimulatedLock(disk: self, node: node, boot: state.boot)
        }
    }

    package func create(_ path: String) throws(StorageError) -> any LogFile {
        try change(.create) { state throws(StorageError) in
            if let node = state.node(path) {
                try state.resize(node, to: 0)
                return SimulatedFile(disk: self, node: node, boot: state.boot)
            }
            let node = state.add(.file(SimulatedContent()))
            try state.enter(path, node)
            return SimulatedFile(disk: self, node: node, boot: state.boot)
        }
    }

    package func open(_ path: String) throws(StorageError) -> any LogFile {
        try look { state throws(StorageError) in
            SimulatedFile(disk: self, node: try state.existing(path), boot: state.boot)
        }
    }

    package func rename(_ path: String, to newPath: String) throws(StorageError) {
        try change(.rename) { state throws(StorageError) in
            let (from, to) = (SimulatedDiskState.split(path), SimulatedDiskState.split(newPath))
            guard from.folder == to.folder else {
                throw StorageError(.inputOutput, "\(path) can't be moved out of its folder")
            }
            let node = try state.existing(path)
            try state.note(in: from.folder, .rename(from.name, to.name, node))
        }
    }

    package func remove(_ path: String) throws(StorageError) {
        try change(.remove) { state throws(StorageError) in
            _ = try state.existing(path)
            let place = SimulatedDiskState.split(path)
            try state.note(in: place.folder, .remove(place.name))
        }
    }

    package func removeFolder(_ path: String) throws(StorageError) {
        for name in try names(in: path) { try remove("\(path)/\(name)") }
        try remove(path)
    }

    package func syncFolder(_ path: String) throws(StorageError) {
        try change(.syncFolder) { state throws(StorageError) in
            let node = try state.existing(path)
            try state.changeFolder(node) { $0.sync() }
        }
    }
}

/// The locks of a process go with it.
final class SimulatedLock: LogFolderLock {
    private let disk: SimulatedDisk
    private let node: Int
    private let boot: Int

    init(disk: SimulatedDisk, node: Int, boot: Int) {
        self.disk = disk
        self.node = node
        self.boot = boot
    }

    func unlock() {
        disk.state.withLock { state in
            if state.boot == boot { state.locked.removeAll { $0 == node } }
        }
    }
}
