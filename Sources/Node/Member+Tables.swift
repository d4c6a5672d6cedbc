// SPDX-License-Identifier: Apache-2.0

import MartletBasics
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
        replica.hastenCheckpoint()
        awaitReclaiming(until: eventLoop.now + Self.maximumReclaimWait, checkpointCount: nil, body)
    }

    /// - Parameter checkpointCount: how many checkpoints there are when one has begun after the last removal; `nil`
    ///   while versions are being removed.
    private func awaitReclaiming(until end: NIODeadline, checkpointCount: UInt64?, _ body: @escaping () -> Void) {
        var wanted = checkpointCount
        if wanted == nil, !replica.store.hasCompactedToReclaim {
            // One may be under way.
            wanted = statistics.checkpoints.count + 2
            replica.hastenCheckpoint()
        }
        let isWritten = wanted.map { replica.store.uncheckpointedBytes == 0 || statistics.checkpoints.count >= $0 }
        if isWritten == true || eventLoop.now >= end { return body() }
        eventLoop.assumeIsolated().scheduleTask(in: Self.reclaimLook) {
            self.awaitReclaiming(until: end, checkpointCount: wanted, body)
        }
    }

    /// A million versions take about a second.
    private static let maximumReclaimWait = TimeAmount.seconds(30)
    private static let reclaimLook = TimeAmount.milliseconds(10)

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
