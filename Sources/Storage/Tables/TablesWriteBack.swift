// SPDX-License-Identifier: Apache-2.0

import CMartletLMDB
import CMartletPosix

extension Tables {
    /// Makes all that was written durable, of tables that are synced at the end.
    package func synchronize() throws(TablesError) {
        try TablesError.check("synchronizing \(path)", mdb_env_sync(environmentInUse().pointer, 1))
    }
}

/// Has what is written to tables that are synced at the end go to disk all the time and a little at a time: their end
/// needn't wait for all of it, nor does the sync of a log on the same disk wait behind much. And it leaves the system's
/// cache where nobody reads it soon.
package struct TablesWriteBack: Sendable {
    /// So much of the file was written.
    private var written = 0
    /// So much is on its way, but for the last step through.
    private var begun = 0

    /// Under way at once is twice this: a disk takes about a millisecond for it. Syncs beside steps of eight times this
    /// took twice as long at worst as beside these.
    private static let stepBytes = 1 << 20

    private let isReadAgain: Bool

    package init(isReadAgain: Bool) {
        self.isReadAgain = isReadAgain
    }

    /// To be called after each write. Waits for what is left of the one before.
    package mutating func note(_ tables: Tables) throws(TablesError) {
        while begun < written { try step(tables) }
        written = max(written, Int(martlet_file_size(try file(of: tables))))
    }

    /// The next part; without effect where there is none. Waits for the one before.
    package mutating func step(_ tables: Tables) throws(TablesError) {
        guard begun < written else { return }
        let file = try file(of: tables)
        let end = min(begun + Self.stepBytes, written)
        martlet_begin_writing_back(file, Int64(begun), Int64(end - begun))
        let before = max(begun - Self.stepBytes, 0)
        if before < begun { martlet_finish_writing_back(file, Int64(before), Int64(begun - before), !isReadAgain) }
        begun = end
    }

    private func file(of tables: Tables) throws(TablesError) -> Int32 {
        var file: Int32 = -1
        try TablesError.check("finding the file", mdb_env_get_fd(tables.environmentInUse().pointer, &file))
        return file
    }
}
