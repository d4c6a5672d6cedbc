// SPDX-License-Identifier: Apache-2.0

package import MartletBasics

/// The part of the log that is kept in memory, and how far each thing has come with it.
///
///     base      applied   applying   committed            last
///      |-----------|----------|----------|------------------|      base <= applied <= applying <= committed <= last
///      |------------------------|---------------|-----------|      base <= synced <= written <= last
///                             synced         written
///
/// `synced` and `committed` are independent of each other: a majority may commit an entry before the own disk has it,
/// and entries are appended and replicated while earlier ones are being synced.
///
/// Layout: entries follow each other in one array without gaps, the first at offset `head`; what compaction drops
/// before it gives up its bytes at once and its slot when half of the array is such slots.
package struct RaftLog: Sendable {
    /// The last entry that was compacted away or replaced by a snapshot; zero if there was none.
    package internal(set) var base: EntryID
    var storage: [Entry]
    var head = 0

    package internal(set) var committed: LogIndex
    /// The last entry handed out for applying.
    package internal(set) var applying: LogIndex
    /// The last entry reported applied.
    package internal(set) var applied: LogIndex
    /// The last entry handed out for writing.
    package internal(set) var written: LogIndex
    /// The last entry reported durable in the own log.
    package internal(set) var synced: LogIndex
    /// Data bytes between `applied` and `applying`.
    package internal(set) var applyingBytes = 0

    /// Writes that are not reported durable, and the last entry that each makes durable; clamped when a conflict
    /// overwrites what a write held.
    var writes: [(number: WriteNumber, last: LogIndex)] = []

    /// - Parameters:
    ///   - entries: what is durable after `base`, contiguous.
    ///   - committed: clamped to the log, and at least `applied`: a state may have been saved after the hard state.
    package init(base: EntryID, entries: [Entry], committed: LogIndex, applied: LogIndex) {
        self.base = base
        storage = entries
        let last = base.index + entries.count
        for (offset, entry) in entries.enumerated() {
            precondition(entry.index == base.index + (offset + 1), "log has a gap after \(base) at \(entry.index)")
        }
        precondition(applied >= base.index && applied <= last, "applied \(applied) is outside \(base.index)...\(last)")
        self.committed = max(min(committed, last), applied)
        self.applied = applied
        applying = applied
        written = last
        synced = last
    }

    package var count: Int { storage.count - head }
    package var first: LogIndex { base.index + 1 }
    package var last: LogIndex { base.index + count }
    package var lastID: EntryID { EntryID(index: last, term: count > 0 ? storage[storage.count - 1].term : base.term) }

    /// `nil` below the base and beyond the end.
    package func term(at index: LogIndex) -> Term? {
        if index == base.index { return base.term }
        guard index > base.index, index <= last else { return nil }
        return storage[offset(index)].term
    }

    package func contains(_ id: EntryID) -> Bool { term(at: id.index) == id.term }

    /// Traps outside `first...last`.
    package subscript(_ index: LogIndex) -> Entry { storage[offset(index)] }

    /// The entries from `start` whose data adds up to at most `bytesMax`; at least one if there is one.
    func entries(from start: LogIndex, bytesMax: Int) -> (entries: [Entry], bytes: Int) {
        guard start <= last else { return ([], 0) }
        let first = offset(start)
        var end = first
        var bytes = 0
        while end < storage.count {
            let next = bytes + storage[end].data.count
            if next > bytesMax, end > first { break }
            bytes = next
            end += 1
        }
        return (Array(storage[first..<end]), bytes)
    }

    /// The highest index at or below `index` whose entry has a term of at most `term`, or the first index going down
    /// whose term isn't known any more: two logs can't agree above it if one has that term there.
    /// - Complexity: O(entries skipped).
    func lastIndex(upTo index: LogIndex, termAtMost term: Term) -> LogIndex {
        var index = min(index, last)
        while index > .zero, let own = self.term(at: index), own > term { index = index.predecessor }
        return index
    }

    func hasConfigurationChange(from start: LogIndex, to end: LogIndex) -> Bool {
        guard start <= end else { return false }
        return storage[offset(start)...offset(end)].contains { $0.kind == .configurationChange }
    }

    /// The last entry but one that changes the configuration, if there are two.
    var lastConfigurationChangeButOne: LogIndex? {
        var isFirst = true
        for entry in storage[head...].reversed() where entry.kind == .configurationChange {
            if !isFirst { return entry.index }
            isFirst = false
        }
        return nil
    }

    func offset(_ index: LogIndex) -> Int {
        precondition(index > base.index && index <= last, "no entry \(index) after \(base.index) up to \(last)")
        return head + (index - base.index) - 1
    }
}
