// SPDX-License-Identifier: Apache-2.0

/// What happens to a member.
package enum Event: Sendable {
    /// The first event. A new cluster gets its first entry; then the member stands for election if it is the only
    /// voter.
    case start
    /// Refused at once, or answered when it is applied. Goes into the log with the next event of another kind:
    /// `turnEnded` at the latest.
    case propose(Write, waiter: WaiterID)
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
    /// Go on with what `Effects.hasWork` spoke of.
    case work
    /// Nothing happens after it. Whoever waits is told.
    case stop
}
