// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

// A stream whose configuration says `isCheckpointed` tells what a checkpoint must write. The shell does it so:
//
//     let checkpoint = stream.beginCheckpoint()      // on the home loop
//     copy the blocks of checkpoint.forEachBlockCopy, if there are any
//     checkpoint.encode(of: number, into: &batch)    // anywhere
//     write the batch
//     if it failed, stream.failCheckpoint(checkpoint)
//
// The tables then hold the stream as it was at `beginCheckpoint`, whatever it did since.
extension Stream {
    /// Takes down what has changed since the last checkpoint: blocks and leaves once each, however often they changed.
    ///
    /// Complexity: O(changed blocks and leaves · log n + groups + consumers).
    public mutating func beginCheckpoint() -> StreamCheckpoint {
        precondition(configuration.isCheckpointed, "this stream's changes are not noted")
        var checkpoint = StreamCheckpoint(header: StreamHeader(self), byteCount: uncheckpointedBytes)
        log.changedBytes = 0
        for place in groups.takenPlaces { groups[row: place].value.changedBytes = 0 }
        swap(&checkpoint.removals, &removals)
        if !log.origins.isEmpty {
            checkpoint.borrowed = BorrowedBlocks(origins: log.origins, blocks: log.sealed, prioritized: prioritized)
        }
        log.takeChanges(prioritized, into: &checkpoint)
        delayed.takeChanges(.delayed, into: &checkpoint)
        ending.takeChanges(.ending, into: &checkpoint)
        jobs.takeChanges(.jobs, into: &checkpoint)
        for place in groups.takenPlaces { takeChanges(ofGroup: place, into: &checkpoint) }
        for place in idempotent.removedProducers where !idempotent.producers.holds(place) {
            checkpoint.removals.append(.producer(place))
        }
        idempotent.removedProducers = []
        for place in idempotent.producers.takenPlaces where idempotent.producers[row: place].isChanged {
            let row = idempotent.producers[row: place]
            idempotent.producers[row: place].isChanged = false
            checkpoint.puts.append((.producer(place), .producer(row.name, row.value)))
        }
        return checkpoint
    }

    private mutating func takeChanges(ofGroup place: Int, into checkpoint: inout StreamCheckpoint) {
        if groups[row: place].isChanged || groups[row: place].value.isTicketChanged {
            groups[row: place].isChanged = false
            groups[row: place].value.isTicketChanged = false
            checkpoint.puts.append(
                (.group(place), .group(GroupRecord(groups[row: place].name, groups[row: place].value))))
        }
        groups[row: place].value.takeChanges(place, into: &checkpoint)
    }

    /// About how many bytes have changed since the last checkpoint began: appended entries, blocks in which others were
    /// deleted, states of pending entries. Complexity: O(groups).
    public var uncheckpointedBytes: Int {
        let queued = delayed.changedBytes + ending.changedBytes + jobs.changedBytes
        return groups.takenPlaces.reduce(log.changedBytes + queued) { bytes, place in
            bytes + groups.withValue(at: place) { $0.changedBytes }
        }
    }

    /// About how many bytes of memory the next checkpoint takes for blocks that were sealed and have changed since this
    /// was asked: more than they have themselves, however little of them has changed.
    public mutating func takeRewrittenBytes() -> Int {
        defer { log.rewrittenBytes = 0 }
        return log.rewrittenBytes
    }

    /// Makes the next checkpoint write what this one was to write: it will write the whole stream.
    public mutating func failCheckpoint(_ checkpoint: StreamCheckpoint) {
        // Once each: a disk may fail for long, and what one checkpoint was to remove the next was to remove, too.
        var seen: Set<StreamRecord> = []
        removals = (checkpoint.removals + removals).filter { seen.insert($0).inserted }
        log.changedBytes += checkpoint.byteCount
        markAllChanged()
    }

