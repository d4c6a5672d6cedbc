// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

/// How often the faulty phase of a run came to what is worth checking. A simulation in which nothing happens finds
/// nothing.
struct SimulationCoverage {
    var elections = 0
    var commits = 0
    var reads = 0
    /// Writes that replaced entries already written.
    var overwrites = 0
    /// States installed.
    var snapshots = 0
    /// Committed changes of the configuration, as often as they were handed out.
    var changes = 0
    /// Those that left a joint configuration.
    var jointChanges = 0
    /// Requests by a leader to take over.
    var transfers = 0
    /// Appends that a follower turned down.
    var rejections = 0

    mutating func add(_ member: SimulatedMember) {
        let orders = member.orders
        if orders.snapshot != nil { snapshots += 1 }
        if let first = orders.entries.first, first.index <= member.disk.writtenBefore { overwrites += 1 }
        for entry in orders.committed {
            if entry.kind.changesConfiguration { changes += 1 }
            if entry.kind == .jointChange, entry.data == JointChange.leavingData { jointChanges += 1 }
        }
        for message in orders.messages {
            if case .timeoutNow = message.body { transfers += 1 }
            if case .appendRejected = message.body { rejections += 1 }
        }
    }

    mutating func add(_ other: SimulationCoverage) {
        elections += other.elections
        commits += other.commits
        reads += other.reads
        overwrites += other.overwrites
        snapshots += other.snapshots
        changes += other.changes
        jointChanges += other.jointChanges
        transfers += other.transfers
        rejections += other.rejections
    }
}
