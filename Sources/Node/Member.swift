// SPDX-License-Identifier: Apache-2.0

package import Logging
import MartletBasics
import MartletKeyValue
import MartletKeyspace
package import MartletRaft
package import MartletReplica
import MartletStorage
import MartletWALCodec
package import NIOCore

/// Runs a `Replica`: gives it time, hands its batches to the log, writes its checkpoints, and brings back the answers.
///
///     propose, read ─> replica ── batch ──> log's thread ── synced ──┐
///          ^              │                                          v
///          └── answers ───┴── checkpoint ─> writer's thread ──> mailbox ─> replica
///
/// What arrives within one turn of the loop goes into the log as one batch. Confined to its event loop.
package final class Member {
    package typealias WriteAnswer = (Result<WriteResponse, ReplicaError>) -> Void
    /// Without an error: read now, within this call.
    package typealias ReadAnswer = (ReplicaError?) -> Void

    package let eventLoop: any EventLoop
    /// For all work on the loop that comes in many pieces.
    package let workTurns: WorkTurns
    package let configuration: MemberConfiguration
    /// Others see parts of it, by name: to hand it out whole would be to copy it.
    var replica: Replica
    /// As of the last step.
    package internal(set) var status: ReplicaStatus
    var statistics = MemberStatistics()
    var compaction: CompactionProgress
    var knownLeader: MemberID?
    /// When the log was last told that the machine's clock is wrong.
    var clockWarned: NIODeadline?
    /// Called when the store has deliveries for watches, or watches that catch up.
    package var onWatchWork: () -> Void = {}
    /// Called with what applied records do to the tokens that members hand out, before the answers to them.
    package var onTokenChange: (Effects.TokenChange) -> Void = { _ in }
    /// Called with messages to other members; each may be lost.
    package var onMessages: ([Message]) -> Void = { _ in }
    /// Called with what is published here, for those who listen at other members; each may be lost.
    package var onPublish: (ChannelMessage) -> Void = { _ in }
    /// Of those, how many didn't get there, or may not have.
    package var messageLosses = MessageLosses()
    /// Called when somebody has joined, left or moved.
    package var onMembersChange: () -> Void = {}
    /// Called when a member lags so far behind that it needs all of the state; `stateSent` is due in any case.
    package var onStateWanted: (Effects.SnapshotOrder) -> Void = { _ in }
    /// Called once, when the member can't go on: its process must end.
    package var onFailure: (MemberFailure) -> Void = { _ in }

    /// Those who ask the keyspace; nobody before it is set.
    package weak var commandClients: (any CommandClients)?
    var knownAccess = AccessControl.Version()
    /// Has a password checked against a hash of the auth service's, `nil`: nobody's, beside the loop; the answer comes
    /// on it. False: too many wait, and no answer comes.
    package var checkPassword: (_ password: [UInt8], _ hash: [UInt8]?, _ answer: @escaping (Bool) -> Void) -> Bool = {
        _, _, _ in false
    }
    /// Of what was denied to whom.
    package let audit: AuditLog
    var commandTimer: (scheduled: Scheduled<Void>, at: Duration)?

    let data: OpenedData?
    let logger: Logger
    let startTime: NIODeadline
    let readiness: EventLoopPromise<Void>
    let ending: EventLoopPromise<Void>
    var mailbox: MemberMailbox?
    var log: (any MemberLog)?
    var checkpoints: CheckpointWriter?
    var blockReader: BlockReader?
    var snapshots = MemberSnapshots()
    var ticker: LoopTimer?
    var phase = Phase.created

    var effects = Effects()
    /// What is being carried out; empty between steps.
    var carried = Effects()
    var isStepping = false
    /// What happened while a bundle was carried out; a few at most, one for each connection that broke under it.
    var waitingEvents: [Event] = []
    /// Batches that the log had no room for, oldest first. Bounded by `ReplicaLimits.pendingBytesMax`: nothing above
    /// that is proposed.
    var heldBatches: [(number: BatchNumber, batch: LogBatch)] = []
    var writers = WaiterSlots<Writer>()
    var readers = WaiterSlots<Reader>()
    var isTurnUnderway = false
    var isWorkScheduled = false
    var arrivals = ArrivalPlace()
    /// The time of this turn, once it was asked.
    var turnMoment: Moment?
    /// Whether each step has to know the present.
    let readsByLease: Bool

    /// Closures behind a name of their own: as generic arguments they would be wrapped once more.
    struct Writer { let answer: WriteAnswer }
    struct Reader { let answer: ReadAnswer }

    enum Phase {
        case created, running, stopping, ended
    }

    /// - Parameter data: what the member is; nil for one that keeps everything in memory and begins anew.
    package init(
        _ replica: Replica, data: OpenedData?, configuration: MemberConfiguration, logger: Logger,
        eventLoop: any EventLoop
    ) {
        eventLoop.preconditionInEventLoop()
        self.replica = replica
        status = replica.status
        compaction = CompactionProgress(revision: replica.store.compactRevision)
        self.data = data
        self.configuration = configuration
        readsByLease = replica.configuration.raft.lease != nil
        self.logger = logger
        self.eventLoop = eventLoop
        workTurns = WorkTurns(on: eventLoop)
        audit = AuditLog(logger: logger, eventLoop: eventLoop)
        startTime = eventLoop.now
        readiness = eventLoop.makePromise()
        ending = eventLoop.makePromise()
    }

    /// A new member that keeps everything in memory.
    package convenience init(
        inMemory replica: ReplicaConfiguration, configuration: MemberConfiguration, logger: Logger,
        eventLoop: any EventLoop
    ) {
        let start = Moment(monotonic: .zero, wallMilliseconds: Self.wallMilliseconds())
        // What leaves memory would be nowhere.
        var replica = replica
        replica.streamMemoryBytes = nil
        let value: Replica
        do throws(ReplicaFailure) {
            value = try Replica(replica, restoring: .empty(replica), log: WALRecovery(), at: start)
        } catch {
            preconditionFailure("a member begun anew has nothing that could contradict: \(error)")
        }
        self.init(value, data: nil, configuration: configuration, logger: logger, eventLoop: eventLoop)
    }
}
