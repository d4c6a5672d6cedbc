// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import MartletStorage
import MartletWALCodec

/// One life of the simulated member, from its start to its death: what a real one has in memory.
final class Life {
    let number: Int
    unowned let host: Host
    /// The production code under test.
    var replica: Replica
    var effects = Effects()
    /// When this life began, and what its monotonic clock said then: that begins anew with each life.
    private let start: Int
    private let clock: Int
    var isReady = false
    var isTurnOpen = false
    var isWorkPlanned = false
    var isWatchWorkPlanned = false
    /// In simulated time.
    var commandsPlannedAt: Int?
    /// The streams' groups were asked for.
    var hasGroups = false
    var hasOutboxGroup = false
    /// Numbers of the operations that wait for an answer.
    var inFlight: Set<Int> = []
    /// Applied entries up to here are noted.
    var notedIndex: LogIndex
    /// The log's last entry, when it was last looked at.
    var proposedIndex: LogIndex
    var log: LogQueue
    /// Members whose clocks it knows, and since when.
    var knownClocks: [MemberID: Int] = [:]
    /// How many members there are as far as it knows, and since when.
    var memberCount = (count: 0, since: 0)
    /// On its way to the tables.
    var checkpoint: ReplicaCheckpoint?
    /// A state has arrived and is not installed.
    var isReceiving = false
    /// When each round of each term was sent first; only for a flaw.
    var roundsBegan: [[UInt64]: Int] = [:]
    /// As the store was a while ago; only for a flaw.
    var staleStore: KeyValueStore?

    init(number: Int, host: Host, replica: Replica, log: consuming LogQueue, start: Int, clock: Int) {
        self.number = number
        self.host = host
        self.replica = replica
        self.log = log
        (self.start, self.clock) = (start, clock)
        notedIndex = replica.applied.index
        proposedIndex = replica.node.log.last
    }

    var isAlive: Bool { host.life === self }

    func monotonic(_ time: Int) -> Duration { .microseconds(clock + time - start) }
}

/// What waits for the log's disk, as in `LogWriter`: while one write is under way, everything that comes joins the
/// next. Time is the simulator's affair.
struct LogQueue: ~Copyable {
    var appender: LogAppender
    let configuration: LogConfiguration
    private var waiting = LogBatch()
    private var waitingNumber = BatchNumber(0)
    private(set) var writing: LogBatch?
    private var writingNumber = BatchNumber(0)
    /// What found no room; it must stay in order.
    private var refused: [(batch: LogBatch, number: BatchNumber)] = []
    private(set) var lastNumber = BatchNumber(0)
    var releaseBelow: LogIndex?

    init(_ appender: consuming LogAppender, _ configuration: LogConfiguration) {
        self.appender = appender
        self.configuration = configuration
    }

    mutating func submit(_ batch: LogBatch, _ number: BatchNumber) {
        lastNumber = number
        if refused.isEmpty, hasRoom(batch) { take(batch, number) } else { refused.append((batch, number)) }
    }

    /// A batch above the limit is taken when nothing waits, else it never could be.
    private func hasRoom(_ batch: LogBatch) -> Bool {
        let count = waiting.byteCount + (writing?.byteCount ?? 0)
        return count == 0 || count + batch.byteCount <= configuration.queueBytesMax
    }

    private mutating func take(_ batch: LogBatch, _ number: BatchNumber) {
        waiting.append(contentsOf: batch)
        waitingNumber = number
    }

    /// Begins a write if there is one to do.
    mutating func begin() -> Bool {
        guard writing == nil, !waiting.isEmpty,
            waiting.needsSync || !refused.isEmpty || waiting.byteCount >= configuration.unsyncedBytesMax
        else { return false }
        writing = waiting
        writingNumber = waitingNumber
        waiting = LogBatch()
        return true
    }

    /// Ends it, and lets in what was refused.
    ///
    /// - Returns: the last batch that is on disk now.
    mutating func end() -> BatchNumber {
        writing = nil
        while let next = refused.first, hasRoom(next.batch) {
            take(next.batch, next.number)
            refused.removeFirst()
        }
        return writingNumber
    }
}
