// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
package import MartletRaft

/// What happens to a member.
package enum Event: Sendable {
    /// The first event. A new cluster gets its first entry; then the member stands for election if it is the only
    /// voter.
    case start
    /// Refused at once, or answered when it is applied. Goes into the log with the next event of another kind:
    /// `turnEnded` at the latest.
    case propose(Write, waiter: WaiterID)
    /// Refused at once, or answered with all members when it is applied. One is under way at a time; some more wait.
    case changeMembers(MemberRequest, waiter: WaiterID)
    /// Starts a lease's term anew; only the leader can. Answered at once, but where the log says that part of the term
    /// has passed: then when it says so no more, lest a restart take away what the client was told. A lease that has
    /// run out is revoked, and the answer is that of the revocation. Goes out as
    /// `propose` does.
    case renewLease(LeaseID, waiter: WaiterID)
    /// Answered when the store holds everything that was acknowledged before. Goes out as `propose` does.
    case read(waiter: WaiterID)
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
    /// It is time for what waits in the keyspace: see `Replica.commandsDue`.
    case commandsDue
    /// Go on with what `Effects.hasWork` spoke of.
    case work
    /// Nothing happens after it. Whoever waits is told.
    case stop
}

/// A change of the members. New ids are chosen before.
package enum MemberRequest: Hashable, Sendable {
    case add(MemberID, peerURLs: [String], isLearner: Bool)
    case remove(MemberID)
    case update(MemberID, peerURLs: [String])
    case promote(MemberID)
}