    /// Makes the next checkpoint write the whole stream, but for blocks that are not in memory: the tables have these.
    public mutating func markAllChanged() {
        log.sealed.markAllChanged()
        markAllChangedBesideBlocks()
    }

    /// As above, without sealed blocks.
    mutating func markAllChangedBesideBlocks() {
        log.tail.isChanged = true
        delayed.tree.markAllChanged()
        ending.tree.markAllChanged()
        jobs.tree.markAllChanged()
        for place in groups.takenPlaces {
            groups[row: place].isChanged = true
            groups[row: place].value.pending.markAllChanged()
            groups[row: place].value.order.markAllChanged()
            for consumer in groups[row: place].value.consumers.takenPlaces {
                groups[row: place].value.consumers[row: consumer].isChanged = true
            }
        }
        for place in idempotent.producers.takenPlaces { idempotent.producers[row: place].isChanged = true }
    }

    /// Adds the removal of all records that checkpoints may have of the stream. Complexity: O(blocks + consumers +
    /// leaves).
    public func encodeRemoval(of number: UInt64, into batch: inout TableBatch) {
        var records = removals + [.header] + idempotent.removedProducers.map { .producer($0) }
        log.sealed.forEachLeaf { _, block in
            records += [.block(block.number), .index(block.number)]
            return true
        }
        if log.hasTail { records.append(.block(log.tail.number)) }
        records += log.sealed.ledger.dropped.flatMap { [.block($0), .index($0)] }
        for place in groups.takenPlaces { records += StreamRecord.all(of: groups[place], place) }
        records += idempotent.producers.takenPlaces.map { .producer($0) }
        records += delayed.records(.delayed) + ending.records(.ending) + jobs.records(.jobs)
        for record in records { batch.remove(record.key(of: number)) }
    }
}

extension EntryLog {
    fileprivate mutating func takeChanges(_ prioritized: PriorityIndex, into checkpoint: inout StreamCheckpoint) {
        func note(_ base: StreamID, _ block: EntryBlock) {
            let urgent = prioritized.rows(of: block, base: base)
            checkpoint.puts.append((.index(block.number), .index(base, block, urgent)))
        }
        checkpoint.removals += sealed.ledger.dropped.flatMap { [.block($0), .index($0)] }
        sealed.ledger.dropped = []
        swap(&checkpoint.sealed, &sealedUnchanged)
        for noted in checkpoint.sealed {
            // What has changed since or is gone is said below and above.
            let block = sealed.withLeaf(of: noted.base) { block, base in
                base == noted.base && block.number == noted.number && !block.isChanged ? block : nil
            }
            if let block = block ?? nil { note(noted.base, block) }
        }
        sealed.takeChanged { base, block in
            checkpoint.puts.append((.block(block.number), .block(base, block)))
            note(base, block)
            checkpoint.sealed.append(SealedBlock(block, base))
        }
        if hasTail, tail.isChanged {
            tail.isChanged = false
            checkpoint.puts.append((.block(tail.number), .block(tailFirst, tail)))
        }
    }
}

extension TimedQueue {
    fileprivate mutating func takeChanges(_ kind: TimedKind, into checkpoint: inout StreamCheckpoint) {
        changedBytes = 0
        checkpoint.removals += tree.ledger.dropped.map { .timed($0, kind) }
        tree.ledger.dropped = []
        tree.takeChanged { _, leaf in checkpoint.puts.append((.timed(leaf.number, kind), .timed(leaf))) }
    }

    /// All records that the last checkpoint may have.
    fileprivate func records(_ kind: TimedKind) -> [StreamRecord] {
        var records: [StreamRecord] = tree.ledger.dropped.map { .timed($0, kind) }
        tree.forEachLeaf { _, leaf in
            records.append(.timed(leaf.number, kind))
            return true
        }
        return records
    }
}

