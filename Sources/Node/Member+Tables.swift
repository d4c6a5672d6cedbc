// SPDX-License-Identifier: Apache-2.0

package import MartletStorage
import NIOCore

extension Member {
    /// What the checkpoint's file takes.
    package struct TablesSize: Sendable {
        package var fileBytes: Int
        /// Pages of it that hold something.
        package var liveBytes: Int
    }

    /// Reads the file's size, off the loop: it asks the disk. Nil where there is no file, or it can't be read.
    package var tablesSize: @Sendable () -> TablesSize? {
        let tables = data?.tables
        return {
            guard let statistics = try? tables?.statistics() else { return nil }
            return TablesSize(fileBytes: statistics.fileBytes, liveBytes: statistics.liveBytes)
        }
    }

    /// Writes the checkpoint's file anew without what was removed from it. `answer` is called on the loop; at once
    /// where there is no file.
    package func rewriteTables(_ answer: @escaping (TablesError?) -> Void) {
        guard let checkpoints else { return answer(nil) }
        let bound = NIOLoopBound(answer, eventLoop: eventLoop)
        checkpoints.rewrite { [eventLoop] error in
            eventLoop.execute { bound.value(error) }
        }
    }
}
