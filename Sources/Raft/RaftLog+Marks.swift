// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// How far writing, committing and applying have come.
extension RaftLog {
    mutating func commit(upTo index: LogIndex) {
        precondition(index <= last, "commit \(index) is beyond the last entry \(last)")
        committed = max(committed, index)
        settle()
    }

    /// Complexity: O(entries settled).
    private mutating func settle() {
        while settled < committed {
            let next = settled + 1
            if next > committedOnDisk, self[next].kind.changesConfiguration { return }
            settled = next
        }
    }

    /// Whether a commit index must become durable that no write holds yet.
    var awaitsCommitOnDisk: Bool {
        settled < committed && (writes.last?.committed ?? committedOnDisk) <= settled
    }

    /// Puts what isn't written yet behind `entries`.
    mutating func takeUnwritten(into entries: inout [Entry]) {
        guard written < last else { return }
        entries.append(contentsOf: storage[offset(written + 1)...])
        written = last
    }

    mutating func noteWrite(_ number: WriteNumber) {
        writes.append((number, written, committed))
    }

    mutating func noteSynced(upTo number: WriteNumber) {
        var done = 0
        while done < writes.count, writes[done].number <= number {
            synced = max(synced, writes[done].last)
            committedOnDisk = max(committedOnDisk, writes[done].committed)
            done += 1
        }
        writes.removeSubrange(0..<done)
        settle()
    }

    /// Puts settled entries that were not handed out behind `entries`, as long as what is being applied stays within
    /// `bytesMax`; one always passes if nothing else is being applied.
    ///
    /// - Returns: their data bytes.
    mutating func takeCommitted(into entries: inout [Entry], bytesMax: Int) -> Int {
        let before = applyingBytes
        while applying < settled {
            let next = offset(applying + 1)
            let bytes = applyingBytes + storage[next].data.count
            if bytes > bytesMax, applying > applied { break }
            entries.append(storage[next])
            applyingBytes = bytes
            applying = applying + 1
        }
        return applyingBytes - before
    }

    /// Old news, such as a report from before a snapshot, changes nothing.
    mutating func noteApplied(upTo index: LogIndex) {
        guard index > applied else { return }
        precondition(index <= applying, "applied \(index) was not handed out, only \(applying)")
        for slot in offset(applied + 1)...offset(index) { applyingBytes -= storage[slot].data.count }
        applied = index
    }
}
