// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRaft

/// How checkpoints stand.
struct CheckpointState: Sendable {
    /// The last entry that a written one holds.
    var last = LogIndex.zero
    /// When the next one is due.
    var next = Duration.zero
    var isUnderway = false
    /// Begun, but the own log is not durable up to it.
    var held: ReplicaCheckpoint?
    /// The last entry that the one under way holds.
    var position = AppliedPosition(index: .zero, term: .zero)
}

/// How far checkpoints are behind the keyspace.
struct KeyspaceProgress: Sendable {
    /// Of the records applied since the last checkpoint began.
    var changedBytes = 0
    /// Of those that the one under way holds.
    var underwayBytes = 0
    var underway: KeyspaceCheckpoint?
    /// What the keyspace took in memory when it was last looked at, and of the records since then.
    var measuredBytes = 0
    /// When it may be looked at again.
    var nextMeasure = Duration.zero

    var uncheckpointedBytes: Int { changedBytes + underwayBytes }
}

extension Replica {
    /// Takes the state down when it is time, and hands it out once the own log is durable as far as the state goes: a
    /// majority may commit before the own disk has an entry.
    mutating func beginCheckpoint(at moment: Moment, into effects: inout Effects) {
        if !checkpoint.isUnderway, !arrival.isUnderway, isCheckpointDue(at: moment) {
            checkpoint.isUnderway = true
            checkpoint.next = moment.monotonic + configuration.checkpointInterval
            checkpoint.position = applied
            checkpoint.held = ReplicaCheckpoint(
                keyValue: store.beginCheckpoint(applied: applied), cluster: cluster,
                auth: authTable.beginCheckpoint(of: auth), keyspace: beginKeyspaceCheckpoint())
        }
        if checkpoint.held != nil, node.log.synced >= checkpoint.position.index {
            effects.checkpoint = checkpoint.held
            checkpoint.held = nil
        }
    }

    /// A compaction that waits for its answer needs one soon: removal goes on behind it. What is removed must leave the
    /// tables too, even when nothing is applied any more.
    private func isCheckpointDue(at moment: Moment) -> Bool {
        guard applied.index > checkpoint.last || store.uncheckpointedBytes > 0 else { return false }
        // Half of the next entry is in the state.
        if commands.halted != nil { return false }
        // Founders are applied one by one: a state with some of them would be one of a cluster that never was.
        if applied.term == Term(1), !isAlone { return false }
        if physicalCompactions.contains(where: { $0.request.revision > store.checkpointRevision }) { return true }
        return moment.monotonic >= checkpoint.next || uncheckpointedBytes >= configuration.checkpointBytes
    }

    /// What no written checkpoint holds, and so is in memory alone.
    var uncheckpointedBytes: Int {
        store.uncheckpointedBytes + authTable.byteCount + keyspaceProgress.uncheckpointedBytes
    }

    /// `nil` where no record has touched the keyspace since the last one.
    private mutating func beginKeyspaceCheckpoint() -> KeyspaceCheckpoint? {
        guard keyspaceProgress.changedBytes > 0 else { return nil }
        let begun = keyspace.beginCheckpoint()
        keyspaceProgress.underway = begun
        keyspaceProgress.underwayBytes = keyspaceProgress.changedBytes
        keyspaceProgress.changedBytes = 0
        return begun
    }

    private mutating func endKeyspaceCheckpoint(isWritten: Bool) {
        guard let ended = keyspaceProgress.underway.take() else { return }
        if isWritten {
            keyspace.endCheckpoint(ended)
        } else {
            keyspace.failCheckpoint(ended)
            keyspaceProgress.changedBytes += keyspaceProgress.underwayBytes
        }
        keyspaceProgress.underwayBytes = 0
    }

    mutating func endCheckpoint(isWritten: Bool, into effects: inout Effects) {
        guard checkpoint.isUnderway, checkpoint.held == nil else {
            preconditionFailure("no checkpoint was handed out")
        }
        checkpoint.isUnderway = false
        store.endCheckpoint(isWritten: isWritten)
        authTable.endCheckpoint(isWritten: isWritten, of: auth)
        endKeyspaceCheckpoint(isWritten: isWritten)
        guard isWritten else { return }
        checkpoint.last = checkpoint.position.index
        if case .ended = phase { return }
        trimLog(into: &effects)
        answerPhysicalCompactions(into: &effects)
    }
}
