// SPDX-License-Identifier: Apache-2.0

package import MartletStorage

/// Where a member keeps its data:
///
///     member/wal/…-….wal    the log, in etcd's framing
///     member/tables/db      the checkpoint: the whole state at one index of the log
///
/// The log and the checkpoint together are the member: what the checkpoint holds is read first, then the log's entries
/// behind it. One process at a time has the folder: `member` is locked while it is open.
package struct DataFolder: Sendable {
    package let path: String
    package let logPath: String
    package var logConfiguration = LogConfiguration()
    /// The disk of the log.
    package var logFiles: any LogFileSystem = PosixFileSystem()

    /// - Parameter logPath: where the log lies, if not in the folder itself; for a disk of its own.
    package init(path: String, logPath: String? = nil) {
        self.path = path
        self.logPath = logPath ?? "\(path)/member/wal"
    }

    package var memberPath: String { "\(path)/member" }
    package var tablesPath: String { "\(path)/member/tables" }
    package var tablesFile: String { "\(tablesPath)/db" }

    private static let spoolPrefix = "db.spool-"

    /// For a file that has its name for a moment: what a crash leaves of such is removed by `removeSpools`.
    ///
    /// - Parameter name: nobody else's at the same time.
    func spoolFile(_ name: String) -> String { "\(tablesPath)/\(Self.spoolPrefix)\(name)" }

    func removeSpools() throws(StorageError) {
        let files = PosixFileSystem()
        for name in try files.names(in: tablesPath) where name.hasPrefix(Self.spoolPrefix) {
            try files.remove("\(tablesPath)/\(name)")
        }
    }

    /// etcd keeps its database here.
    var foreignPath: String { "\(path)/member/snap" }

    /// Makes the folder if there is none, keeps others out, and refuses what is none of ours. Blocks.
    package func claim(_ files: PosixFileSystem = PosixFileSystem()) throws(MemberFailure) -> any LogFolderLock {
        do throws(StorageError) {
            try makeFolders(files)
        } catch {
            throw .log(error)
        }
        do throws(StorageError) {
            let lock = try files.lock(folder: memberPath)
            guard try files.exists(foreignPath) else { return lock }
            lock.unlock()
        } catch {
            throw .log(error)
        }
        throw .foreignFolder(path)
    }

    private func makeFolders(_ files: PosixFileSystem) throws(StorageError) {
        var folders = [tablesPath]
        if let slash = logPath.lastIndex(of: "/") { folders.append(String(logPath[..<slash])) }
        for folder in folders { try files.makeFolder(folder) }
        // A process before may have ended between making a folder and the sync of its parent. What the data folder lies
        // in may be closed to us.
        for folder in [path, memberPath] + folders.dropFirst() { try files.syncFolder(folder) }
        try? files.syncFolder(files.parent(of: path))
    }
}

extension PosixFileSystem {
    /// With its parents, each durable in its own. Without effect on folders that are there.
    func makeFolder(_ path: String) throws(StorageError) {
        guard !path.isEmpty, try !exists(path) else { return }
        let parent = parent(of: path)
        try makeFolder(parent)
        try createFolder(path)
        try syncFolder(parent)
    }

    func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
