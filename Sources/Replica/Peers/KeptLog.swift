// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

/// Entries that a checkpoint holds but the log still has, for members that lag.
struct KeptLog: Sendable {
    /// Of entries behind the log's base, up to `counted`.
    var byteCount = 0
    var counted = LogIndex.zero

    /// About what an entry takes in memory beside its data.
    static let entryBytes = 96

    static func cost(_ entry: Entry) -> Int { entryBytes + entry.data.count }
}

extension Replica {
    /// Lets go of what is in a checkpoint and no member is likely to ask for. Complexity: O(entries that this
    /// checkpoint added or that are dropped); a member that is alone keeps none.
    mutating func trimLog(into effects: inout Effects) {
        let end = checkpoint.last
        let base = node.log.base.index
        guard !node.peers.isEmpty else {
            keptLog = KeptLog(byteCount: 0, counted: end)
            node.compact(upTo: end)
            effects.releaseBelow = end + 1
            return
        }
        var next = max(keptLog.counted, base) + 1
        while next <= end {
            keptLog.byteCount += KeptLog.cost(node.log[next])
            next = next + 1
        }
        keptLog.counted = max(keptLog.counted, end)
        let limits = configuration.limits
        // A leader knows what others lack.
        let lacking = isLeader ? node.peers.reduce(end) { min($0, $1.match) } : end
        var target = base
        while target < end {
            let isSpare = target < lacking && end - target > limits.keptEntries
            guard isSpare || keptLog.byteCount > limits.keptBytes else { break }
            target = target + 1
            keptLog.byteCount -= KeptLog.cost(node.log[target])
        }
        node.compact(upTo: target)
        effects.releaseBelow = end + 1
    }
}
