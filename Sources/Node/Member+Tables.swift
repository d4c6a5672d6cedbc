// SPDX-License-Identifier: Apache-2.0

package import MartletStorage
import NIOCore

extension Member {
    /// What the tables' file takes, as of the last checkpoint; nil in memory, and until it was first looked at.
    package var tablesSize: TablesSize? { statistics.tables }

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
