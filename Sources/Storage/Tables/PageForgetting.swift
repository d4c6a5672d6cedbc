// SPDX-License-Identifier: Apache-2.0

import CMartletLMDB
import CMartletPosix
import Dispatch

/// Lets go, again and again, of the pages of a file that were looked at through LMDB's map, while something reads the
/// file as a whole: else all of them would soon count as this process's memory. See `Tables.notePassed`.
final class PageForgetting: Sendable {
    private let mayEnd = DispatchSemaphore(value: 0)
    private let hasEnded = DispatchSemaphore(value: 0)
    private let file: Int32

    /// Begins; `end` must follow, while the environment is open.
    init(of environment: OpaquePointer) throws(TablesError) {
        var file: Int32 = -1
        try TablesError.check("finding the file", mdb_env_get_fd(environment, &file))
        self.file = file
        do throws(StorageError) {
            try WorkerThread.start("martlet-pages") { self.run() }
        } catch {
            // It costs memory for a while, and nothing else.
            hasEnded.signal()
        }
    }

    private func run() {
        repeat { martlet_forget_mapped_pages(file) } while mayEnd.wait(timeout: .now() + Self.pause) == .timedOut
        hasEnded.signal()
    }

    /// Returns when the file isn't looked at any more.
    func end() {
        mayEnd.signal()
        hasEnded.wait()
    }

    /// In it a copy reads some tens of megabytes.
    private static let pause = DispatchTimeInterval.milliseconds(10)
}
