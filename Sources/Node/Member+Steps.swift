// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import MartletStorage
import MartletWALCodec
import NIOCore

extension Member {
    /// Tells the replica what happened, and carries out what it wants.
    ///
    /// What is carried out may come back here: a connection that breaks under a message says so at once. The bundle in
    /// hand must stay what it is until all of it is done, so that waits.
    func step(_ event: Event) {
        guard !isStepping else { return waitingEvents.append(event) }
        perform(event)
        while !waitingEvents.isEmpty { perform(waitingEvents.removeFirst()) }
    }

    private func perform(_ event: Event) {
        isStepping = true
        let start = ContinuousClock.now
        // A read by lease is as of what the clock says: it must have come before.
        if readsByLease { turnMoment = nil }
        replica.step(event, at: now, into: &effects)
        status = Self.status(&replica)
        note(event, took: ContinuousClock.now - start)
        // What is carried out may propose anew: that goes into the other bundle, and out with a later turn.
        swap(&effects, &carried)
        submitBatch()
        if !carried.messages.isEmpty { onMessages(carried.messages) }
        if carried.hasNewMembers { onMembersChange() }
        for order in carried.snapshotsToSend { onStateWanted(order) }
        if let arrival = carried.arrival { carryOut(arrival) }
        for change in carried.tokens { onTokenChange(change) }
        // Before the replies: who hears that rights have changed finds no connection that has lost its own.
        tellOfRights()
        for reply in carried.replies { writers.remove(reply.waiter).answer(reply.result) }
        for read in carried.reads {
            if read.error != nil { statistics.failedReads += 1 }
            readers.remove(read.waiter).answer(read.error)
        }
        for transfer in carried.transfers { readers.remove(transfer.waiter).answer(transfer.error) }
        if !carried.commandReplies.isEmpty { commandClients?.take(carried.commandReplies) }
        if !carried.keyEvents.isEmpty { commandClients?.take(carried.keyEvents) }
        if carried.hasWatchWork { onWatchWork() }
        if let role = carried.role { note(role) }
        if let error = carried.clockError { warn(ofClock: error) }
        if let index = carried.releaseBelow { log?.release(below: index) }
        if let checkpoint = carried.checkpoint { write(checkpoint) }
        if let blockReader { for order in carried.blockOrders { blockReader.read(order) } }
        if carried.isReady { readiness.succeed() }
        let (hasWork, failure) = (carried.hasWork, carried.failure)
        carried.removeAll()
        isStepping = false
        scheduleCommands()
        // Last: a pause that is over when NIO looks for more tasks is none.
        if hasWork { workSoon() }
        if let failure { fail(.replica(failure)) }
    }

    /// The replica is lent: of an object's part that isn't, the whole would be copied for the question.
    private static func status(_ replica: inout Replica) -> ReplicaStatus { replica.status }

    /// Once a minute at most: it stays so until somebody sets the clock.
    private func warn(ofClock error: Int64) {
        if let warned = clockWarned, eventLoop.now - warned < Self.clockWarningPause { return }
        clockWarned = eventLoop.now
        logger.warning(
            "this machine's clock is far from the other members': stamps go by theirs",
            metadata: ["ahead": "\(Duration.milliseconds(error))"])
    }

    private static let clockWarningPause = TimeAmount.minutes(1)

    // MARK: What is measured

    /// Once a step, not once a request.
    private func note(_ event: Event, took duration: Duration) {
        if duration > configuration.slowStep { statistics.slowSteps += 1 }
        var isWork = false
        if case .work = event { isWork = true }
        compaction.note(
            compactRevision: replica.store.compactRevision, isReclaiming: replica.store.isReclaiming, isWork: isWork,
            took: duration, in: &statistics)
    }

    private func note(_ state: SoftState) {
        logger.info("raft role", metadata: ["role": "\(state.role)"])
        defer { knownLeader = state.leader }
        if state.leader != nil, state.leader != knownLeader { statistics.leaderChanges += 1 }
    }

