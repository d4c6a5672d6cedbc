// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// Makes a stream from the records of its checkpoint, which come in key order, each once. Records of other streams may
/// come between them: each stream has a restorer of its own. Where blocks may leave memory the sealed ones aren't in it
/// at first.
public struct StreamRestorer: Sendable {
    private struct Group: Sendable {
        var record: GroupRecord
        var consumers = NameTable<Consumer>()
        var leaves: [(number: UInt64, entries: [PendingEntry])] = []
        var order = OrderTable()
    }

    private let number: UInt64
    private let configuration: StreamConfiguration
    private var header: StreamHeader?
    private var log: EntryLog
    private var prioritized: PriorityIndex
    private var lastInBlocks: StreamID?
    private var hasBlocks = false
    /// Whether the index has to be whole.
    private let readsIndex: Bool
    private var indexedCount = 0
    private var groups: [Int: Group] = [:]
    private var groupPlaces: [Int] = []
    private var producers: [(place: Int, record: ProducerRecord)] = []
    private var timedLeaves: [TimedKind: [(number: UInt64, record: TimedRecord)]] = [:]

    /// - Parameters:
    ///   - number: of the stream.
    ///   - readsIndex: whether the records of the index come, too, or in the place of those of sealed blocks.
    public init(_ number: UInt64, configuration: StreamConfiguration, readsIndex: Bool = true) {
        self.number = number
        self.readsIndex = readsIndex
        self.configuration = configuration
        log = EntryLog(configuration)
        prioritized = PriorityIndex(configuration)
    }

    public mutating func load(_ key: TableKey, _ value: RawSpan) throws(StreamRestoreError) {
        if key.object != number { throw .foreign(key) }
        if key.table == StreamTable.streams {
            guard key.id == 0, header == nil else { throw .inconsistent(key) }
            header = try StreamHeader(key, decoding: value)
            return
        }
        guard let header else { throw .noHeader }
        switch key.table {
        case StreamTable.blocks: try loadBlock(key, value, header)
        case StreamTable.groups: try loadGroup(key, value)
        case StreamTable.consumers: try loadConsumer(key, value)
        case StreamTable.pending: try loadPending(key, value)
        case StreamTable.producers:
            guard let record = ProducerRecord(decoding: value) else { throw .unreadable(key) }
            guard let place = Int(exactly: key.id), place < Int32.max else { throw .inconsistent(key) }
            producers.append((place, record))
        case StreamTable.timed: try loadTimed(key, value, header)
        case StreamTable.order: try loadOrder(key, value)
        case StreamTable.index: try loadIndex(key, value, header)
        default: throw .foreign(key)
        }
    }

    private mutating func loadBlock(
        _ key: TableKey, _ value: RawSpan, _ header: StreamHeader
    ) throws(StreamRestoreError) {
        var reader = RecordReader()
        guard let base = reader.id(value) else { throw .unreadable(key) }
        var block = EntryBlock(bytes: [UInt8](copying: value, from: reader.offset), number: key.id)
        block.isChanged = false
        guard let (last, hasPriorities) = block.checkedLastID(base: base) else { throw .unreadable(key) }
        if let lastInBlocks, base <= lastInBlocks { throw .inconsistent(key) }
        guard last <= header.lastID, key.id < header.nextBlockNumber, !log.hasTail else { throw .inconsistent(key) }
        lastInBlocks = last
        hasBlocks = true
        if hasPriorities {
            block.forEach(base: base) { cursor in
                if !cursor.isDead, cursor.priority > .normal { prioritized.put(cursor.id, cursor.priority) }
                return true
            }
        }
        if header.tailNumber == key.id {
            log.tail = block
            (log.tailFirst, log.tailLast, log.tailGiven) = (base, last, header.tailGiven)
        } else {
            log.sealed.append(configuration.isEvictable ? block.kept(base: base) : block, first: base)
            log.sealedCount += 1
            log.sealedBytes += block.bytes.count
            if configuration.isEvictable { log.absentCount += 1 }
        }
    }

    /// The record of the open block, once the header is there.
    public var openBlock: TableKey? { header?.tailNumber.map { StreamTable.blockKey($0, of: number) } }

    /// Whether all blocks have to be read, for the index may not say what is urgent. Once the header is there.
    public var needsBlocks: Bool { header.map { $0.queue.hasHadPriorities && !$0.queue.isIndexWhole } == true }