extension ConsumerGroup {
    fileprivate mutating func takeChanges(_ place: Int, into checkpoint: inout StreamCheckpoint) {
        for consumer in removedConsumers where !consumers.holds(consumer) {
            checkpoint.removals.append(.consumer(consumer, group: place))
        }
        removedConsumers = []
        for consumer in consumers.takenPlaces where consumers[row: consumer].isChanged {
            consumers[row: consumer].isChanged = false
            let row = consumers[row: consumer]
            checkpoint.puts.append(
                (.consumer(consumer, group: place), .consumer(ConsumerRecord(row.name, row.value))))
        }
        checkpoint.removals += pending.ledger.dropped.map { .leaf($0, group: place) }
        pending.ledger.dropped = []
        pending.takeChanged { _, leaf in
            checkpoint.puts.append((.leaf(leaf.number, group: place), .leaf(leaf)))
        }
        for bucket in order.takeChanged() {
            let lines = order.lines(ofBucket: bucket)
            let record = StreamRecord.order(bucket, group: place)
            if lines.isEmpty {
                checkpoint.removals.append(record)
            } else {
                checkpoint.puts.append((record, .order(lines)))
            }
        }
    }
}

/// What brings the tables from one checkpoint of a stream to the next. Shares memory with the stream, and stays the
/// same whatever becomes of that.
public struct StreamCheckpoint: Sendable {
    enum Value: Sendable {
        case block(StreamID, EntryBlock)
        case index(StreamID, EntryBlock, [PriorityRecord.Row])
        case group(GroupRecord)
        case consumer(ConsumerRecord)
        case leaf(PendingLeaf)
        case producer([UInt8], Producer)
        case timed(TimedLeaf)
        case order([(hash: UInt64, ids: [StreamID])])
    }

    let header: StreamHeader
    /// About how many bytes of the stream changed.
    public let byteCount: Int
    var removals: [StreamRecord] = []
    var puts: [(StreamRecord, Value)] = []
    /// Sealed blocks that the tables have as they are once this is written, in no order.
    public internal(set) var sealed: [SealedBlock] = []
    /// Blocks that the tables have under another stream's number: see `forEachBlockCopy`.
    var borrowed: BorrowedBlocks?

    init(header: StreamHeader, byteCount: Int) {
        self.header = header
        self.byteCount = byteCount
    }

    /// Blocks and leaves that are written.
    public var pieceCount: Int {
        puts.count {
            switch $0.1 {
            case .block, .leaf, .timed: true
            case .index, .group, .consumer, .producer, .order: false
            }
        }
    }

    /// Adds all changes, removals first: a number may have been given again. The same checkpoint yields the same bytes.
    public func encode(of number: UInt64, into batch: inout TableBatch) {
        encode(of: number, into: &batch) { (_) throws(Never) in }
    }

    /// As above; `piece` is called after each change, and may take out what is in the batch.
    public func encode<Failure: Error>(
        of number: UInt64, into batch: inout TableBatch, piece: (inout TableBatch) throws(Failure) -> Void
    ) throws(Failure) {
        for record in removals { batch.remove(record.key(of: number)) }
        try piece(&batch)
        batch.put(StreamRecord.header.key(of: number)) { header.encode(into: &$0) }
        for (record, value) in puts {
            batch.put(record.key(of: number)) { bytes in
                switch value {
                case .block(let base, let block):
                    precondition(!block.isAbsent, "block \(block.number) is not in memory and can't be written")
                    bytes.append(base)
                    bytes += block.bytes
                case .index(let base, let block, let urgent):
                    IndexRecord.encode(base, block, urgent, into: &bytes)
                case .group(let record): record.encode(into: &bytes)
                case .consumer(let record): record.encode(into: &bytes)
                case .leaf(let leaf): PendingRecord.encode(leaf.entries, into: &bytes)
                case .producer(let name, let producer): ProducerRecord(name, producer).encode(into: &bytes)
                case .order(let lines): OrderRecord.encode(lines, into: &bytes)
                case .timed(let leaf): leaf.encode(into: &bytes)
                }
            }
            try piece(&batch)
        }
    }
}
