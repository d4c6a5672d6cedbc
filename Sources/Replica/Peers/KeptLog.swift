// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

/// Entries that a checkpoint holds but the log still has, for members that lag.
struct KeptLog: Sendable {
    /// Of entries behind the log's base, up to `counted`.
    var byteCount = 0
    var counted = LogIndex.zero
    /// Whether a step has left something to count, or to let go of.
    var hasMoreToTrim = false

    /// About what an entry takes in memory beside its data.
    static let entryBytes = 96

    static func cost(_ entry: Entry) -> Int { entryBytes + entry.data.count }
}

extension Replica {
    /// Lets go of what is in a checkpoint and no member is likely to ask for; a member that is alone keeps none.
    mutating func trimLog(into effects: inout Effects) {
        effects.releaseBelow = checkpoint.last + 1
        keptLog.hasMoreToTrim = true
        continueTrim()
    }

    /// Counts some of what the last checkpoint added, and lets go of some. Complexity: bounded by
    /// `ReplicaLimits.trimmedPerStep`.
    mutating func continueTrim() {
        guard keptLog.hasMoreToTrim, case .running = phase else { return }
        let base = node.log.base.index
        countKept()
        let end = keptLog.counted
        let limits = configuration.limits
        // A leader knows what others lack.
        let lacking = isLeader ? node.peers.reduce(end) { min($0, $1.match) } : end
        let hasPeers = !node.peers.isEmpty
        var target = base
        var count = 0
        keptLog.hasMoreToTrim = end < checkpoint.last
        while target < end {
            let isSpare = !hasPeers || target < lacking && end - target > limits.keptEntries
            guard isSpare || keptLog.byteCount > limits.keptBytes else { break }
            if count == limits.trimmedPerStep {
                keptLog.hasMoreToTrim = true
                break
            }
            target = target + 1
            count += 1
            keptLog.byteCount -= KeptLog.cost(node.log[target])
        }
        node.compact(upTo: target)
    }

    private mutating func countKept() {
        var next = max(keptLog.counted, node.log.base.index) + 1
        let end = min(checkpoint.last, next + (configuration.limits.trimmedPerStep - 1))
        while next <= end {
            keptLog.byteCount += KeptLog.cost(node.log[next])
            next = next + 1
        }
        keptLog.counted = max(keptLog.counted, end)
    }
}