    /// Of blocks that were loaded the index must say what they are; else they are as it says.
    private mutating func loadIndex(
        _ key: TableKey, _ value: RawSpan, _ header: StreamHeader
    ) throws(StreamRestoreError) {
        var reader = RecordReader()
        guard let base = reader.id(value), value.byteCount - reader.offset >= EntryBlock.keptBytes else {
            throw .unreadable(key)
        }
        let kept = value.extracting(reader.offset..<reader.offset + EntryBlock.keptBytes)
        let rest = value.extracting(reader.offset + EntryBlock.keptBytes..<value.byteCount)
        guard let block = EntryBlock(kept: [UInt8](copying: kept), number: key.id, base: base),
            let urgent = PriorityRecord.decode(rest, of: block, base: base)
        else { throw .unreadable(key) }
        indexedCount += 1
        if hasBlocks {
            let isSame = log.sealed.withLeaf(of: base) { known, first in
                first == base && known.number == key.id
                    && (known.isAbsent ? known : known.kept(base: base)).bytes == block.bytes
            }
            guard isSame == true else { throw .inconsistent(key) }
            if urgent.isEmpty, needsBlocks { return }
            let known = prioritized.rows(in: StreamRange(block.firstLive, block.lastLive))
            let isAlike = known.elementsEqual(urgent) { $0.id == $1.id && $0.priority == $1.priority }
            guard isAlike else { throw .inconsistent(key) }
            return
        }
        if let lastInBlocks, base <= lastInBlocks { throw .inconsistent(key) }
        guard configuration.isEvictable, block.keptLast <= header.lastID, key.id < header.nextBlockNumber,
            key.id != header.tailNumber
        else { throw .inconsistent(key) }
        lastInBlocks = block.keptLast
        log.sealed.append(block, first: base)
        log.sealedCount += 1
        log.sealedBytes += block.byteCount
        log.absentCount += 1
        for row in urgent {
            guard prioritized.priority(of: row.id) == .normal else { throw .inconsistent(key) }
            prioritized.put(row.id, row.priority)
        }
    }

    private mutating func loadGroup(_ key: TableKey, _ value: RawSpan) throws(StreamRestoreError) {
        guard let record = GroupRecord(decoding: value) else { throw .unreadable(key) }
        guard key.id < UInt64(Stream.maximumGroupCount) else { throw .inconsistent(key) }
        groups[Int(key.id)] = Group(record: record)
        groupPlaces.append(Int(key.id))
    }

    private mutating func loadConsumer(_ key: TableKey, _ value: RawSpan) throws(StreamRestoreError) {
        guard let record = ConsumerRecord(decoding: value) else { throw .unreadable(key) }
        let group = Int(key.id >> StreamTable.consumerShift)
        let place = Int(key.id & (1 << StreamTable.consumerShift - 1))
        guard groups[group] != nil, place < ConsumerGroup.maximumConsumerCount,
            groups[group]?.consumers.place(of: record.name) == nil
        else { throw .inconsistent(key) }
        var consumer = Consumer(seenAt: record.seenAt, configuration)
        consumer.activeAt = record.activeAt
        groups[group]?.consumers.add(record.name, consumer, at: place)
        groups[group]?.consumers[row: place].isChanged = false
    }

    private mutating func loadPending(_ key: TableKey, _ value: RawSpan) throws(StreamRestoreError) {
        guard let entries = PendingRecord.decode(value) else { throw .unreadable(key) }
        let group = Int(key.id >> StreamTable.leafShift)
        let leaf = key.id & (1 << StreamTable.leafShift - 1)
        guard let record = groups[group]?.record, leaf < record.nextLeafNumber else { throw .inconsistent(key) }
        groups[group]?.leaves.append((leaf, entries))
    }

    private mutating func loadTimed(
        _ key: TableKey, _ value: RawSpan, _ header: StreamHeader
    ) throws(StreamRestoreError) {
        guard let (kind, leaf) = StreamTable.timedLeaf(key.id), leaf < header.queue.nextLeaf(of: kind) else {
            throw .inconsistent(key)
        }
        guard let record = TimedRecord(decoding: value, kind) else { throw .unreadable(key) }
        guard record.leaf.ids.allSatisfy({ $0.sequence <= header.queue.nextTimedNumber }) else {
            throw .inconsistent(key)
        }
        timedLeaves[kind, default: []].append((leaf, record))
    }

