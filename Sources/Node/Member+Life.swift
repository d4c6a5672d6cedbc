// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Logging
import MartletRaft
import MartletReplica
import MartletStorage
package import NIOCore

extension Member {
    /// Starts log, clock and replica.
    ///
    /// `ready` follows.
    package func start() throws(MemberFailure) {
        guard case .created = phase else { preconditionFailure("a member starts once") }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let mailbox = MemberMailbox(eventLoop: eventLoop) { bound.value.takeMail() }
        self.mailbox = mailbox
        if let data {
            do throws(StorageError) {
                log = try DiskLog(data, mailbox: mailbox)
            } catch {
                throw .log(error)
            }
            data.onSegmentTrouble { error in mailbox.post { $0.segmentTrouble = error } }
            let checkpoints = CheckpointWriter(tables: data.tables, mailbox: mailbox)
            checkpoints.measure()
            self.checkpoints = checkpoints
            blockReader = BlockReader(tables: data.tables, mailbox: mailbox)
        } else {
            log = MemoryLog(mailbox: mailbox)
        }
        phase = .running
        let tick = TimeAmount(configuration.tick)
        ticker = LoopTimer(period: tick, on: eventLoop) { [unowned self] in step(.tick) }
        step(.start)
        endIfRemoved()
    }

    /// A replica ends by its removal when it applies it. One whose checkpoint holds it applies it no more, and nobody
    /// sends it the log: where those who would tell it aren't reached, it would wait without end.
    private func endIfRemoved() {
        guard isRemoved else { return }
        // As long as from the removal itself: others may need this one to hear of it.
        let rest =
            replica.cluster.configuration.voters.count == 1
            ? Self.farewellDuration : configuration.tick * replica.configuration.raft.electionTicks
        eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(rest)) { [weak self] in
            guard let self, isRemoved else { return }
            leave()
        }
    }

    private var isRemoved: Bool {
        let id = replica.configuration.member
        return replica.cluster.member(id) == nil && replica.cluster.removed.contains(id)
    }

    /// A single voter that is left may not know that it is, and counts this member until it has heard; then its answer
    /// ends this one.
    private static let farewellDuration = Duration.seconds(600)

    /// Succeeds when the member can serve: when all that it had acknowledged in earlier lives is applied.
    package var ready: EventLoopFuture<Void> { readiness.futureResult }

    /// Ends the member: whoever waits is told, what was handed to the log is written.
    ///
    /// - Returns: succeeds when its folder is free for another.
    package func stop() -> EventLoopFuture<Void> {
        switch phase {
        case .created:
            phase = .ended
            data?.close()
            readiness.fail(MemberFailure.unexpected("the member was not started"))
            ending.succeed()
        case .running:
            // No matter to one that is ready.
            readiness.fail(MemberFailure.unexpected("the member was stopped before it was ready"))
            end()
        case .stopping, .ended: break
        }
        return ending.futureResult
    }

    private func end() {
        phase = .stopping
        ticker?.cancel()
        commandTimer?.scheduled.cancel()
        commandTimer = nil
        step(.stop)
        stopSnapshots()
        stopArrival()
        // What had no room is not acknowledged, and never will be.
        heldBatches = []
        log?.close()
    }

    func fail(_ failure: MemberFailure) {
        guard case .running = phase else { return }
        logger.critical("the member can't go on", metadata: ["error": "\(failure)"])
        end()
        readiness.fail(failure)
        onFailure(failure)
    }

    /// The log's thread has ended. The checkpoint's may be at work for some seconds yet: the loop doesn't wait for it.
    func logEnded() {
        guard phase != .ended else { return }
        phase = .ended
        log = nil
        let (data, checkpoints, ending) = (data, checkpoints, ending)
        guard let data, let checkpoints else { return ending.succeed() }
        let (snapshots, dumps, blockReader) = (snapshots.queue, snapshots.dumps, blockReader)
        let close: @Sendable () -> Void = {
            data.close()
            ending.succeed()
        }
        checkpoints.finish {
            snapshots.async {
                dumps.notify(queue: snapshots) {
                    if let blockReader { blockReader.finish(close) } else { close() }
                }
            }
        }
        self.checkpoints = nil
        self.blockReader = nil
        mailbox = nil
    }
}
