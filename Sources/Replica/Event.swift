// SPDX-License-Identifier: Apache-2.0

public import MartletBasics
public import MartletRaft

/// What happens to a member.
public enum Event: Sendable {
    /// The first event. A new cluster gets its first entry; then the member stands for election if it is the only
    /// voter.
    case start
    /// Refused at once, or answered when it is applied. Goes into the log with the next event of another kind:
    /// `turnEnded` at the latest.
    case propose(Write, waiter: WaiterID)
    /// Refused at once, or answered with all members when it is applied. One is under way at a time; some more wait.
    /// Only the leader can.
    case changeMembers(MemberRequest, waiter: WaiterID)
    /// Starts a lease's term anew; only the leader can. A leader that isn't alone first makes sure that it still leads;
    /// otherwise it is answered at once, but where the log says that part of the term has passed: then when it says so
    /// no more, lest a restart take away what the client was told. A lease that has run out is revoked, and the answer
    /// is that of the revocation. Goes out as `propose` does.
    case renewLease(LeaseID, waiter: WaiterID)
    /// Answered when the store holds everything that was acknowledged before. Goes out as `propose` does.
    case read(waiter: WaiterID)
    /// From another member, in whatever order. Goes out as `propose` does. A `snapshot` never comes this way: see
    /// `snapshotArrived`. A `proposal` may be lost but never comes twice, for it would take effect twice.
    case received(Message)
    /// What was sent to a member may be lost.
    case peerUnreachable(MemberID)
    /// A member's process has ended, as far as its machine can tell. It need not be so.
    case peerGone(MemberID)
    /// What `Effects.snapshotsToSend` asked for has ended.
    ///
    /// `upTo`: the last entry of the state that was sent whole; `nil` if it was not.
    case snapshotSent(to: MemberID, upTo: LogIndex?)
    /// A member has sent its state, and all of it is here: durable and whole beside the own tables, and read. `from`
    /// and `term` are those of the order. What becomes of it comes in `Effects.arrival`; before that, and before
    /// `snapshotInstalled` where that is due, there must not be another.
    indirect case snapshotArrived(RestoredState, from: MemberID, term: Term)
    /// The state that had arrived is in the place of the tables, durably.
    case snapshotInstalled
    /// Hands leadership over; only the leader can. `nil`: to whoever is best prepared. Answered in `Effects.transfers`
    /// when another leads, or when that has failed.
    case transferLeadership(to: MemberID?, waiter: WaiterID)
    /// The shell has handed over what it had.
    case turnEnded
    /// One tick of Raft's clock has passed.
    case tick
    /// All batches up to this one are durable.
    case synced(BatchNumber)
    /// The checkpoint that was ordered is durable, or has failed: the next one then brings what it was to bring.
    case checkpointEnded(isWritten: Bool)
    /// There is no room on the disk. The leader raises the alarm of that, once; writes that need room are refused from
    /// when it is applied until it is lifted.
    case spaceExhausted
    /// Blocks that were ordered have come.
    case blocksLoaded(LoadedBlocks)
    /// It is time for what waits in the keyspace: see `Replica.commandsDue`.
    case commandsDue
    /// Go on with what `Effects.hasWork` spoke of.
    case work
    /// Nothing happens after it. Whoever waits is told.
    case stop
}

/// A change of the members. New ids are chosen before.
public enum MemberRequest: Hashable, Sendable {
    case add(MemberID, peerURLs: [String], isLearner: Bool)
    case remove(MemberID)
    case update(MemberID, peerURLs: [String])
    case promote(MemberID)
    /// A voter goes, and a learner that has caught up votes in its place, in one step: there are never more voters, nor
    /// fewer. By way of a joint configuration.
    case replace(MemberID, by: MemberID)
}
