// SPDX-License-Identifier: Apache-2.0

import CMartletLMDB
import MartletBasics
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The system's `close`, which inside `Tables` would be another.
private func closeFile(_ file: Int32) {
    close(file)
}

extension Tables {
    /// Copies what lives in the file to a new one, without the free pages, and puts that in the old one's place.
    ///
    /// Reads go on while it copies; writes don't, so its owner calls it when nothing urgent waits to be written. A
    /// crash at any point leaves the old file or the new one, both with the same records.
    ///
    /// - Throws: `readersStayed` if reads did not end in time, `noSpace` where the copy finds none; both leave
    ///   everything as it was. `failed` if the new file could not be opened: then the tables are closed.
    package func rewrite() throws(TablesError) {
        beginWriting()
        defer { endWriting() }
        let copy = path + Self.copySuffix
        try Self.removeLeftover(of: path)
        do throws(TablesError) {
            let environment = try environmentInUse().pointer
            // It reads the whole file through the map.
            let forgetting = try PageForgetting(of: environment)
            defer { forgetting.end() }
            try TablesError.check("copying", mdb_env_copy2(environment, copy, UInt32(MDB_CP_COMPACT)))
            try Self.synchronize(copy)
            try whileNobodyReads { (environment) throws(TablesError) in try replace(&environment, by: copy) }
        } catch {
            unlink(copy)
            throw error
        }
    }

    /// Puts another file in this one's place, durably: one of the same tables, closed and on disk. Reads that began
    /// before have the old state, later ones the new.
    ///
    /// - Throws: `readersStayed` if reads did not end in time: then everything is as it was. `failed` if the file could
    ///   not be opened: then the tables are closed.
    package func become(_ other: String) throws(TablesError) {
        beginWriting()
        defer { endWriting() }
        try whileNobodyReads { (environment) throws(TablesError) in try replace(&environment, by: other) }
    }

    /// Opens the file anew; waits for reads to end. Throws `readersStayed` if they don't.
    ///
    /// What LMDB keeps for its next transactions, as much as the largest ever took, and the pages that were looked at,
    /// count as this process's memory until then.
    package func reopen() throws(TablesError) {
        beginWriting()
        defer { endWriting() }
        try whileNobodyReads { (environment) throws(TablesError) in
            environment?.close()
            environment = nil
            environment = try Environment(path: path, tables: tables, configuration: configuration)
        }
    }

    private func replace(_ environment: inout Environment?, by copy: String) throws(TablesError) {
        guard rename(copy, path) == 0 else { throw TablesError("replacing \(path)", errno) }
        // The old environment holds the old file, which has no name any more.
        environment?.close()
        environment = nil
        do throws(TablesError) {
            try Self.synchronize(Self.folder(of: path))
            environment = try Environment(path: path, tables: tables, configuration: configuration)
        } catch {
            throw .failed
        }
    }

    /// Waits until no read is under way, lets no new one begin, and runs `body` on the environment.
    func whileNobodyReads(_ body: (inout Environment?) throws(TablesError) -> Void) throws(TablesError) {
        state.withLock { $0.isReplacing = true }
        defer { state.withLock { $0.isReplacing = false } }
        let deadline = ContinuousClock.now.advanced(by: configuration.maximumWaitForReaders)
        while state.withLock({ $0.readers > 0 }) {
            if ContinuousClock.now >= deadline { throw .readersStayed }
            Self.pause()
        }
        try state.withLock { (state) throws(TablesError) in try body(&state.environment) }
    }

    /// A millisecond: reads end in their own time, and the thread is one that may block.
    static func pause() {
        usleep(1000)
    }

    // MARK: Files

    private static let copySuffix = ".rewrite"
    private static let newSuffix = ".new"

    /// Removes what a rewrite left behind that did not come to its end.
    static func removeLeftover(of path: String) throws(TablesError) {
        let copy = path + copySuffix
        if unlink(copy) != 0, errno != ENOENT { throw TablesError("removing \(copy)", errno) }
    }

    /// Makes the file under another name, which it changes when it is on disk: LMDB can't open one whose first pages
    /// were torn.
    static func createIfMissing(
        _ path: String, tables: [TableID], _ configuration: Configuration
    ) throws(TablesError) {
        if access(path, F_OK) == 0 { return }
        if errno != ENOENT { throw TablesError("looking for \(path)", errno) }
        let new = path + newSuffix
        // LMDB's own name for the file of its lock.
        for leftover in [new, new + "-lock"] where unlink(leftover) != 0 && errno != ENOENT {
            throw TablesError("removing \(leftover)", errno)
        }
        try Environment(path: new, tables: tables, configuration: configuration).close()
        unlink(new + "-lock")
        try synchronize(new)
        guard rename(new, path) == 0 else { throw TablesError("naming \(path)", errno) }
        try synchronize(folder(of: path))
    }

    private static func synchronize(_ path: String) throws(TablesError) {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw TablesError("opening \(path)", errno) }
        defer { closeFile(file) }
        if fsync(file) != 0 { throw TablesError("synchronizing \(path)", errno) }
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
