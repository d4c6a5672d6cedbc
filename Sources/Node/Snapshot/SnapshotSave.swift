// SPDX-License-Identifier: Apache-2.0

import MartletEtcdSnapshot
import MartletStorage

/// A snapshot on its way into a file, as etcd's own tool keeps one: it grows as `….part`, and gets its name when it is
/// whole and on disk. All calls block.
package struct SnapshotSave {
    private let path: String
    private let file: any LogFile
    private let files = PosixFileSystem()
    private var byteCount = 0

    private var partPath: String { path + ".part" }

    /// - Parameter path: a file of that name is replaced, in the end.
    package init(to path: String) throws(SnapshotError) {
        self.path = path
        do throws(StorageError) {
            file = try files.create(path + ".part")
        } catch {
            throw SnapshotError(error)
        }
    }

    package mutating func append(_ piece: [UInt8]) throws(SnapshotError) {
        do throws(StorageError) {
            try file.write(piece.span.bytes, at: byteCount)
        } catch {
            throw SnapshotError(error)
        }
        byteCount += piece.count
    }

    /// Checks that the pieces are a snapshot with the right SHA-256 behind it; then the file is there, and durable.
    package consuming func finish() throws(SnapshotError) {
        do {
            let image = try SnapshotFileImage(path: partPath)
            guard byteCount % 512 == SnapshotDigest.byteCount else {
                throw SnapshotError(.snapshot, "sha256 checksum not found [bytes: \(byteCount)]")
            }
            try EtcdSnapshotReader(image).verifyTrailer()
            try file.sync()
            file.close()
            try files.rename(partPath, to: path)
            let slash = path.lastIndex(of: "/")
            try files.syncFolder(slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ".")
        } catch {
            throw SnapshotError(error)
        }
    }

    /// Removes what is there so far.
    package func discard() {
        file.close()
        try? files.remove(partPath)
    }
}
