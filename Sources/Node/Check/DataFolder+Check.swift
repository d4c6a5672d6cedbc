// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStorage

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension DataFolder {
    /// Examines the data of a member that doesn't run: all of the log, all of the checkpoint, and whether one goes on
    /// where the other ends. Changes nothing and leaves nothing behind; blocks for as long as reading all takes.
    ///
    /// LMDB trusts the pages of its file: a damaged one may end the process by a signal. So this belongs into a process
    /// of its own, whose parent keeps what was told until then.
    package func check(_ tell: (CheckNews) -> Void) {
        tell(.began(.folder, path: path))
        let files = PosixFileSystem(isReadOnly: true)
        do throws(StorageError) {
            guard let lock = try lockForCheck(files, tell) else { return tell(.ended) }
            defer { lock.unlock() }
            let log = try checkLog(files, tell)
            let hasTables = try files.exists(tablesFile)
            guard log != .absent || hasTables else {
                tell(.found(CheckFinding(.note, path, "nothing was ever stored here")))
                return tell(.ended)
            }
            let checkpoint = hasTables ? checkTables(tell) : LogIndex(0)
            if log == .absent {
                tell(.found(CheckFinding(.damage, logPath, "there is a checkpoint, but no log")))
            } else if case .read(let reading) = log, let checkpoint {
                check(reading, after: checkpoint, tell)
            }
        } catch {
            tell(.found(CheckFinding(error.isOfDevice ? .damage : .obstacle, path, error.message)))
        }
        tell(.ended)
    }

    /// Nil if there is nothing to look at, or no way to.
    private func lockForCheck(
        _ files: PosixFileSystem, _ tell: (CheckNews) -> Void
    ) throws(StorageError) -> (any LogFolderLock)? {
        func refuse(_ message: String) -> (any LogFolderLock)? {
            tell(.found(CheckFinding(.obstacle, path, message)))
            return nil
        }
        guard try files.exists(path) else { return refuse("there is no such folder") }
        guard try files.exists(memberPath) else { return refuse("this is no data folder: it has no folder 'member'") }
        if try files.exists(foreignPath) {
            return refuse("this is the data folder of an etcd member: etcd's own tools examine it")
        }
        do throws(StorageError) {
            return try files.lock(folder: memberPath)
        } catch {
            guard error.code == .locked else { throw error }
            return refuse("a server uses it: stop that first")
        }
    }
}

extension StorageError {
    /// Whether the device can't give back what it was given.
    var isOfDevice: Bool { systemError == EIO }
}
