// SPDX-License-Identifier: Apache-2.0

import MartletStorage

/// The data folder that a restore fills: `member` appears when it is whole.
///
///     D/member.tmp/tables/db   while it is made
///     D/member.tmp/wal         unless the log has a folder of its own
///     D/member                 the same, in the end
struct RestoredFolder {
    let path: String
    /// Nil: in the folder.
    let logPath: String?
    private let files = PosixFileSystem()

    private var memberPath: String { "\(path)/member" }
    private var temporaryPath: String { "\(path)/member.tmp" }
    private var tablesPath: String { "\(temporaryPath)/tables" }
    var tablesFile: String { "\(tablesPath)/db" }
    var temporaryLogPath: String { logPath ?? "\(temporaryPath)/wal" }

    init(path: String, logPath: String?) {
        self.path = path
        self.logPath = logPath
    }

    /// - Throws: `SnapshotError.refused` where something is in the way, in the words of etcd's tool.
    func begin() throws {
        if try files.exists(path) {
            let names = try? files.names(in: path)
            guard let names, names.isEmpty || names == ["member.tmp"] else {
                throw SnapshotError(.refused, "data-dir \"\(path)\" not empty or could not be read")
            }
        }
        if let logPath, try files.exists(logPath) {
            throw SnapshotError(.refused, "wal-dir \"\(logPath)\" exists")
        }
        try files.makeFolder(path)
        try removeLeftover()
        try files.makeFolder(tablesPath)
        if let logPath, let slash = logPath.lastIndex(of: "/") { try files.makeFolder(String(logPath[..<slash])) }
    }

    func finish() throws {
        try files.syncFolder(tablesPath)
        try files.syncFolder(temporaryPath)
        try files.rename(temporaryPath, to: memberPath)
        try files.syncFolder(path)
    }

    /// As far as it can be done: whatever stays is in no later attempt's way.
    func abandon() {
        try? removeLeftover()
    }

    /// Of a restore that was broken off.
    private func removeLeftover() throws {
        guard try files.exists(temporaryPath) else { return }
        for name in try files.names(in: temporaryPath) {
            let part = "\(temporaryPath)/\(name)"
            if (try? files.removeFolder(part)) == nil { try files.remove(part) }
        }
        try files.removeFolder(temporaryPath)
    }
}
