// SPDX-License-Identifier: Apache-2.0

package import MartletBasics
package import MartletKeyValue

/// Why a request has no answer of its own.
package enum ReplicaError: Error, Hashable, Sendable {
    /// The store refuses it; nothing has changed.
    case refused(KeyValueError)
    /// Not proposed.
    case noLeader
    /// A write that another leader's entry replaced, or a read whose leader has stepped down. Nothing has changed.
    case leaderChanged
    /// Whether it takes effect is not known: the member ends.
    case stopped
    /// Not proposed: too much waits. See `ReplicaLimits`.
    case tooManyRequests
    /// Not proposed: above `ReplicaLimits.requestBytesMax`.
    case requestTooLarge
}

/// Why a member can't go on: what is in its log can't be applied.
package enum ReplicaFailure: Error, Hashable, Sendable {
    case unreadableEntry(LogIndex, RecordError)
    /// An entry of a kind that this version doesn't know.
    case unsupportedEntry(LogIndex)
    /// The log does not go on where the checkpoint ends.
    case gap(checkpoint: LogIndex, log: LogIndex)
}
