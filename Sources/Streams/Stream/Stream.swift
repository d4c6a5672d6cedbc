// SPDX-License-Identifier: Apache-2.0

/// A stream of Redis: an append-only log of entries with IDs, and groups of consumers that read it together.
///
/// A value: a copy shares memory with the original until one of them changes, and is a snapshot. Moments, in
/// milliseconds of the Unix clock, are arguments; so is everything else that a result depends on. What throws has
/// changed nothing.
///
///     EntryLog        blocks of packed entries, in a tree that counts them
///     ConsumerGroup   pending entries in a tree that knows the oldest, consumers with their IDs
public struct Stream: Sendable {
    /// So many fit the key of a checkpoint's record.
    public static let maximumGroupCount = 1 << 24

    public let configuration: StreamConfiguration
    var log: EntryLog
    var groups = NameTable<ConsumerGroup>()
    var idempotent: IdempotentAppends
    /// Entries that wait for their moment.
    var delayed: TimedQueue
    /// Entries that end at a moment: see `end(_:at:)`.
    var ending: TimedQueue
    /// Where the rows of `ending` are, by entry.
    var endingRows: EndingIndex
    /// Entries that have a priority.
    var prioritized: PriorityIndex
    /// Whether an entry had one, ever.
    var hasHadPriorities = false
    /// Whether the index of blocks in the tables says which entries have one. Older servers' did not, and a start reads
    /// all blocks of their streams, to make `prioritized`. Not state: members may differ.
    var isIndexWhole = true
    /// What recurs: see `StreamJob`. Their numbers stay with them.
    var jobs: TimedQueue
    /// Rows of jobs by name. Asked, never walked.
    var jobNames: [[UInt8]: StreamID] = [:]
    /// Of rows in any queue, ever.
    var nextTimedNumber: UInt64 = 0
    public internal(set) var retention = Retention()
    /// Records of groups that are gone, which the next checkpoint removes.
    var removals: [StreamRecord] = []

    public init(configuration: StreamConfiguration = StreamConfiguration()) {
        self.configuration = configuration
        log = EntryLog(configuration)
        idempotent = IdempotentAppends(notesRemoved: configuration.isCheckpointed)
        delayed = TimedQueue(configuration)
        ending = TimedQueue(configuration)
        endingRows = EndingIndex(configuration)
        prioritized = PriorityIndex(configuration)
        jobs = TimedQueue(configuration)
    }

    // MARK: Numbers

    /// Live entries. Complexity: O(1).
    public var length: Int { log.length }
    /// The greatest ID that an entry had, or that was set.
    public var lastID: StreamID { log.lastID }
    /// The greatest ID of an entry that was deleted by name; trims don't count.
    public var maxDeletedID: StreamID { log.maxDeletedID }
    /// Entries ever added.
    public var entriesAdded: UInt64 { log.entriesAdded }
    /// Blocks that hold entries.
    public var blockCount: Int { log.blockCount }
    /// Of the first entry; 0-0 in an empty stream.
    public var firstEntryID: StreamID { log.firstID ?? .zero }
    /// Of the last one; `nil` in an empty stream. Complexity: O(log n + entries of a block).
    public var lastEntryID: StreamID? { log.lastLiveID }

    public var idempotencyWindow: IdempotencyWindow { idempotent.window }
    /// Idempotent IDs ever noted, and appends that found theirs.
    public var idempotentCounts: (added: UInt64, duplicates: UInt64) {
        (idempotent.addedCount, idempotent.duplicateCount)
    }

    /// Producers and idempotent IDs that are remembered.
    public func trackedIdempotentCounts(now: Int64) -> (producers: Int, ids: Int) {
        idempotent.trackedCounts(now: now)
    }

    // MARK: Entries

    public var first: StreamEntry? { log.first }
    public var last: StreamEntry? { log.last }

    /// Complexity: O(log n + entries of a block).
    public func entry(_ id: StreamID) -> StreamEntry? { log.entry(id) }

    public func contains(_ id: StreamID) -> Bool { log.contains(id) }

    /// How many entries a range holds. Complexity: O(log n + entries of a block).
    public func count(in range: StreamRange) -> Int { log.liveCount(in: range) }

    /// Calls `body` with the entries of a range in order until it answers `false`.
    /// Complexity: O(log n + entries of a block + visited).
    public func forEach(in range: StreamRange, _ body: (StreamEntry) -> Bool) { log.forEach(in: range, body) }

    /// As `forEach`, from the end of the range.
    public func forEachReversed(in range: StreamRange, _ body: (StreamEntry) -> Bool) {
        log.forEachReversed(in: range, body)
    }

    /// At most `count` entries of a range, in order or from its end.
    public func entries(in range: StreamRange, count: Int = .max, isReversed: Bool = false) -> [StreamEntry] {
        var entries: [StreamEntry] = []
        guard count > 0 else { return [] }
        func take(_ entry: StreamEntry) -> Bool {
            entries.append(entry)
            return entries.count < count
        }
        if isReversed { forEachReversed(in: range, take) } else { forEach(in: range, take) }
        return entries
    }

    /// At most `count` entries behind `id`.
    public func entries(after id: StreamID, count: Int = .max) -> [StreamEntry] {
        guard id < lastID, let range = StreamRange.after(id) else { return [] }
        return entries(in: range, count: count)
    }
}
