// SPDX-License-Identifier: Apache-2.0

import CMartletLMDB
import CMartletPosix

extension Tables {
    /// Makes all that was written durable, of tables that are synced at the end.
    package func synchronize() throws(TablesError) {
        try TablesError.check("synchronizing \(path)", mdb_env_sync(environmentInUse().pointer, 1))
    }
}

/// Has what is written to tables that are synced at the end go to disk all the time, so that their end needn't wait for
/// all of it, nor do others who want something of the disk; and out of the system's cache, for nobody reads it soon.
package struct TablesWriteBack: Sendable {
    /// So much of the file is on its way.
    private var begun = 0
    /// So much is through.
    private var finished = 0

    package init() {}

    /// To be called after each write: waits for what was written before that.
    package mutating func advance(_ tables: Tables) throws(TablesError) {
        var file: Int32 = -1
        try TablesError.check("finding the file", mdb_env_get_fd(tables.environmentInUse().pointer, &file))
        let size = Int(martlet_file_size(file))
        guard size > begun else { return }
        martlet_begin_writing_back(file, Int64(begun), Int64(size - begun))
        martlet_finish_writing_back(file, Int64(finished), Int64(begun - finished))
        (finished, begun) = (begun, size)
    }
}
