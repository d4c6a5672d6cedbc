// SPDX-License-Identifier: Apache-2.0

import DequeModule
package import NIOCore
import Synchronization

/// Runs the jobs of call handlers on one event loop, in batches.
///
/// From the loop itself a job is appended to a ring without a lock; from elsewhere it waits behind a lock, and the
/// first of a batch wakes the loop. A drain runs up to ``jobsPerDrain`` jobs and then flushes every connection that
/// they wrote to, so that one socket write carries many replies.
package final class LoopExecutor: Sendable {
    /// Jobs that run before connections are flushed and the loop may read sockets again.
    static let jobsPerDrain = 512

    struct Entry {
        let job: UnownedJob
        let executor: EndpointExecutor
    }

    /// What other threads left for the loop.
    struct Mail {
        var jobs: [Entry] = []
        var operations: [@Sendable () -> Void] = []
        var isScheduled = false
        /// The loop runs nothing any more: jobs go to the global executor, so that whoever awaits them still wakes.
        var isStopped = false
    }

    struct Ring {
        var jobs: Deque<Entry> = []
        var dirty: [any FlushTarget] = []
        /// The loop is inside a turn that ends with a drain: nothing needs to be scheduled.
        var isInTurn = false
        var isDraining = false
        var isScheduled = false
    }

    package let eventLoop: any EventLoop
    private let mail = Mutex(Mail())
    // nonisolated(unsafe): touched only on `eventLoop`; every entry point checks or is called by the loop.
    nonisolated(unsafe) private var ring = Ring()
    /// Told of a handler that kept the loop from other work for longer than ``HoldWatch/limit``.
    let holdWatch: HoldWatch

    init(eventLoop: any EventLoop, holdWatch: HoldWatch) {
        self.eventLoop = eventLoop
        self.holdWatch = holdWatch
    }

    package var isOnLoop: Bool { self.eventLoop.inEventLoop }

    // MARK: From anywhere

    func enqueue(_ job: UnownedJob, for executor: EndpointExecutor) {
        let entry = Entry(job: job, executor: executor)
        if self.eventLoop.inEventLoop {
            self.ring.jobs.append(entry)
            self.scheduleIfNeeded()
            return
        }
        let (mustWake, isStopped) = self.mail.withLock { mail in
            if mail.isStopped { return (false, true) }
            mail.jobs.append(entry)
            defer { mail.isScheduled = true }
            return (!mail.isScheduled, false)
        }
        if isStopped { globalConcurrentExecutor.enqueue(job) }
        if mustWake { self.eventLoop.execute { self.runTurn {} } }
    }

    /// Runs `operation` on the loop: at once when called there, else with the next batch.
    ///
    /// Once the group has shut down it is dropped: its connections are gone, and have told whoever waited.
    package func perform(_ operation: @escaping @Sendable () -> Void) {
        if self.eventLoop.inEventLoop { return operation() }
        let (mustWake, isStopped) = self.mail.withLock { mail in
            if mail.isStopped { return (false, true) }
            mail.operations.append(operation)
            defer { mail.isScheduled = true }
            return (!mail.isScheduled, false)
        }
        if isStopped { self.eventLoop.execute(operation) }
        if mustWake { self.eventLoop.execute { self.runTurn {} } }
    }

    /// To be called before the loop's group shuts down: what waits now and comes later goes to the global executor.
    func stop() {
        let mail = self.mail.withLock { mail in
            defer {
                mail.jobs = []
                mail.operations = []
                mail.isStopped = true
            }
            return mail
        }
        for entry in mail.jobs { globalConcurrentExecutor.enqueue(entry.job) }
        for operation in mail.operations { self.eventLoop.execute(operation) }
    }

    // MARK: On the loop

    /// Marks a connection as having something to send; it is flushed at the end of the turn.
    func markDirty(_ target: any FlushTarget) {
        self.ring.dirty.append(target)
        self.scheduleIfNeeded()
    }

    /// Does `work`, then runs what became ready and flushes what was written.
    package func runTurn(_ work: () -> Void) {
        self.beginTurn()
        work()
        self.endTurn()
    }

    /// Jobs enqueued from here to ``endTurn()`` need no wake-up.
    func beginTurn() {
        self.ring.isInTurn = true
    }

    func endTurn() {
        self.takeMail()
        self.drain()
        self.ring.isInTurn = false
        if !self.ring.jobs.isEmpty || !self.ring.dirty.isEmpty { self.scheduleIfNeeded() }
    }

    /// Ends a turn whose connection closed before its reads were complete: what waits runs in a turn of its own.
    func abandonTurn() {
        self.ring.isInTurn = false
        if !self.ring.jobs.isEmpty || !self.ring.dirty.isEmpty { self.scheduleIfNeeded() }
    }

    private func scheduleIfNeeded() {
        guard !self.ring.isInTurn, !self.ring.isScheduled else { return }
        self.ring.isScheduled = true
        self.eventLoop.execute {
            self.ring.isScheduled = false
            self.runTurn {}
        }
    }

    private func takeMail() {
        let mail = self.mail.withLock { mail in
            defer {
                mail.jobs = []
                mail.operations = []
                mail.isScheduled = false
            }
            return mail
        }
        self.ring.jobs.append(contentsOf: mail.jobs)
        for operation in mail.operations { operation() }
    }

    private func drain() {
        guard !self.ring.isDraining else { return }
        self.ring.isDraining = true
        var remaining = Self.jobsPerDrain
        if !self.ring.jobs.isEmpty {
            var before = CoarseClock.now()
            while remaining > 0, let entry = self.ring.jobs.popFirst() {
                remaining -= 1
                entry.job.runSynchronously(on: entry.executor.asUnownedTaskExecutor())
                let after = CoarseClock.now()
                self.holdWatch.check(entry.executor, held: after - before)
                before = after
            }
        }
        self.flushDirty()
        self.ring.isDraining = false
    }

    private func flushDirty() {
        // One pass: who has more to write marks itself again and gets the next turn, after the loop's other work.
        let targets = self.ring.dirty
        self.ring.dirty = []
        for target in targets { target.flushTurn() }
    }
}

/// Something that collects output during a turn and writes it at the turn's end.
protocol FlushTarget: AnyObject {
    /// Called on the loop, once for each mark.
    func flushTurn()
}

/// The executor of one endpoint's handlers on one loop.
///
/// It only labels jobs for its loop, so that a handler which holds the loop can be named.
package final class EndpointExecutor: TaskExecutor {
    package let name: String
    let loop: LoopExecutor

    init(name: String, loop: LoopExecutor) {
        self.name = name
        self.loop = loop
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        self.loop.enqueue(UnownedJob(job), for: self)
    }
}
