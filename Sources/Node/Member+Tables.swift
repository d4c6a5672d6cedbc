// SPDX-License-Identifier: Apache-2.0

import MartletKeyValue
import MartletReplica
package import MartletStorage
import NIOCore

extension Member {
    /// What the tables' file takes, as of the last checkpoint; nil in memory, and until it was first looked at.
    package var tablesSize: TablesSize? { statistics.tables }

    /// Calls `body` when what compactions made unreadable has left the store and its tables, or after
    /// `maximumReclaimWait`: then what is left goes by later rewrites.
    package func afterReclaiming(_ body: @escaping () -> Void) {
        awaitReclaiming(until: eventLoop.now + Self.maximumReclaimWait, body)
    }

    private func awaitReclaiming(until end: NIODeadline, _ body: @escaping () -> Void) {
        let isDone = !replica.store.hasCompactedToReclaim && !replica.store.hasUncheckpointedRemovals
        if isDone || eventLoop.now >= end { return body() }
        // Removal waits for checkpoints, and they for it.
        replica.hastenCheckpoint()
        eventLoop.assumeIsolated().scheduleTask(in: Self.reclaimLook) { self.awaitReclaiming(until: end, body) }
    }

    /// A million versions take about a second.
    private static let maximumReclaimWait = TimeAmount.seconds(30)
    private static let reclaimLook = TimeAmount.milliseconds(20)

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
