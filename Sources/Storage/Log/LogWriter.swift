// SPDX-License-Identifier: Apache-2.0

import CMartletPosix
import Dispatch
package import MartletBasics
package import MartletWALCodec
import Synchronization

/// Runs a log's appender on a thread of its own, with group commit: while one write and its sync are under way,
/// everything that is submitted joins the next.
///
/// What it reports is a fact about the disk: a batch is reported as synced after its sync has returned, never before.
/// The first error ends the log for good; it is reported once, and nothing submitted since the last report may be
/// taken for written or for lost.
package final class LogWriter: Sendable {
    /// How far the log is on disk.
    package struct Progress: Hashable, Sendable {
        /// The newest batch on disk, by the number that `submit` gave; all before it are on disk too.
        package var batch: UInt64
        /// The newest entry on disk; nil if none was written since the log was opened.
        package var lastEntry: LogPosition?
        /// Bytes of records that this write took.
        package var bytes: Int
        /// The time of write and sync, and what else the batch took.
        package var duration: Duration
        /// What of it went to the disk.
        package var effort: LogEffort
    }

    package enum Event: Sendable {
        case synced(Progress)
        /// Nothing more is written, and nothing comes after it.
        case failed(StorageError)
        /// All that was submitted is on disk, and the folder is free. Nothing comes after it.
        case closed
    }

    package enum Submission: Hashable, Sendable {
        /// The batch was taken and is empty now.
        case accepted(batch: UInt64)
        /// Too much waits for the disk: the batch was not taken. There is room at the next `synced` or later.
        case full
        /// The log has failed or is being closed: the batch was not taken.
        case stopped
    }

    private struct State {
        var pending = LogBatch()
        /// Number of the last batch taken.
        var batch: UInt64 = 0
        /// Bytes being written now.
        var writingBytes = 0
        var releaseBelow: LogIndex?
        /// A batch was refused: what waits is to be written now.
        var wantsRoom = false
        var isSleeping = false
        var isClosing = false
        var hasEnded = false
    }

    private let state: Mutex<State>
    private let wake = DispatchSemaphore(value: 0)
    /// Counts what the thread may wait for. It looks at it without the lock while it lingers.
    private let submissions = Atomic<UInt64>(0)
    private let configuration: LogConfiguration
    /// Called on the writer's thread: must hand over and return.
    private let onEvent: @Sendable (Event) -> Void

    package init(
        _ appender: consuming LogAppender, configuration: LogConfiguration,
        onEvent: @escaping @Sendable (Event) -> Void
    ) throws(StorageError) {
        self.configuration = configuration
        self.onEvent = onEvent
        state = Mutex(State())
        let slot = Slot(appender)
        try WorkerThread.start("martlet-log") {
            guard var appender = slot.take() else { return }
            self.run(&appender)
        }
    }

    /// Hands a batch over and returns at once; the caller gets back an empty batch with memory in it. `onEvent` tells
    /// when it is on disk. Batches are written in the order of their submission.
    ///
    /// - Complexity: O(1) if nothing waits; else a copy of the batch's bytes.
    package func submit(_ batch: inout LogBatch) -> Submission {
        let (result, mustWake) = state.withLock { state -> (Submission, Bool) in
            if state.isClosing || state.hasEnded { return (.stopped, false) }
            let waiting = state.pending.byteCount + state.writingBytes
            // A batch above the limit is taken when nothing waits, else it never could be.
            if waiting > 0, waiting + batch.byteCount > configuration.queueBytesMax {
                // Room comes from what waits being written, also where that needs no sync of its own.
                state.wantsRoom = true
                return (.full, wakes(&state))
            }
            if state.pending.isEmpty {
                swap(&state.pending, &batch)
            } else {
                state.pending.append(contentsOf: batch)
            }
            state.batch += 1
            return (.accepted(batch: state.batch), wakes(&state))
        }
        if case .accepted = result { batch.removeAll() }
        submissions.wrappingAdd(1, ordering: .releasing)
        if mustWake { wake.signal() }
        return result
    }

    /// Lets go of the segments with entries only before `index`, which a checkpoint must cover.
    package func release(below index: LogIndex) {
        let mustWake = state.withLock { state in
            state.releaseBelow = max(state.releaseBelow ?? index, index)
            return wakes(&state)
        }
        if mustWake { wake.signal() }
    }

    /// Writes what was submitted and ends. Returns at once; `closed` or `failed` follows, unless it has come already.
    package func close() {
        let mustWake = state.withLock { state in
            state.isClosing = true
            return wakes(&state)
        }
        if mustWake { wake.signal() }
    }

    /// Whether the sleeping thread has work now; it is then to be woken.
    private func wakes(_ state: inout State) -> Bool {
        guard state.isSleeping, hasWork(state) else { return false }
        state.isSleeping = false
        return true
    }

    private func hasWork(_ state: borrowing State) -> Bool {
        state.pending.needsSync || state.isClosing || state.releaseBelow != nil
            || state.pending.byteCount >= configuration.unsyncedBytesMax || state.wantsRoom && !state.pending.isEmpty
    }
}

