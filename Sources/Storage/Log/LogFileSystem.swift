// SPDX-License-Identifier: Apache-2.0

/// What the log needs of a disk. `PosixFileSystem` is the real one; a simulated one can stand in for it.
///
/// Nothing is durable before the sync that covers it: a file's bytes and size by the file's, a name by its folder's.
/// Paths are separated by `/`. All calls block.
package protocol LogFileSystem: Sendable {
    func exists(_ path: String) throws(StorageError) -> Bool

    /// Its parent must exist.
    func createFolder(_ path: String) throws(StorageError)

    /// Names of all files and folders in a folder, sorted.
    func names(in folder: String) throws(StorageError) -> [String]

    /// Makes the folder this holder's until it lets the lock go or its process ends.
    ///
    /// - Throws: `.locked` if somebody has it.
    func lock(folder: String) throws(StorageError) -> any LogFolderLock

    /// A new and empty file for reading and writing; one of that name loses its content.
    func create(_ path: String) throws(StorageError) -> any LogFile

    func open(_ path: String) throws(StorageError) -> any LogFile

    /// At once, inside one folder. Open files stay open.
    func rename(_ path: String, to newPath: String) throws(StorageError)

    func remove(_ path: String) throws(StorageError)

    /// With the files in it.
    func removeFolder(_ path: String) throws(StorageError)

    func syncFolder(_ path: String) throws(StorageError)
}

/// An open file of the log. One thread uses it at a time.
package protocol LogFile: AnyObject, Sendable {
    func size() throws(StorageError) -> Int

    /// All of the file.
    func readAll() throws(StorageError) -> [UInt8]

    /// Writes all of `bytes`, or throws; then any part of them may have been written.
    func write(_ bytes: RawSpan, at offset: Int) throws(StorageError)

    /// Reserves the space of the first `size` bytes and makes the file at least that long, where the system can.
    func preallocate(_ size: Int) throws(StorageError)

    func truncate(to size: Int) throws(StorageError)

    /// After an error nothing is known about what was written since the last sync, and asking again tells nothing.
    func sync() throws(StorageError)

    func close()
}

package protocol LogFolderLock: AnyObject, Sendable {
    func unlock()
}
