// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms

/// The library that journals a process's writes, built from `Preload` with the compiler that comes with Swift.
package struct DiskLossLibrary: Sendable {
    /// A disk that lies.
    package enum Fault: String, Sendable {
        /// Syncs do nothing and report success: what a build without them looks like.
        case noSync = "no-sync"
        /// Syncs report success at once and work later: what a build that answers before them looks like.
        case lateSync = "late-sync"
    }

    package static var isSupported: Bool { CompiledC.canPreload }

    /// Of the library.
    private let path: String

    /// Builds the library into a folder.
    package init(in folder: String) async throws {
        path = "\(folder)/libdiskloss.so"
        let sources = ["journal", "files", "calls", "entries"].map { "\(Self.sources)/Preload/\($0).c" }
        try await CompiledC.build(path, sources, ["-shared", "-fPIC"])
    }

    /// Builds the small program that does to files what it is told, and returns its path.
    package static func buildWriter(in folder: String) async throws -> String {
        let path = "\(folder)/writer"
        try await CompiledC.build(path, ["\(sources)/Writer/writer.c"], ["-pthread"])
        return path
    }

    private static let sources = URL(filePath: #filePath).deletingLastPathComponent().path

    /// What a process needs in its environment to be journaled.
    ///
    /// - Parameters:
    ///   - root: The folder whose files count. It must exist.
    ///   - journal: An existing folder on the same file system, not below the root. A journal that is there goes on.
    ///   - syncPause: How much longer each sync takes, so that more of what happens around it can be seen.
    package func environment(
        root: String, journal: String, fault: Fault? = nil, syncPause: Duration = .zero
    ) -> [String: String] {
        let microseconds = Int(syncPause / .microseconds(1))
        return [
            "LD_PRELOAD": path,
            "MARTLET_DISK_LOSS_ROOT": root,
            "MARTLET_DISK_LOSS_JOURNAL": journal,
            "MARTLET_DISK_LOSS_FAULT": fault?.rawValue ?? "",
            "MARTLET_DISK_LOSS_SYNC_MICROSECONDS": String(microseconds),
        ]
    }

    /// Makes the process kill itself after so many more steps: in front of a call that changes a file, or in front of a
    /// sync or behind it. `nil` takes that back. Before the start or at any time after it.
    package static func die(after steps: Int?, journal: String) throws {
        try control(journal, 0, UInt64(steps ?? 0))
    }

    /// Takes the room from the disk, or gives it back: what is there may be written anew, but no file may grow. Before
    /// the start or at any time after it.
    package static func setFull(_ isFull: Bool, journal: String) throws {
        try control(journal, 1, isFull ? 1 : 0)
    }

    private static func control(_ journal: String, _ place: Int, _ value: UInt64) throws {
        let path = "\(journal)/control"
        // In place: the process has mapped the file.
        if !FileManager.default.fileExists(atPath: path) { try Data(count: 16).write(to: URL(filePath: path)) }
        let file = try FileHandle(forUpdating: URL(filePath: path))
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(place * MemoryLayout<UInt64>.size))
        try file.write(contentsOf: withUnsafeBytes(of: value) { Data($0) })
    }
}
