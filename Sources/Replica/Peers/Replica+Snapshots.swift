// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRaft
import MartletWALCodec

/// Where a state stands that another member has sent.
///
///     arrived ─> held while a checkpoint is written ─> Raft wants it ─> in memory, said in the log
///        ── synced ─> the shell puts it in the place of the tables ── installed ─> acknowledged to the leader
struct ArrivalProgress: Sendable {
    struct Arrived: Sendable {
        var state: RestoredState
        var from: MemberID
        var term: Term
    }

    /// In a box: a replica is large enough.
    indirect enum Stage: Sendable {
        case none
        /// Not shown to Raft yet.
        case held(Arrived)
        /// Shown to Raft, which orders what is to be done with it within the same step.
        case offered(RestoredState)
    }

    var stage = Stage.none
    /// Says in the log that the state is there; `nil` when nothing is being installed.
    var batch: BatchNumber?
    var position = AppliedPosition(index: .zero, term: .zero)
    /// The shell is at it.
    var isOrdered = false

    var isUnderway: Bool { if case .none = stage { batch != nil } else { true } }
}

// MARK: Sending

extension Replica {
    mutating func orderSnapshot(to member: MemberID, into effects: inout Effects) {
        effects.snapshotsToSend.append(.init(to: member, term: node.term))
    }

    mutating func endSnapshot(to member: MemberID, upTo index: LogIndex?) {
        node.snapshotSent(to: member, upTo: index)
    }
}

// MARK: Receiving

extension Replica {
    /// Another member's state has come, and what becomes of it isn't decided or done yet: there must not be another.
    public var isTakingState: Bool { arrival.isUnderway }

    mutating func take(
        _ state: RestoredState, from sender: MemberID, term: Term, into effects: inout Effects
    ) {
        guard case .running = phase else {
            effects.arrival = .discard
            return
        }
        precondition(!arrival.isUnderway, "a second state arrives while one is installed")
        arrival.stage = .held(.init(state: state, from: sender, term: term))
    }

    /// Shows Raft the state, when no checkpoint of the one before can get in its way.
    mutating func offerArrived(into effects: inout Effects) {
        guard !checkpoint.isUnderway, case .held(let arrived) = arrival.stage else { return }
        contacts.note(arrived.from, at: ticks, silence: node.settings.electionTicks)
        arrival.stage = .offered(arrived.state)
        let mark = SnapshotMark(
            last: EntryID(index: arrived.state.applied.index, term: arrived.state.applied.term),
            configuration: arrived.state.cluster.configuration)
        node.step(
            Message(from: arrived.from, to: configuration.member, term: arrived.term, body: .snapshot(mark)))
    }

    /// Raft has said what it wants: if it is not this state, nobody does.
    mutating func discardUnwanted(into effects: inout Effects) {
        guard case .offered = arrival.stage else { return }
        arrival.stage = .none
        effects.arrival = .discard
    }

    /// Goes on with the state that has arrived in place of the own one. What is told from now on rests on it.
    mutating func install(_ mark: SnapshotMark, into effects: inout Effects) {
        guard case .offered(let state) = arrival.stage else { preconditionFailure("\(mark.last) was not offered") }
        arrival.stage = .none
        effects.batch.append(WALSnapshot(index: mark.last.index, term: mark.last.term))
        arrival.batch = BatchNumber(lastBatch.rawValue + 1)
        arrival.position = state.applied
        arrival.isOrdered = false
        committed.removeAll()
        committedHead = 0
        loseHalted(into: &effects)
        commands.forgetParts()
        answerSkipped(upTo: mark.last.index, into: &effects)
        loseForwarded(to: mark.last, into: &effects)
        mustWakeAll = true

        let isNotifying = keyspace.isNotifying
        let before = store
        store = state.store
        store.takeWatches(of: before)
        keyspace = state.keyspace
        keyspace.isNotifying = isNotifying
        cluster = state.cluster
        effects.hasNewMembers = true
        answerReplacement(into: &effects)
        auth = state.auth
        showAuth()
        authTable = state.authTable
        applied = state.applied
        lastStamp = max(lastStamp, cluster.stamp)
        hasMoreDueLeases = false
        leaseNotes = LeaseNoteQueue()
        keyspaceProgress = KeyspaceProgress()
        if configuration.keyspaceQuotaBytes != nil { keyspaceProgress.measuredBytes = keyspace.memoryBytes() }
        checkpoint = CheckpointState()
        checkpoint.last = applied.index
        keptLog = KeptLog()
        effects.hasWatchWork = true
        if cluster.member(configuration.member) == nil, cluster.removed.contains(configuration.member) {
            removedAt = removedAt ?? ticks
        }
    }

    /// What this member proposed of the entries that the state contains may have taken effect, or not; what it proposed
    /// behind them has not: entries there are of later terms.
    private mutating func answerSkipped(upTo index: LogIndex, into effects: inout Effects) {
        while pendingHead < pending.count {
            let write = pending[pendingHead]
            let error: ReplicaError = write.id.index <= index ? .timedOut(.leaderFailed) : .leaderChanged
            pendingHead += 1
            pendingBytes -= write.byteCount
            noteEnd(of: write)
            if write.isAbandoned { continue }
            if write.isKeyspaceRecord { lose(commands.takePlan(), error, into: &effects) }
            guard let waiter = write.waiter else { continue }
            effects.replies.append(.init(waiter: waiter, result: .failure(error)))
        }
        forgetAnswered()
    }

    /// Whether a batch that is durable counts for Raft. The one that says that a state is there does when the state is.
    mutating func mayCount(_ batch: BatchNumber, into effects: inout Effects) -> Bool {
        guard let installing = arrival.batch, installing <= batch else { return true }
        if !arrival.isOrdered {
            arrival.isOrdered = true
            effects.arrival = .install(arrival.position)
        }
        return false
    }

    mutating func noteInstalled(into effects: inout Effects) {
        if case .ended = phase { return }
        guard arrival.batch != nil, arrival.isOrdered else { preconditionFailure("no state is being installed") }
        arrival.batch = nil
        effects.releaseBelow = applied.index + 1
        releaseOrders(into: &effects)
        noteSynced(lastSynced, into: &effects)
    }
}
