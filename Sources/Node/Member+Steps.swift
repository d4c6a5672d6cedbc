// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletBasics
import MartletRaft
import MartletReplica
import MartletStorage
import MartletWALCodec
import NIOCore

extension Member {
    /// Tells the replica what happened, and carries out what it wants.
    func step(_ event: Event) {
        replica.step(event, at: now, into: &effects)
        status = replica.status
        // What is carried out may propose anew: that goes into the other bundle, and out with a later turn.
        swap(&effects, &carried)
        submitBatch()
        for change in carried.tokens { onTokenChange(change) }
        for reply in carried.replies { writers.remove(reply.waiter).answer(reply.result) }
        for read in carried.reads { readers.remove(read.waiter).answer(read.error) }
        if carried.hasWatchWork { onWatchWork() }
        if let role = carried.role { logger.info("raft role", metadata: ["role": "\(role.role)"]) }
        if let index = carried.releaseBelow { log?.release(below: index) }
        if let checkpoint = carried.checkpoint { write(checkpoint) }
        if carried.isReady { readiness.succeed() }
        if carried.hasWork { workSoon() }
        let failure = carried.failure
        carried.removeAll()
        if let failure { fail(.replica(failure)) }
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
            mailbox?.post { $0.checkpoint = (.success(()), .zero) }
        }
    }

    private func noteCheckpoint(_ result: Result<Void, TablesError>, _ duration: Duration) {
        statistics.checkpoints.add(duration)
        switch result {
        case .success:
            step(.checkpointEnded(isWritten: true))
            for waiter in snapshots.takeReady(replica.checkpointedIndex) { waiter.succeed() }
        case .failure(let error):
            logger.error("checkpoint failed", metadata: ["error": "\(error)", "took": "\(duration)"])
            step(.checkpointEnded(isWritten: false))
            failSnapshots(SnapshotError(.tables, "the checkpoint failed: \(error)"))
            switch error {
            case .noSpace: step(.spaceExhausted)
            // The next one may fare better.
            case .mapFull, .tooManyReaders, .readersStayed, .readerExpired, .transactionTooLarge: break
            case .failed, .system, .damagedFile, .damagedValue, .unsupportedFormat: fail(.tables(error))
            }
        }
    }

    // MARK: Mail

    /// Takes what the threads have told.
    func takeMail() {
        guard let mail = mailbox?.take() else { return }
        for duration in mail.syncDurations {
            statistics.syncs.add(duration)
            guard duration >= configuration.slowSync else { continue }
            logger.warning(
                "slow fdatasync",
                metadata: ["took": "\(duration)", "expected-duration": "\(configuration.slowSync)"])
        }
        if let batch = mail.synced {
            if !heldBatches.isEmpty { submitHeld() }
            step(.synced(batch))
        }
        if let (result, duration) = mail.checkpoint { noteCheckpoint(result, duration) }
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
        eventLoop.assumeIsolated().execute {
            self.isWorkScheduled = false
            self.step(.work)
        }
    }
}