    private mutating func loadOrder(_ key: TableKey, _ value: RawSpan) throws(StreamRestoreError) {
        guard let lines = OrderRecord.decode(value) else { throw .unreadable(key) }
        let group = Int(key.id >> StreamTable.bucketShift)
        let bucket = Int(key.id & (1 << StreamTable.bucketShift - 1))
        guard groups[group] != nil else { throw .inconsistent(key) }
        for line in lines {
            guard OrderTable.bucket(line.hash) == bucket else { throw .inconsistent(key) }
            for id in line.ids {
                guard groups[group]?.order.hash(of: id) == nil else { throw .inconsistent(key) }
                groups[group]?.order.add(id, line.hash)
            }
        }
    }

    private func restoreTimed(
        _ kind: TimedKind, _ queue: inout TimedQueue, _ header: StreamHeader, _ key: TableKey
    ) throws(StreamRestoreError) {
        queue.tree.ledger.nextNumber = header.queue.nextLeaf(of: kind)
        var last: StreamID?
        for (number, record) in (timedLeaves[kind] ?? []).sorted(by: { $0.record.first < $1.record.first }) {
            var leaf = record.leaf
            leaf.number = number
            for id in leaf.ids {
                if let last, id <= last { throw .inconsistent(key) }
                last = id
            }
            leaf.isChanged = false
            queue.tree.append(leaf, first: record.first)
        }
    }

    /// The stream, equal in all it answers to the one that was written. What was loaded goes into it: this can be
    /// called once.
    public mutating func finish() throws(StreamRestoreError) -> Stream {
        guard let header else { throw .noHeader }
        let headerKey = StreamRecord.header.key(of: number)
        guard (header.tailNumber != nil) == log.hasTail, !readsIndex || indexedCount == log.sealedCount else {
            throw .inconsistent(headerKey)
        }
        var stream = Stream(configuration: configuration)
        log.sealed.ledger.nextNumber = header.nextBlockNumber
        (log.lastID, log.maxDeletedID, log.entriesAdded) = (header.lastID, header.maxDeletedID, header.entriesAdded)
        stream.log = log
        for place in groupPlaces {
            guard let group = groups.removeValue(forKey: place) else { preconditionFailure("group \(place) twice") }
            let key = StreamRecord.group(place).key(of: number)
            guard stream.groups.place(of: group.record.name) == nil else { throw .inconsistent(key) }
            stream.groups.add(group.record.name, try restored(group, key), at: place)
            stream.groups[row: place].isChanged = false
        }
        stream.nextTimedNumber = header.queue.nextTimedNumber
        stream.retention = header.queue.retention
        try restoreTimed(.delayed, &stream.delayed, header, headerKey)
        try restoreTimed(.ending, &stream.ending, header, headerKey)
        try restoreTimed(.jobs, &stream.jobs, header, headerKey)
        guard prioritized.isEmpty || header.queue.hasHadPriorities else { throw .inconsistent(headerKey) }
        (stream.prioritized, stream.hasHadPriorities) = (prioritized, header.queue.hasHadPriorities)
        stream.isIndexWhole = header.queue.isIndexWhole
        var isEndedOnce = true
        stream.ending.forEach { row, content in
            guard let id = Stream.endingID(content.span.bytes), stream.endingRows.row(of: id) == nil else {
                isEndedOnce = false
                return false
            }
            stream.endingRows.put(id, row: row)
            return true
        }
        guard isEndedOnce else { throw .inconsistent(headerKey) }
        var isUnique = true
        stream.jobs.forEach { id, content in
            guard let job = StreamJob(content: content.span.bytes) else { return false }
            isUnique = isUnique && stream.jobNames.updateValue(id, forKey: job.name) == nil
            return isUnique
        }
        guard isUnique else { throw .inconsistent(headerKey) }
        stream.idempotent.restoreWindow(header.window)
        (stream.idempotent.addedCount, stream.idempotent.duplicateCount, stream.idempotent.sweptAt) =
            (header.addedCount, header.duplicateCount, header.sweptAt)
        for (place, record) in producers {
            let key = StreamRecord.producer(place).key(of: number)
            guard stream.idempotent.producers.place(of: record.name) == nil else { throw .inconsistent(key) }
            var producer = Producer()
            for item in record.items {
                if producer.entry(of: item.id) != nil { throw .inconsistent(key) }
                producer.add(item.id, item.entry)
            }
            stream.idempotent.producers.add(record.name, producer, at: place)
            stream.idempotent.producers[row: place].isChanged = false
        }
        return stream
    }

