// SPDX-License-Identifier: Apache-2.0

import Dispatch
import MartletStorage
import Synchronization

/// A disk that lies: a sync reports success at once, and what was written comes to the file a while later. A process
/// that is killed before has answered for bytes that are nowhere.
///
/// It stands for a build that answers too early, to show that the demonstration would find that out. No member uses it
/// otherwise.
struct LateFileSystem: LogFileSystem {
    private let files = PosixFileSystem()

    func exists(_ path: String) throws(StorageError) -> Bool { try files.exists(path) }
    func createFolder(_ path: String) throws(StorageError) { try files.createFolder(path) }
    func names(in folder: String) throws(StorageError) -> [String] { try files.names(in: folder) }
    func lock(folder: String) throws(StorageError) -> any LogFolderLock { try files.lock(folder: folder) }
    func create(_ path: String) throws(StorageError) -> any MartletStorage.LogFile { LateFile(try files.create(path)) }
    func open(_ path: String) throws(StorageError) -> any MartletStorage.LogFile { LateFile(try files.open(path)) }
    func rename(_ path: String, to newPath: String) throws(StorageError) { try files.rename(path, to: newPath) }
    func remove(_ path: String) throws(StorageError) { try files.remove(path) }
    func removeFolder(_ path: String) throws(StorageError) { try files.removeFolder(path) }
    func syncFolder(_ path: String) throws(StorageError) { try files.syncFolder(path) }
}

/// A file whose writes wait.
private final class LateFile: MartletStorage.LogFile {
    private let file: any MartletStorage.LogFile
    private let waiting = Mutex<[(due: ContinuousClock.Instant, offset: Int, bytes: [UInt8])]>([])

    /// In milliseconds; well above what an answer needs to reach its client.
    private static let lateness = 400

    init(_ file: any MartletStorage.LogFile) { self.file = file }

    func size() throws(StorageError) -> Int {
        try settle()
        return try file.size()
    }

    func readAll() throws(StorageError) -> [UInt8] {
        try settle()
        return try file.readAll()
    }

    func write(_ bytes: RawSpan, at offset: Int) throws(StorageError) {
        let copy = bytes.withUnsafeBytes { [UInt8]($0) }
        let due = ContinuousClock.now + .milliseconds(Self.lateness)
        waiting.withLock { $0.append((due, offset, copy)) }
    }

    func preallocate(_ size: Int) throws(StorageError) { try file.preallocate(size) }

    func truncate(to size: Int) throws(StorageError) {
        try settle()
        try file.truncate(to: size)
    }

    func sync() throws(StorageError) {
        let pause = DispatchTimeInterval.milliseconds(Self.lateness)
        DispatchQueue.global().asyncAfter(deadline: .now() + pause) { try? self.settle(dueBy: .now) }
    }

    func close() {
        try? settle()
        file.close()
    }

    /// Writes what is due, or all that waits; under the lock, so that two never use the file at once.
    private func settle(dueBy time: ContinuousClock.Instant? = nil) throws(StorageError) {
        let failure: StorageError? = waiting.withLock { waiting in
            let count = time.map { time in waiting.firstIndex { $0.due > time } ?? waiting.count } ?? waiting.count
            defer { waiting.removeFirst(count) }
            do throws(StorageError) {
                for index in 0..<count {
                    let bytes = waiting[index].bytes
                    try file.write(bytes.span.bytes, at: waiting[index].offset)
                }
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }
}
