// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// What a log says: takes the records of its segments in order and checks that they make sense together.
///
/// A record's type is not under its checksum, so a damaged type shows only here: as data that is not of that type, or
/// as a state that no member was ever in.
public struct WALRecovery: Sendable {
    /// Entries up to here are not kept: a checkpoint or snapshot has them.
    public private(set) var after: LogIndex
    public private(set) var metadata: [UInt8]?
    /// Nil if none was ever written.
    public private(set) var hardState: WALHardState?
    /// Of the entries behind `after` the newest at each index, without gaps from `after` + 1 on.
    public private(set) var entries: [WALEntry] = []
    /// All snapshot records read, in order.
    public private(set) var snapshots: [WALSnapshot] = []
    /// The last index of the log; 0 for an empty one.
    public private(set) var lastIndex = LogIndex(0)
    private var lastTerm: Term?
    /// Of the entry at `after`, if it was seen.
    private var termAtAfter: Term?
    private var isStarted = false

    public init(after: LogIndex = LogIndex(0)) {
        self.after = after
    }

    /// Reads a whole segment. Returns true if it ends in a torn write.
    public mutating func read(_ decoder: inout WALDecoder) throws(WALCorruption) -> Bool {
        if !isStarted {
            isStarted = true
            lastIndex = LogIndex(max(decoder.segment.firstIndex.rawValue, 1) - 1)
            if lastIndex > after { throw decoder.corruption(.gap) }
        }
        while true {
            switch try decoder.next() {
            case .record(let record): try take(record, of: decoder)
            case .end: return false
            case .torn: return true
            }
        }
    }

    /// The last check, when all segments are read.
    public func finish(_ decoder: WALDecoder) throws(WALCorruption) {
        if after > lastIndex { throw decoder.corruption(.endsBeforeCheckpoint) }
    }

    private mutating func take(_ record: WALRecord, of decoder: WALDecoder) throws(WALCorruption) {
        do throws(Fault) {
            switch record.type {
            case .metadata: try take(metadata: Array(decoder.bytes[record.data]))
            case .checksum: break
            case .entry:
                guard let entry = WALEntry(decoder.bytes, record.data) else { throw Fault(.message) }
                try take(entry)
            case .state:
                guard let state = WALHardState(decoder.bytes, record.data) else { throw Fault(.message) }
                try take(state)
            case .snapshot:
                guard let snapshot = WALSnapshot(decoder.bytes, record.data) else { throw Fault(.message) }
                take(snapshot)
            }
        } catch {
            throw WALCorruption(segment: decoder.segment, offset: record.offset, reason: error.reason)
        }
    }

    private struct Fault: Error {
        var reason: WALCorruption.Reason
        init(_ reason: WALCorruption.Reason) { self.reason = reason }
    }

    private mutating func take(metadata new: [UInt8]) throws(Fault) {
        guard metadata == nil || metadata == new else { throw Fault(.metadataConflict) }
        metadata = new
    }

    private mutating func take(_ entry: WALEntry) throws(Fault) {
        guard entry.index.rawValue - 1 <= lastIndex.rawValue else { throw Fault(.gap) }
        if let hardState, entry.index <= hardState.commit, entry.index <= lastIndex {
            throw Fault(.overwritesCommitted)
        }
        if let before = term(at: LogIndex(entry.index.rawValue - 1)), before > entry.term { throw Fault(.term) }
        if entry.index > after {
            // At most as many as there are: the entry is at or before the place behind the last one, checked above.
            let kept = Int(entry.index.rawValue - after.rawValue - 1)
            entries.removeLast(entries.count - kept)
            entries.append(entry)
        } else {
            entries.removeAll()
            termAtAfter = entry.index == after ? entry.term : nil
        }
        lastIndex = entry.index
        lastTerm = entry.term
    }

    private func term(at index: LogIndex) -> Term? {
        if index == lastIndex { return lastTerm }
        if index == after { return termAtAfter }
        guard index > after, index.rawValue - after.rawValue <= UInt64(entries.count) else { return nil }
        return entries[Int(index.rawValue - after.rawValue - 1)].term
    }

    /// Its term may be lower than that of the last entry: a crash can part a follower's first entries of a term from
    /// the state behind them.
    private mutating func take(_ state: WALHardState) throws(Fault) {
        guard state.commit <= lastIndex else { throw Fault(.commitBeyondLog) }
        if let old = hardState {
            guard state.term >= old.term, state.commit >= old.commit,
                state.term > old.term || old.vote == 0 || state.vote == old.vote
            else { throw Fault(.stateRegression) }
        }
        hardState = state
    }

    /// A snapshot beyond the log replaces it: entries go on behind the snapshot. So does one that has another entry at
    /// its index than the log: that one was never committed, and all behind it neither.
    private mutating func take(_ snapshot: WALSnapshot) {
        snapshots.append(snapshot)
        let isOther = term(at: snapshot.index).map { $0 != snapshot.term && snapshot.index.rawValue > 0 } ?? false
        guard snapshot.index > lastIndex || isOther else { return }
        entries.removeAll()
        lastIndex = snapshot.index
        lastTerm = snapshot.term
        if snapshot.index >= after {
            after = snapshot.index
            termAtAfter = snapshot.term
        }
    }
}
