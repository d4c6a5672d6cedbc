// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The operating system's files.
package struct PosixFileSystem: LogFileSystem {
    /// Files of the log are their owner's alone, as etcd's are.
    private static let fileMode: mode_t = 0o600
    private static let folderMode: mode_t = 0o700

    private let isReadOnly: Bool

    /// - Parameter isReadOnly: files are opened for reading alone: for who only looks.
    package init(isReadOnly: Bool = false) {
        self.isReadOnly = isReadOnly
    }

    package func exists(_ path: String) throws(StorageError) -> Bool {
        if access(path, F_OK) == 0 { return true }
        guard errno != ENOENT else { return false }
        throw PosixFailure.error("looking for \(path)")
    }

    package func createFolder(_ path: String) throws(StorageError) {
        guard mkdir(path, Self.folderMode) == 0 else { throw PosixFailure.error("making the folder \(path)") }
    }

    package func names(in folder: String) throws(StorageError) -> [String] {
        guard let stream = opendir(folder) else { throw PosixFailure.error("listing \(folder)") }
        defer { closedir(stream) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(stream) {
            // The kernel ends the name with a zero inside the entry, which lives until the next call.
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) {
                    String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw PosixFailure.error("listing \(folder)") }
        return names.sorted()
    }

    package func lock(folder: String) throws(StorageError) -> any LogFolderLock {
        let descriptor = PosixCalls.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw PosixFailure.error("opening \(folder)") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let error =
                errno == EWOULDBLOCK
                ? StorageError(.locked, "another process uses \(folder)", systemError: errno)
                : PosixFailure.error("locking \(folder)")
            PosixCalls.close(descriptor)
            throw error
        }
        return PosixFolderLock(descriptor)
    }

    package func create(_ path: String) throws(StorageError) -> any LogFile {
        try open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC)
    }

    package func open(_ path: String) throws(StorageError) -> any LogFile {
        try open(path, (isReadOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC)
    }

    private func open(_ path: String, _ flags: Int32) throws(StorageError) -> any LogFile {
        let descriptor = PosixCalls.open(path, flags, Self.fileMode)
        guard descriptor >= 0 else { throw PosixFailure.error("opening \(path)") }
        return PosixFile(descriptor, path)
    }

    package func rename(_ path: String, to newPath: String) throws(StorageError) {
        guard PosixCalls.rename(path, newPath) == 0 else { throw PosixFailure.error("renaming \(path)") }
    }

    package func remove(_ path: String) throws(StorageError) {
        guard unlink(path) == 0 else { throw PosixFailure.error("removing \(path)") }
    }

    package func removeFolder(_ path: String) throws(StorageError) {
        for name in try names(in: path) { try remove("\(path)/\(name)") }
        guard rmdir(path) == 0 else { throw PosixFailure.error("removing \(path)") }
    }

    package func syncFolder(_ path: String) throws(StorageError) {
        let descriptor = PosixCalls.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw PosixFailure.error("opening \(path)") }
        defer { PosixCalls.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw PosixFailure.error("syncing the folder \(path)") }
    }
}
