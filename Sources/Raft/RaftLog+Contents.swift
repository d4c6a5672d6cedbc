// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Growing and shrinking.
extension RaftLog {
    /// A leader's own entries. Shares the data; allocates only when the array grows.
    mutating func append(_ proposals: some Collection<Proposal>, term: Term) {
        var index = last
        for proposal in proposals {
            index = index + 1
            storage.append(Entry(term: term, index: index, kind: proposal.kind, data: proposal.data))
        }
    }

    /// Takes over what a leader sent, dropping what conflicts with it. Entries that are there already stay.
    ///
    /// - Returns: the last entry that now agrees with the leader's log; `nil` if `previous` doesn't.
    /// Source: Raft §5.3, figure 2 "AppendEntries".
    mutating func append(_ entries: [Entry], after previous: EntryID) -> LogIndex? {
        guard contains(previous) else { return nil }
        guard let new = entries.firstIndex(where: { term(at: $0.index) != $0.term }) else {
            return previous.index + entries.count
        }
        truncate(from: entries[new].index)
        storage.append(contentsOf: entries[new...])
        return last
    }

    private mutating func truncate(from index: LogIndex) {
        guard index <= last else { return }
        precondition(index > committed, "a leader would overwrite committed entry \(index) of \(committed)")
        storage.removeSubrange(offset(index)...)
        let kept = index.predecessor
        written = min(written, kept)
        synced = min(synced, kept)
        for write in writes.indices { writes[write].last = min(writes[write].last, kept) }
    }

    /// Drops entries up to `index`, which must be applied and durable. Below the base nothing happens.
    /// - Complexity: O(dropped), amortised.
    mutating func compact(upTo index: LogIndex) {
        guard index > base.index else { return }
        precondition(index <= applied && index <= synced, "compaction to \(index): applied \(applied) synced \(synced)")
        let dropped = index - base.index
        base = self[index].id
        for slot in head..<(head + dropped) { storage[slot].data = [] }
        head += dropped
        if head * 2 >= storage.count {
            storage.removeSubrange(0..<head)
            head = 0
        }
    }

    /// Everything is replaced by a state at `id`. It counts as written and synced; until it truly is, the node neither
    /// campaigns nor applies.
    mutating func restore(_ id: EntryID) {
        base = id
        storage.removeAll()
        head = 0
        committed = id.index
        settled = id.index
        committedOnDisk = id.index
        applying = id.index
        applied = id.index
        written = id.index
        synced = id.index
        applyingBytes = 0
        for write in writes.indices { writes[write].last = min(writes[write].last, id.index) }
    }
}
