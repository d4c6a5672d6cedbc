// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// Records on their way into the log, in order: all in one run of bytes, so that a record costs a copy and no
/// allocation, and a batch changes hands by a swap.
///
/// In one batch entries stand before the hard state that commits or follows them, as etcd writes them: then every
/// prefix of a batch is a state the log may be left in by a crash.
public struct LogBatch: Sendable {
    struct Record: Sendable {
        var type: WALRecordType
        /// Bytes of its data in `payload`, which follow those of the record before.
        var size: Int
        /// For an entry and for a snapshot record.
        var index: LogIndex
        /// The state itself, for a hard state.
        var state: WALHardState?
    }

    /// How far a batch has been encoded.
    public struct Cursor: Sendable {
        var record = 0
        /// Of the record's data, in `payload`.
        var start = 0

        public init() {}

        public func isAtEnd(of batch: LogBatch) -> Bool { record == batch.records.count }
    }

    private(set) var payload = LogBytes()
    private(set) var records: [Record] = []
    /// Whether something in here must be on disk before anyone may be told: an entry, a vote, a term, a snapshot.
    public private(set) var needsSync = false
    /// The newest entry in here; nil without one.
    public private(set) var lastEntry: LogPosition?

    public init() {}

    public var isEmpty: Bool { records.isEmpty }
    public var recordCount: Int { records.count }
    /// Bytes that the batch holds: what limits of queues count.
    public var byteCount: Int { payload.count + records.count * MemoryLayout<Record>.stride }

    public mutating func append(
        entry index: LogIndex, term: Term, kind: WALEntry.Kind = .normal, data: RawSpan
    ) {
        let start = payload.count
        payload.append(entry: index, term, kind, data)
        records.append(Record(type: .entry, size: payload.count - start, index: index))
        needsSync = true
        lastEntry = LogPosition(index: index, term: term)
    }

    public mutating func append(_ entry: WALEntry) {
        append(entry: entry.index, term: entry.term, kind: entry.kind, data: entry.data.span.bytes)
    }

    /// `mustSync` is false if only the commit index has moved, and nobody counts by that: it then rides along with
    /// whatever is next synced, since a commit index that is forgotten is found again.
    public mutating func append(_ state: WALHardState, mustSync: Bool) {
        let start = payload.count
        payload.append(state)
        records.append(Record(type: .state, size: payload.count - start, index: state.commit, state: state))
        if mustSync { needsSync = true }
    }

    public mutating func append(_ snapshot: WALSnapshot) {
        let start = payload.count
        payload.append(snapshot)
        records.append(Record(type: .snapshot, size: payload.count - start, index: snapshot.index))
        needsSync = true
    }

    public mutating func append(contentsOf other: LogBatch) {
        other.payload.withSpan { payload.append($0) }
        records.append(contentsOf: other.records)
        needsSync = needsSync || other.needsSync
        lastEntry = other.lastEntry ?? lastEntry
    }

    /// Keeps the memory.
    public mutating func removeAll() {
        payload.removeAll()
        records.removeAll(keepingCapacity: true)
        needsSync = false
        lastEntry = nil
    }
}

/// An entry by its place and the term that proposed it: the two name one entry among all members.
public struct LogPosition: Hashable, Sendable {
    public var index: LogIndex
    public var term: Term

    public init(index: LogIndex, term: Term) {
        self.index = index
        self.term = term
    }
}

/// What a writer must know to begin the next segment.
public struct LogHead: Hashable, Sendable {
    /// Of the last entry appended, or of a snapshot ahead of it.
    public var lastIndex: LogIndex
    public var hardState: WALHardState?

    public init(lastIndex: LogIndex = LogIndex(0), hardState: WALHardState? = nil) {
        self.lastIndex = lastIndex
        self.hardState = hardState
    }

    mutating func take(_ record: LogBatch.Record) {
        switch record.type {
        case .entry: lastIndex = record.index
        case .snapshot: lastIndex = max(lastIndex, record.index)
        case .state: hardState = record.state
        case .metadata, .checksum: break
        }
    }
}