    private func restored(_ loaded: Group, _ key: TableKey) throws(StreamRestoreError) -> ConsumerGroup {
        var group = ConsumerGroup(
            lastDeliveredID: loaded.record.lastDeliveredID, entriesRead: loaded.record.entriesRead, configuration)
        group.consumers = loaded.consumers
        group.nextTicket = loaded.record.nextTicket
        group.policy = loaded.record.policy
        group.consumersDueAt = loaded.record.consumersDueAt
        group.ahead = loaded.record.ahead
        group.pending.ledger.nextNumber = loaded.record.nextLeafNumber
        var last: StreamID?
        let leaves = loaded.leaves.sorted { $0.entries.first?.id ?? .zero < $1.entries.first?.id ?? .zero }
        for (number, entries) in leaves {
            guard let first = entries.first else {
                // An empty leaf stays only where there is no other; and it does stay, so that leaves have the same
                // numbers as where the whole log is replayed.
                guard loaded.leaves.count == 1 else { throw .inconsistent(key) }
                var leaf = PendingLeaf()
                leaf.number = number
                leaf.isChanged = false
                group.pending.append(leaf, first: .zero)
                continue
            }
            if let last, first.id <= last { throw .inconsistent(key) }
            last = entries.last?.id
            var leaf = PendingLeaf()
            leaf.replaceAll(entries)
            leaf.number = number
            leaf.isChanged = false
            group.pending.append(leaf, first: first.id)
            for entry in entries {
                switch entry.holder {
                case .nobody(let ticket):
                    guard ticket < group.nextTicket || entry.isParked else { throw .inconsistent(key) }
                    group.releasedCount += 1
                    if entry.isParked { group.parkedCount += 1 }
                case .consumer(let consumer, _):
                    guard group.consumers.holds(Int(consumer.rawValue)) else { throw .inconsistent(key) }
                    group.consumers[row: Int(consumer.rawValue)].value.add(entry.id)
                }
            }
        }
        group.isTicketChanged = false
        group.order = loaded.order
        _ = group.order.takeChanged()
        return group
    }
}

extension EntryBlock {
    /// The last entry's ID, and whether one has a priority, if the bytes are a block with a live entry; `nil` if they
    /// are anything else.
    fileprivate func checkedLastID(base: StreamID) -> (last: StreamID, hasPriorities: Bool)? {
        let span = bytes.span.bytes
        guard span.byteCount > Self.fixedBytes else { return nil }
        var reader = Self.fixedBytes
        guard let masterCount = Varint.read(span, at: &reader), masterCount <= UInt64(span.byteCount) else {
            return nil
        }
        for _ in 0..<masterCount {
            guard let count = FieldList.length(in: span, at: &reader) else { return nil }
            reader += count
        }
        guard reader == begin else { return nil }
        var cursor = EntryCursor(self, base: base)
        var (given, live) = (0, 0)
        var last: StreamID?
        var hasPriorities = false
        while cursor.end < span.byteCount {
            guard cursor.step(in: span), last.map({ $0 < cursor.id }) != false else { return nil }
            guard Self.isContent(span, cursor, masterCount) else { return nil }
            last = cursor.id
            given += 1
            if !cursor.isDead { live += 1 }
            hasPriorities = hasPriorities || cursor.flags & EntryFlags.priority != 0
        }
        guard given == givenCount, live == liveCount, live > 0, let last else { return nil }
        return (last, hasPriorities)
    }

    private static func isContent(_ bytes: RawSpan, _ cursor: EntryCursor, _ masterCount: UInt64) -> Bool {
        var offset = cursor.content
        var texts = masterCount
        if cursor.flags & EntryFlags.masterNames == 0 {
            guard let count = Varint.read(bytes, at: &offset), count <= UInt64(bytes.byteCount) else { return false }
            texts = count * 2
        }
        for _ in 0..<texts {
            guard let place = PackedText.place(in: bytes, at: offset), place.end <= cursor.end else { return false }
            offset = place.end
        }
        return offset == cursor.end
    }
}
