// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The receiving side of replication. The sender leads this term.
extension RaftNode {
    /// What is accepted is acknowledged when it is durable. Source: Raft §5.3.
    mutating func takeAppend(
        from sender: MemberID, after previous: EntryID, _ entries: [Entry], commit: LogIndex
    ) {
        if previous.index < log.committed {
            // Old or doubled: both logs agree on what is committed, and some of it may be compacted here.
            sendWhenPersisted(.appendAccepted(match: log.committed), to: sender)
            return
        }
        guard let match = log.append(entries, after: previous) else {
            let index = log.lastIndex(upTo: previous.index, termAtMost: previous.term)
            let hint = EntryID(index: index, term: log.term(at: index) ?? .zero)
            send(.appendRejected(rejected: previous.index, hint: hint), to: sender)
            return
        }
        log.commit(upTo: min(commit, match))
        sendWhenPersisted(.appendAccepted(match: match), to: sender)
    }

    /// A leader tells no more than this member has acknowledged.
    mutating func takeHeartbeat(from sender: MemberID, commit: LogIndex, round: ReadRound) {
        if commit > log.last {
            counters.commitBeyondLog += 1
        } else {
            log.commit(upTo: commit)
        }
        // It only says that this member has followed nobody later, which is so whatever is durable; and a promise is
        // kept from the start of the next life on, too.
        send(.heartbeatAnswer(round: round, promise: promise), to: sender)
    }
}
