// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
public import MartletBasics
public import MartletKeyValue
public import MartletKeyspace
public import MartletRaft

/// Why a request has no answer of its own.
public enum ReplicaError: Error, Hashable, Sendable {
    /// The store refuses it; nothing has changed.
    case refused(KeyValueError)
    /// Streams refuse it; nothing has changed.
    case refusedStreams(StreamRefusal)
    /// The user may not do this, or what it asks of users and roles can't be done; nothing has changed.
    case unauthorized(AuthError)
    /// The quota or the disk is used up, or somebody raised the alarm that says so. Nothing has changed.
    case noSpace
    /// Somebody raised the alarm that members differ in what they hold: no key or lease is touched.
    case corrupt
    /// The members stay as they are.
    case membership(MembershipError)
    /// Not proposed.
    case noLeader
    /// Nothing has changed: only the leader can do it, which is this one if any is known.
    case notLeader(MemberID?)
    /// A member that can't lead was to.
    case badTransferee
    /// No outcome came in time. See `TimeoutCause` for whether it may still.
    case timedOut(TimeoutCause)
    /// A write that another leader's entry replaced, or a read whose leader has stepped down. Nothing has changed.
    case leaderChanged
    /// Whether it takes effect is not known: the member ends.
    case stopped
    /// Not proposed: too much waits. See `ReplicaLimits`.
    case tooManyRequests
    /// Not proposed: a member of an earlier version is in the cluster, which could not read it.
    case notCapable
    /// Not proposed: above `ReplicaLimits.requestBytesMax`.
    case requestTooLarge
}

/// What may be behind it when time runs out.
public enum TimeoutCause: Error, Hashable, Sendable, CaseIterable {
    /// There was no leader to propose it to: it never takes effect.
    case notProposed
    /// The leader changed meanwhile. Whether it takes effect is not known, as in the cases below.
    case leaderFailed
    case connectionLost
    case unknown
    /// Leadership was not handed over.
    case transfer
}

/// Why a member can't go on: what is in its log can't be applied.
public enum ReplicaFailure: Error, Hashable, Sendable {
    case unreadableEntry(LogIndex, RecordError)
    /// The log does not go on where the checkpoint ends.
    case gap(checkpoint: LogIndex, log: LogIndex)
    /// A block of a stream that an entry needs can't be read, or isn't the one that was written.
    case damagedBlock(TableKey)
    /// The other members have removed this one.
    case removed
}
