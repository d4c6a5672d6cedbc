// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletWALCodec

extension Replica {
    /// Takes one event and adds to `effects` what is to be done. No call takes longer than about a millisecond, but for
    /// one request that is itself longer.
    public mutating func step(_ event: Event, at moment: Moment, into effects: inout Effects) {
        switch event {
        case .propose(let write, let waiter):
            enqueue(write, for: waiter, at: moment, into: &effects)
            return
        case .read(let waiter):
            enqueueRead(for: waiter, into: &effects)
            return
        case .changeMembers(let request, let waiter):
            enqueueChange(request, for: waiter, into: &effects)
            return
        case .renewLease(let lease, let waiter):
            renewLease(lease, for: waiter, at: moment, into: &effects)
            return
        case .received(let message):
            receive(message, at: moment, into: &effects)
            return
        case .stop:
            end(.stopped, into: &effects)
            return
        case .start:
            start(into: &effects)
        case .tick:
            guard case .running = phase else { return }
            passTick(at: moment, into: &effects)
            if effects.failure != nil { return end(.stopped, into: &effects) }
            scanLeases(at: moment)
        case .synced(let batch):
            lastSynced = max(lastSynced, batch)
            noteSynced(batch, into: &effects)
        case .checkpointEnded(let isWritten):
            endCheckpoint(isWritten: isWritten, into: &effects)
        case .peerUnreachable(let member):
            node.unreachable(member)
        case .peerGone(let member):
            node.gone(member)
        case .snapshotSent(let member, let index):
            endSnapshot(to: member, upTo: index)
        case .snapshotArrived(let state, let sender, let term):
            take(state, from: sender, term: term, into: &effects)
        case .snapshotInstalled:
            noteInstalled(into: &effects)
        case .transferLeadership(let target, let waiter):
            transferLeadership(to: target, for: waiter, into: &effects)
        case .spaceExhausted:
            raiseNoSpace(at: moment)
        case .work:
            // Twice what has come since the last step: who lags gains, however long turns are.
            node.catchUpBytes = max(
                configuration.limits.catchUpBytesPerStep,
                min(2 * appendedSinceWork, configuration.limits.catchUpBytesMax))
            appendedSinceWork = 0
            reclaim(into: &effects)
            continueTrim()
            continueLeaseScan(at: moment)
        case .blocksLoaded(let loaded):
            guard case .running = phase else { return }
            take(loaded, at: moment, into: &effects)
            if effects.failure != nil { return end(.stopped, into: &effects) }
        case .commandsDue:
            if case .running = phase { passCommandTime(at: moment, into: &effects) }
        case .turnEnded:
            break
        }
        drive(at: moment, into: &effects)
    }

    private mutating func start(into effects: inout Effects) {
        guard case .created = phase else { preconditionFailure("a member starts once: \(phase)") }
        phase = .running
        hastenElection()
        guard isNew else { return }
        var index = node.log.first
        while index <= node.log.last {
            let entry = node.log[index]
            effects.batch.append(
                entry: entry.index, term: entry.term, kind: .configurationChange, data: entry.data.span.bytes)
            index = index + 1
        }
        effects.batch.append(node.hardState.written, mustSync: true)
        phase = .bootstrapping(nextBatch(into: &effects))
    }

    mutating func nextBatch(into effects: inout Effects) -> BatchNumber {
        lastBatch = BatchNumber(lastBatch.rawValue + 1)
        effects.batchNumber = lastBatch
        return lastBatch
    }

    mutating func noteSynced(_ batch: BatchNumber, into effects: inout Effects) {
        if case .bootstrapping(let first) = phase, first <= batch { phase = .running }
        var done = 0
        var last: WriteNumber?
        while done < writes.count, writes[done].batch <= batch, mayCount(writes[done].batch, into: &effects) {
            last = writes[done].write
            done += 1
        }
        writes.removeSubrange(0..<done)
        if let last { node.persisted(upTo: last) }
    }