extension LogWriter {
    /// Carries the appender to the thread.
    private final class Slot: Sendable {
        private let appender: Mutex<LogAppender?>

        init(_ appender: consuming LogAppender) {
            self.appender = Mutex(consume appender)
        }

        func take() -> LogAppender? {
            appender.withLock { $0.take() }
        }
    }

    private struct Work {
        var batch: UInt64
        var releaseBelow: LogIndex?
        var isClosing: Bool
    }

    private func run(_ appender: inout LogAppender) {
        var batch = LogBatch()
        var lastEntry: LogPosition?
        var lingers = false
        do throws(StorageError) {
            while true {
                let idle = ContinuousClock.now
                let work = takeWork(&batch, lingers: lingers)
                lingers = batch.byteCount <= Self.lingerBytesMax && ContinuousClock.now - idle < Self.lingerMax
                if !batch.isEmpty {
                    let start = ContinuousClock.now
                    let bytes = batch.byteCount
                    try appender.append(batch)
                    lastEntry = batch.lastEntry ?? lastEntry
                    let duration = ContinuousClock.now - start
                    state.withLock { $0.writingBytes = 0 }
                    batch.removeAll()
                    onEvent(
                        .synced(
                            Progress(
                                batch: work.batch, lastEntry: lastEntry, bytes: bytes, duration: duration,
                                effort: appender.takeEffort())))
                }
                if let index = work.releaseBelow { try appender.release(below: index) }
                if work.isClosing { break }
            }
            try appender.close()
            state.withLock { $0.hasEnded = true }
            onEvent(.closed)
        } catch {
            state.withLock { state in
                state.hasEnded = true
                state.pending = LogBatch()
            }
            // The folder is let go; the error that counts is the first.
            try? appender.close()
            onEvent(.failed(error))
        }
    }

    /// Blocks until there is something to do, and exchanges the empty batch for what waits.
    ///
    /// - Parameter lingers: whether to look for work for a while before sleeping.
    private func takeWork(_ batch: inout LogBatch, lingers: Bool) -> Work {
        var mayLinger = lingers
        while true {
            let seen = submissions.load(ordering: .acquiring)
            let work = state.withLock { state -> Work? in
                guard hasWork(state) else {
                    state.isSleeping = !mayLinger
                    return nil
                }
                swap(&state.pending, &batch)
                state.writingBytes = batch.byteCount
                defer {
                    state.releaseBelow = nil
                    state.wantsRoom = false
                }
                return Work(batch: state.batch, releaseBelow: state.releaseBelow, isClosing: state.isClosing)
            }
            if let work { return work }
            if mayLinger {
                mayLinger = false
                linger(behind: seen)
            } else {
                wake.wait()
            }
        }
    }

    /// Waits, awake, until something is submitted.
    private func linger(behind seen: UInt64) {
        let end = ContinuousClock.now + Self.lingerMax
        repeat {
            for _ in 0..<Self.pausesPerLook { martlet_pause() }
            if submissions.load(ordering: .relaxed) != seen { return }
        } while ContinuousClock.now < end
    }

    /// A client that writes one thing after the other comes back in so much time, which is what waking a thread takes,
    /// too. Only where work has come so soon does the thread stay awake for it.
    private static let lingerMax = Duration.microseconds(150)
    /// A record of one client's write of up to 256 bytes is below it. More comes of several clients, whose threads have
    /// better use for the processor; to wake this thread is little beside their work.
    private static let lingerBytesMax = 400
    private static let pausesPerLook = 16
}
