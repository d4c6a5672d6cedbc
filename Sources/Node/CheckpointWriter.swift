// SPDX-License-Identifier: Apache-2.0

import CMartletPosix
import Dispatch
import MartletBasics
import MartletReplica
package import MartletStorage
import Synchronization

/// What a checkpoint took.
package struct CheckpointEffort: Sendable {
    var encoding = Duration.zero
    var committing = Duration.zero

    var duration: Duration { encoding + committing }
}

/// Writes a member's checkpoints, one at a time, on a thread of its own; and whatever else changes the file of its
/// tables, for each of that needs them to itself.
package final class CheckpointWriter: Sendable {
    private struct State {
        /// Its memory serves the next checkpoint too.
        var batch = TableBatch()
        var nextExamination = ContinuousClock.now + CheckpointWriter.examinationInterval
        /// How many batches were let go because of their size.
        var largeBatches: UInt64 = 0
        var isFinished = false
    }

    /// Beside the state, which is held while a checkpoint is written.
    private struct Rewrites {
        var isRunning = false
        var durations = MemberStatistics().rewrites
    }

    private let tables: Tables
    private let queue = DispatchQueue(label: "martlet-checkpoint")
    private let state = Mutex(State())
    private let rewrites = Mutex(Rewrites())
    private let mailbox: MemberMailbox
    /// Nobody waits for a checkpoint any more.
    private let isStopping = Atomic(false)

    /// Why a checkpoint was left where it was.
    private struct Stopped: Error {}

    package init(tables: Tables, mailbox: MemberMailbox) {
        self.tables = tables
        self.mailbox = mailbox
    }

    /// Returns at once; `Mail.checkpoint` follows.
    func write(_ checkpoint: ReplicaCheckpoint) {
        queue.async { [self] in
            let start = ContinuousClock.now
            let (result, effort) = state.withLock { state in
                var pass = Pass()
                let result = write(checkpoint, by: &state.batch, &pass)
                let effort = CheckpointEffort(
                    encoding: pass.encoding, committing: ContinuousClock.now - start - pass.encoding)
                if pass.peakBytes > Self.keptBytes {
                    state.batch = TableBatch()
                    state.largeBatches += 1
                    letGo(unlessBehind: state.largeBatches)
                }
                return (result, effort)
            }
            mailbox.post { $0.checkpoint = (result, effort) }
            guard case .success = result else { return }
            examine()
            tellSize()
        }
    }

    /// Gives memory back when some time has gone by without another large batch. It is no harm if it can't be done now.
    private func letGo(unlessBehind number: UInt64) {
        queue.asyncAfter(deadline: .now() + Self.restBeforeLettingGo) { [self] in
            guard state.withLock({ $0.largeBatches == number && !$0.isFinished }) else { return }
            try? tables.reopen()
            martlet_trim_memory()
        }
    }

    /// Returns at once; `Mail.tablesSize` follows, as it does behind every checkpoint and rewrite.
    func measure() {
        queue.async { [self] in tellSize() }
    }

    /// A size that can't be told now will be behind the next checkpoint.
    private func tellSize() {
        guard let statistics = try? tables.statistics() else { return }
        let size = TablesSize(fileBytes: statistics.fileBytes, liveBytes: statistics.liveBytes)
        mailbox.post { $0.tablesSize = size }
    }

    private struct Pass {
        var encoding = Duration.zero
        /// What was in memory at once.
        var peakBytes = 0
    }

    private func write(
        _ checkpoint: ReplicaCheckpoint, by batch: inout TableBatch, _ pass: inout Pass
    ) -> Result<Void, TablesError> {
        do {
            do {
                try writeInPieces(checkpoint, by: &batch, &pass)
            } catch TablesError.mapFull {
                try tables.growMap(toBytes: tables.statistics().mapBytes * 2)
                try writeInPieces(checkpoint, by: &batch, &pass)
            }
            return .success(())
        } catch let error as TablesError {
            return .failure(error)
        } catch {
            return .failure(.failed)
        }
    }

    /// Blocks of copied streams, however many: in transactions of their own, for LMDB holds all of one in memory. At a
    /// stop it ends behind the block in hand: the log makes the copy anew.
    private func copyBlocks(of checkpoint: ReplicaCheckpoint, by batch: inout TableBatch) throws {
        let tables = tables
        let missing = try checkpoint.encodeBlockCopies(
            into: &batch,
            read: { key in
                try tables.read(until: .now + Tables.maximumReadDuration) { reader in
                    tables.notePassed(1)
                    return try reader.value(of: key)
                }
            },
            piece: { batch in
                if isStopping.load(ordering: .relaxed) { throw Stopped() }
                guard batch.byteCount >= Self.keptBytes else { return }
                try tables.write(batch)
                batch.removeAll()
            })
        if let missing { throw TablesError.damagedValue(missing) }
        try tables.write(batch)
        batch.removeAll()
    }

    /// One transaction, however much it is.
    private func writeInPieces(
        _ checkpoint: ReplicaCheckpoint, by batch: inout TableBatch, _ pass: inout Pass
    ) throws {
        batch.removeAll()
        if checkpoint.hasBlockCopies {
            pass.peakBytes = Self.keptBytes
            try copyBlocks(of: checkpoint, by: &batch)
        }
        var begin = ContinuousClock.now
        try tables.write { writer in
            try checkpoint.encode(into: &batch, areBlocksCopied: true) { (batch) throws(TablesError) in
                guard batch.byteCount >= Self.keptBytes else { return }
                pass.peakBytes = max(pass.peakBytes, batch.byteCount)
                pass.encoding += ContinuousClock.now - begin
                try writer.apply(batch)
                batch.removeAll()
                begin = ContinuousClock.now
            }
            pass.peakBytes = max(pass.peakBytes, batch.byteCount)
            pass.encoding += ContinuousClock.now - begin
            try writer.apply(batch)
        }
    }

    /// Rewrites the file when most of it is air. That it could not be rewritten now is no fault of the checkpoint's:
    /// the next examination tries again.
    private func examine() {
        let isDue = state.withLock { state in
            guard ContinuousClock.now >= state.nextExamination else { return false }
            state.nextExamination = ContinuousClock.now + Self.examinationInterval
            return true
        }
        guard isDue, let statistics = try? tables.statistics(), statistics.wantsRewrite else { return }
        try? rewrite()
    }

    private func rewrite() throws(TablesError) {
        let start = ContinuousClock.now
        rewrites.withLock { $0.isRunning = true }
        defer { rewrites.withLock { $0.isRunning = false } }
        try tables.rewrite()
        rewrites.withLock { $0.durations.add(ContinuousClock.now - start) }
    }

    func addRewrites(to statistics: inout MemberStatistics) {
        (statistics.isRewriting, statistics.rewrites) = rewrites.withLock { ($0.isRunning, $0.durations) }
    }

    /// Rewrites the file without its free pages, however few they are; `body` is called on the writer's thread.
    package func rewrite(_ body: @escaping @Sendable (TablesError?) -> Void) {
        queue.async { [self] in
            do throws(TablesError) {
                try rewrite()
                tellSize()
                body(nil)
            } catch {
                body(error)
            }
        }
    }

    /// Puts another file in the tables' place. Returns at once; `Mail.installation` follows.
    ///
    /// In turn with the rest: though no checkpoint is under way the file may be being rewritten, or opened anew.
    package func install(_ file: String) {
        queue.async { [self] in
            let result = Result { () throws(TablesError) in try tables.become(file) }
            mailbox.post { $0.installation = result }
        }
    }

    /// Calls `body` when nothing is being written any more, on the writer's thread. Nothing is written after it. What a
    /// checkpoint under way has still to copy is left out, and so is the checkpoint.
    func finish(_ body: @escaping @Sendable () -> Void) {
        isStopping.store(true, ordering: .relaxed)
        queue.async { [self] in
            state.withLock { $0.isFinished = true }
            body()
        }
    }

    /// How often the file is looked at for whether it should be rewritten.
    private static let examinationInterval = Duration.seconds(10)
    /// A batch above this is let go: a burst must not hold its memory for good.
    private static let keptBytes = 4 << 20
    /// Some times the interval of checkpoints, so that a burst has ended.
    private static let restBeforeLettingGo = 4.0
}