    /// Lets Raft say what is to be done, applies what is committed, and again while that brings something new.
    private mutating func drive(at moment: Moment, into effects: inout Effects) {
        guard case .running = phase else { return }
        precondition(effects.batch.isEmpty, "the last batch was not taken")
        var budget = ApplyBudget(configuration.limits)
        closeRecord(at: moment)
        proposeQueued(into: &effects)
        askReads(into: &effects)
        offerArrived(into: &effects)
        repeat {
            takeOrders(at: moment, into: &effects)
            discardUnwanted(into: &effects)
            applyCommitted(&budget, at: moment, into: &effects)
            if effects.failure != nil {
                end(.stopped, into: &effects)
                return
            }
            releaseBehindHalf(at: moment, into: &effects)
            standForElection()
            wakeAllIfDue(at: moment, into: &effects)
            // What the orders brought may itself propose.
            proposeHeld(at: moment, into: &effects)
            closeRecord(at: moment)
            proposeQueued(into: &effects)
        } while node.hasOrders && !budget.isSpent
        if !effects.batch.isEmpty { _ = nextBatch(into: &effects) }
        releaseReads(at: moment, into: &effects)
        beginCheckpoint(at: moment, into: &effects)
        evictBlocks(into: &effects)
        let canRevoke = hasMoreDueLeases && revocationsUnderway == 0
        let canApply = committedHead < committed.count && commands.halted == nil
        // What a step has not used of it doesn't add up.
        node.catchUpBytes = 0
        let hasCatchUp = node.hasCatchUp
        if !hasCatchUp { appendedSinceWork = 0 }
        let hasMore = node.hasOrders || hasCatchUp || keptLog.hasMoreToTrim
        if canApply || hasMore || store.hasCompactedToReclaim || canRevoke {
            effects.hasWork = true
        }
    }

    private mutating func takeOrders(at moment: Moment, into effects: inout Effects) {
        guard node.hasOrders else { return }
        node.takeOrders(into: &orders, at: moment.monotonic)
        node.catchUpBytes = 0
        if let mark = orders.snapshot { install(mark, into: &effects) }
        if !orders.messages.isEmpty { effects.messages += orders.messages }
        for member in orders.snapshotsToSend { orderSnapshot(to: member, into: &effects) }
        for entry in orders.entries {
            appendedSinceWork += entry.data.count
            effects.batch.append(
                entry: entry.index, term: entry.term,
                kind: entry.kind.written, data: entry.data.span.bytes)
        }
        if let state = orders.hardState { unwrittenState = state }
        if let write = orders.write {
            // A commit index rides along; the node says where it is worth a write of its own.
            if let state = unwrittenState { effects.batch.append(state.written, mustSync: true) }
            unwrittenState = nil
            writes.append((BatchNumber(lastBatch.rawValue + 1), write))
        }
        committed.append(contentsOf: orders.committed)
        for state in orders.readStates { noteReadable(state) }
        for context in orders.abandonedReads { abandonRead(context, into: &effects) }
        if let role = orders.softState { note(role, at: moment, into: &effects) }
    }

    /// Time runs while a member starts: one of several need not wait for all of it again before it stands for election;
    /// but for one that may have promised a leader to wait.
    private mutating func hastenElection() {
        guard !isAlone, !node.isBound else { return }
        for _ in 1..<node.settings.electionTicks { node.tick() }
    }

    /// The only voter need not wait for its clock, only for committed changes of the members to be applied; and for the
    /// end of its promise, where it has one.
    private mutating func standForElection() {
        if node.role == .follower, isAlone { node.campaign() }
    }

    /// The leader's first entry is applied, and with it everything that was committed before its term: from now on it
    /// counts the time of leases.
    mutating func beginTerm(at moment: Moment) {
        hasBegunTerm = true
        store.promoteLeases(now: moment.monotonic, extension: configuration.leaseGrace)
        nextLeaseScan = moment.monotonic + configuration.leaseScanInterval
        beginLeaseNotes(at: moment)
        (proposedVersion, isVersionRefused) = ("", false)
        publishVersion(at: moment)
    }

    /// Tells everybody who waits, and ignores every later event.
    private mutating func end(_ error: ReplicaError, into effects: inout Effects) {
        phase = .ended
        endCommands(error, into: &effects)
        for write in pending[pendingHead...] + forwarded.removeAll() + queuedWrites where !write.isAbandoned {
            if let waiter = write.waiter { effects.replies.append(.init(waiter: waiter, result: .failure(error))) }
        }
        endWait(for: error, into: &effects)
        for change in waitingChanges { effects.replies.append(.init(waiter: change.waiter, result: .failure(error))) }
        for compaction in physicalCompactions {
            effects.replies.append(.init(waiter: compaction.waiter, result: .failure(error)))
        }
        let (readers, renewals) = takeReaders()
        for waiter in readers { effects.reads.append(.init(waiter: waiter, error: error)) }
        for waiter in renewals { effects.replies.append(.init(waiter: waiter, result: .failure(error))) }
        for transfer in transfers { effects.transfers.append(.init(waiter: transfer.waiter, error: error)) }
        (pending, pendingHead, pendingBytes) = ([], 0, 0)
        (queue, queuedWrites, waitingChanges, physicalCompactions) = ([], [], [], [])
        transfers = []
    }
}
