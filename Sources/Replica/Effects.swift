// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
public import MartletBasics
public import MartletKeyValue
public import MartletKeyspace
public import MartletRaft
public import MartletWALCodec

/// What a `Replica` wants done after a step.
///
/// Keep one value: carry it out after each event but `propose`, `changeMembers`, `renewLease`, `read` and `received`,
/// then `removeAll`; the arrays keep their memory. The order in which the parts are carried out is free, but for
/// `tokens`.
/// Nothing in here may be said before something else is durable: what had to wait has waited in the replica.
public struct Effects: Sendable {
    public struct Reply: Sendable {
        public var waiter: WaiterID
        public var result: Result<WriteResponse, ReplicaError>
    }

    public struct ReadReply: Sendable {
        public var waiter: WaiterID
        /// `nil`: read now, within this turn.
        public var error: ReplicaError?
    }

    /// A member lags behind the start of the log.
    public struct SnapshotOrder: Hashable, Sendable {
        public var to: MemberID
        /// The receiver's `Event.snapshotArrived` names it.
        public var term: Term
    }

    /// What becomes of a state that has arrived.
    public enum Arrival: Hashable, Sendable {
        /// It is to take the place of the tables, durably and as a whole; then `Event.snapshotInstalled` is due. That
        /// it will is in the log already: a member that finds a snapshot record behind its tables in its log, and such
        /// a state, ends before and has to finish this first. No checkpoint is under way, and none comes before.
        case install(AppliedPosition)
        /// It is late, and can be deleted.
        case discard
    }

    /// What applied records did to the tokens that members hand out. Comes also while the log is read again, so that
    /// tokens outlive a restart as long as their records are read.
    public enum TokenChange: Hashable, Sendable {
        case apply(AuthOutcome.TokenEffect)
        /// A token is due; see `AuthResponse.authenticated`. `index` is that of its record.
        case assign(name: AuthName, revision: UInt64, simpleToken: String, index: LogIndex)
    }

    /// To be handed to the log as batch `batchNumber`; nothing if empty. `Event.synced` is due if it needs a sync. If
    /// the log has no room the shell keeps it, unmixed with later ones, and tries again.
    public var batch = LogBatch()
    public var batchNumber: BatchNumber?
    /// To other members, each in the order given. They may be sent at once, late, twice or not at all.
    public var messages: [Message] = []
    /// Each member is to get the state of a checkpoint, any one that was written by now or will be;
    /// `Event.snapshotSent` is due in any case. An order for a member to whom a state is on its way can be passed over:
    /// only another term of this leader's brings one.
    public var snapshotsToSend: [SnapshotOrder] = []
    public var arrival: Arrival?
    public var transfers: [ReadReply] = []
    /// Due before `replies`: a reply to a login needs its token.
    public var tokens: [TokenChange] = []
    public var replies: [Reply] = []
    public var reads: [ReadReply] = []
    /// To Redis's clients, in their order.
    public var commandReplies: [CommandReply] = []
    /// What subscribers of keyspace events are to be told, behind `commandReplies`.
    public var keyEvents: [KeyEvent] = []
    /// The store has deliveries for watches, or watches that catch up.
    public var hasWatchWork = false
    /// To be written on a thread of its own; `Event.checkpointEnded` is due. One at a time.
    public var checkpoint: ReplicaCheckpoint?
    /// Blocks of streams to be read from the tables, on a thread of its own; `Event.blocksLoaded` is due for each
    /// order, in whatever sequence. The tables hold them as of the last checkpoint that has ended, or a later one.
    public var blockOrders: [BlockOrder] = []
    /// Entries before this one are in a checkpoint: the log may let go of segments with none but these.
    public var releaseBelow: LogIndex?
    /// Set if it changed.
    public var role: SoftState?
    /// The member has published itself, and so has applied all that it had acknowledged: it can serve.
    public var isReady = false
    /// By how many milliseconds the machine's clock is ahead of what its stamps may say, or behind that if negative;
    /// again and again from the second look on, as long as it is so. Who looks after the machine is to be told, now and
    /// then.
    public var clockError: Int64?
    /// Somebody has joined, left or moved.
    public var hasNewMembers = false
    /// `Event.work` is due when others have been served.
    public var hasWork = false
    /// The member must end. Nothing happens after it.
    public var failure: ReplicaFailure?

    public init() {}

    public mutating func removeAll() {
        batch.removeAll()
        batchNumber = nil
        messages.removeAll(keepingCapacity: true)
        snapshotsToSend.removeAll(keepingCapacity: true)
        arrival = nil
        transfers.removeAll(keepingCapacity: true)
        tokens.removeAll(keepingCapacity: true)
        replies.removeAll(keepingCapacity: true)
        reads.removeAll(keepingCapacity: true)
        commandReplies.removeAll(keepingCapacity: true)
        keyEvents.removeAll(keepingCapacity: true)
        hasWatchWork = false
        checkpoint = nil
        blockOrders.removeAll(keepingCapacity: true)
        releaseBelow = nil
        role = nil
        isReady = false
        clockError = nil
        hasNewMembers = false
        hasWork = false
        failure = nil
    }
}
