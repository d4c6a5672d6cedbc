// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// Another member as the leader sees it.
///
///             +--------- rejected, unreachable ---------+
///             v                                         |
///     +--> probe -------- accepted -------------> replicate
///     |       |                                    ^    |
///     |       +-- needs what is compacted --+------|----+
///     |                                     v      |
///     +------- sent or failed ---------- snapshot -+ accepted beyond the log's base
///
/// Invariant: `match < next`. Source: etcd raft tracker/progress.go.
public struct Progress: Sendable {
    public enum State: Sendable {
        /// One append at a time until it is known where the logs agree.
        case probe
        /// Appends follow each other without waiting; `next` runs ahead of `match`.
        case replicate
        /// A snapshot is under way; no appends.
        case snapshot
    }

    public let id: MemberID
    public internal(set) var state = State.probe
    /// The last entry known to be durable there.
    public internal(set) var match = LogIndex.zero
    /// The first entry of the next append.
    public internal(set) var next: LogIndex
    /// Heard from since the last check of the majority.
    public internal(set) var isActive = false
    /// The last round it has answered in this term.
    public internal(set) var round = ReadRound(0)
    /// Until then, by the leader's clock, it surely keeps a promise not to depose it.
    var promisedUntil: Duration?
    /// In `probe`: an append was sent and neither it nor a heartbeat has been answered since.
    var isProbeSent = false
    /// The commit index last told.
    var toldCommit = LogIndex.zero
    var inflights = Inflights()

    init(id: MemberID, next: LogIndex) {
        self.id = id
        self.next = next
    }

    /// Nothing is known of the peer's log beyond `match`.
    mutating func becomeProbe(next: LogIndex) {
        state = .probe
        isProbeSent = false
        inflights.removeAll()
        self.next = max(next, match + 1)
        toldCommit = min(toldCommit, self.next.predecessor)
    }

    mutating func becomeReplicate() {
        state = .replicate
        isProbeSent = false
        inflights.removeAll()
        next = match + 1
    }

    mutating func becomeSnapshot() {
        state = .snapshot
        isProbeSent = false
        inflights.removeAll()
    }

    /// - Returns: whether the answer was news.
    mutating func accept(_ accepted: LogIndex) -> Bool {
        guard accepted > match else { return false }
        match = accepted
        next = max(next, accepted + 1)
        return true
    }

    /// Takes `next` back after a rejection of an append whose previous entry was `rejected`.
    ///
    /// - Returns: `false` if the rejection is old news.
    mutating func reject(_ rejected: LogIndex, probe: LogIndex) -> Bool {
        switch state {
        case .replicate:
            guard rejected > match else { return false }
            becomeProbe(next: match + 1)
            return true
        case .probe, .snapshot:
            guard rejected == next.predecessor else { return false }
            next = max(min(rejected, probe + 1), match + 1)
            isProbeSent = false
            toldCommit = min(toldCommit, next.predecessor)
            return true
        }
    }
}
