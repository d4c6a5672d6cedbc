// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

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
/// `settled`, between `applying` and `committed`, is what may be applied and told. It is `committed` but where that
/// passes a change of the configuration which the own disk doesn't say is committed: somebody who hears of its removal
/// may be gone at once, and of two voters the other one could never find out again after a crash that it is alone.
///
/// Layout: entries follow each other in one array without gaps, the first at offset `head`; what compaction drops
/// before it gives up its bytes at once and its slot when half of the array is such slots.
public struct RaftLog: Sendable {
    /// The last entry that was compacted away or replaced by a snapshot; zero if there was none.
    public internal(set) var base: EntryID
    var storage: [Entry]
    var head = 0

    public internal(set) var committed: LogIndex
    /// The last entry that may be applied and told to others as committed.
    public internal(set) var settled: LogIndex
    /// The last commit index reported durable.
    var committedOnDisk: LogIndex
    /// The last entry handed out for applying.
    public internal(set) var applying: LogIndex
    /// The last entry reported applied.
    public internal(set) var applied: LogIndex
    /// The last entry handed out for writing.
    public internal(set) var written: LogIndex
    /// The last entry reported durable in the own log.
    public internal(set) var synced: LogIndex
    /// Data bytes between `applied` and `applying`.
    public internal(set) var applyingBytes = 0

    /// Writes that are not reported durable, and the last entry that each makes durable; clamped when a conflict
    /// overwrites what a write held. Each makes its commit index durable, too.
    var writes: [(number: WriteNumber, last: LogIndex, committed: LogIndex)] = []

    /// - Parameters:
    ///   - entries: what is durable after `base`, contiguous.
    ///   - committed: clamped to the log, and at least `applied`: a state may have been saved after the hard state.
    public init(base: EntryID, entries: [Entry], committed: LogIndex, applied: LogIndex) {
        self.base = base
        storage = entries
        let last = base.index + entries.count
        for (offset, entry) in entries.enumerated() {
            precondition(entry.index == base.index + (offset + 1), "log has a gap after \(base) at \(entry.index)")
        }
        precondition(applied >= base.index && applied <= last, "applied \(applied) is outside \(base.index)...\(last)")
        self.committed = max(min(committed, last), applied)
        settled = self.committed
        committedOnDisk = self.committed
        self.applied = applied
        applying = applied
        written = last
        synced = last
    }

    public var count: Int { storage.count - head }
    public var first: LogIndex { base.index + 1 }
    public var last: LogIndex { base.index + count }
    public var lastID: EntryID { EntryID(index: last, term: count > 0 ? storage[storage.count - 1].term : base.term) }

    /// `nil` below the base and beyond the end.
    public func term(at index: LogIndex) -> Term? {
        if index == base.index { return base.term }
        guard index > base.index, index <= last else { return nil }
        return storage[offset(index)].term
    }

    public func contains(_ id: EntryID) -> Bool { term(at: id.index) == id.term }

    /// Traps outside `first...last`.
    public subscript(_ index: LogIndex) -> Entry { storage[offset(index)] }

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
        return storage[offset(start)...offset(end)].contains { $0.kind.changesConfiguration }
    }

    /// The last entry but one that changes the configuration, if there are two.
    var lastConfigurationChangeButOne: LogIndex? {
        var isFirst = true
        for entry in storage[head...].reversed() where entry.kind.changesConfiguration {
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