    /// What was measured up to now.
    package func measured() -> MemberStatistics {
        var statistics = statistics
        statistics.pendingWrites = writers.count
        checkpoints?.addRewrites(to: &statistics)
        return statistics
    }

    // MARK: Log

    private func submitBatch() {
        guard let number = carried.batchNumber else { return }
        if heldBatches.isEmpty {
            guard let log, case .full = log.submit(&carried.batch, number) else { return }
        }
        heldBatches.append((number, carried.batch))
        carried.batch = LogBatch()
    }

    /// In their order, as far as there is room.
    private func submitHeld() {
        var count = 0
        while count < heldBatches.count, let log {
            if case .full = log.submit(&heldBatches[count].batch, heldBatches[count].number) { break }
            count += 1
        }
        heldBatches.removeFirst(count)
    }

    // MARK: Checkpoint

    private func write(_ checkpoint: ReplicaCheckpoint) {
        if let checkpoints {
            checkpoints.write(checkpoint)
        } else {
            // Nothing outlives the process: what the state holds needs no second place.
            mailbox?.post { $0.checkpoint = (.success(()), CheckpointEffort()) }
        }
    }

    private func noteCheckpoint(_ result: Result<Void, TablesError>, _ effort: CheckpointEffort) {
        if checkpoints != nil {
            statistics.checkpointEncodings.add(effort.encoding)
            statistics.checkpointCommits.add(effort.committing)
            statistics.checkpoints.add(effort.duration)
        }
        switch result {
        case .success:
            step(.checkpointEnded(isWritten: true))
            for waiter in snapshots.takeReady(replica.checkpointedIndex) { waiter.succeed() }
        case .failure(let error):
            logger.error("checkpoint failed", metadata: ["error": "\(error)", "took": "\(effort.duration)"])
            step(.checkpointEnded(isWritten: false))
            failSnapshots(SnapshotError(.tables, "the checkpoint failed: \(error)"))
            switch error {
            case .noSpace: step(.spaceExhausted)
            // The next one may fare better.
            case .mapFull, .tooManyReaders, .readersStayed, .readerExpired, .transactionTooLarge: break
            case .failed, .system, .damagedFile, .damagedValue, .unsupportedFormat:
                fail(.tables(error, file: data?.tables.path ?? "the checkpoint"))
            }
        }
    }

    // MARK: Mail

    /// Takes what the threads have told.
    func takeMail() {
        guard let mail = mailbox?.take() else { return }
        for (duration, effort) in mail.syncs {
            statistics.logWrites.add(effort.writing)
            statistics.logSyncs.add(effort.syncing)
            statistics.logBytes += UInt64(effort.bytes)
            guard duration >= configuration.slowSync else { continue }
            logger.warning(
                "slow fdatasync",
                metadata: ["took": "\(duration)", "expected-duration": "\(configuration.slowSync)"])
        }
        if let batch = mail.synced {
            if !heldBatches.isEmpty { submitHeld() }
            step(.synced(batch))
        }
        if let (result, effort) = mail.checkpoint { noteCheckpoint(result, effort) }
        for blocks in mail.blocks { step(.blocksLoaded(blocks)) }
        switch mail.installation {
        case .success:
            // A checkpoint that somebody waits for is in it, or will be in the next.
            step(.snapshotInstalled)
        case .failure(let error): fail(.tables(error, file: data?.tables.path ?? "the checkpoint"))
        case nil: break
        }
        if let size = mail.tablesSize { statistics.tables = size }
        if let error = mail.segmentTrouble {
            logger.error("can't prepare the log's next segment", metadata: ["error": "\(error)"])
            if error.code == .noSpace { step(.spaceExhausted) }
        }
        if let error = mail.logFailure { fail(.log(error)) }
        if mail.logClosed || mail.logFailure != nil { logEnded() }
    }

    // MARK: Work

    /// Others are served first.
    private func workSoon() {
        guard !isWorkScheduled else { return }
        isWorkScheduled = true
        workTurns.next {
            self.isWorkScheduled = false
            self.step(.work)
        }
    }
}
