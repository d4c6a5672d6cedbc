// SPDX-License-Identifier: Apache-2.0

import MartletBasics

// All numbers are varints, signed ones marked; an ID is two of them; a text is its length and its bytes.

/// The numbers of a stream that stand in no other record.
///
///     format               1
///     last ID, greatest deleted ID
///     entries added
///     next block number
///     open block           its number plus one; 0: none is open
///     given                entries that the open block was given
///     window               seconds, count
///     idempotent IDs       added, duplicates, moment of the last sweep (signed)
///     queue                see `QueueNumbers`; absent where nothing of it is used
struct StreamHeader: Hashable, Sendable {
    static let format: UInt64 = 1

    var lastID: StreamID
    var maxDeletedID: StreamID
    var entriesAdded: UInt64
    var nextBlockNumber: UInt64
    var tailNumber: UInt64?
    var tailGiven: Int
    var window: IdempotencyWindow
    var addedCount: UInt64
    var duplicateCount: UInt64
    var sweptAt: Int64
    var queue: QueueNumbers

    init(_ stream: Stream) {
        let log = stream.log
        (lastID, maxDeletedID, entriesAdded) = (log.lastID, log.maxDeletedID, log.entriesAdded)
        nextBlockNumber = log.sealed.ledger.nextNumber
        tailNumber = log.hasTail ? log.tail.number : nil
        tailGiven = log.hasTail ? log.tailGiven : 0
        window = stream.idempotent.window
        addedCount = stream.idempotent.addedCount
        duplicateCount = stream.idempotent.duplicateCount
        sweptAt = stream.idempotent.sweptAt
        queue = QueueNumbers(stream)
    }

    func encode(into bytes: inout [UInt8]) {
        Varint.append(Self.format, to: &bytes)
        bytes.append(lastID)
        bytes.append(maxDeletedID)
        Varint.append(entriesAdded, to: &bytes)
        Varint.append(nextBlockNumber, to: &bytes)
        Varint.append(tailNumber.map { $0 + 1 } ?? 0, to: &bytes)
        Varint.append(UInt64(tailGiven), to: &bytes)
        Varint.append(UInt64(window.durationSeconds), to: &bytes)
        Varint.append(UInt64(window.maximumCount), to: &bytes)
        Varint.append(addedCount, to: &bytes)
        Varint.append(duplicateCount, to: &bytes)
        Varint.append(signed: sweptAt, to: &bytes)
        if queue != QueueNumbers() { queue.encode(into: &bytes) }
    }

    init(_ key: TableKey, decoding bytes: RawSpan) throws(StreamRestoreError) {
        var reader = RecordReader()
        guard let format = reader.number(bytes) else { throw .unreadable(key) }
        if format != Self.format { throw .unsupportedFormat(format) }
        guard let lastID = reader.id(bytes), let maxDeletedID = reader.id(bytes), let added = reader.number(bytes),
            let next = reader.number(bytes), let tail = reader.number(bytes), let given = reader.count(bytes),
            let seconds = reader.natural(bytes), let count = reader.count(bytes), let noted = reader.number(bytes),
            let duplicates = reader.number(bytes), let swept = reader.signed(bytes),
            let queue = reader.isAtEnd(of: bytes) ? QueueNumbers() : QueueNumbers(&reader, bytes),
            reader.isAtEnd(of: bytes),
            IdempotencyWindow.durationSecondsRange.contains(seconds),
            IdempotencyWindow.maximumCountRange.contains(count), tail <= next, next < 1 << 62
        else { throw .unreadable(key) }
        (self.lastID, self.maxDeletedID, entriesAdded, nextBlockNumber) = (lastID, maxDeletedID, added, next)
        tailNumber = tail == 0 ? nil : tail - 1
        tailGiven = given
        window = IdempotencyWindow(durationSeconds: seconds, maximumCount: count)
        (addedCount, duplicateCount, sweptAt) = (noted, duplicates, swept)
        self.queue = queue
    }
}

/// A group: name, last delivered ID, entries read plus one (0: unknown), next ticket, next leaf number; then, where it
/// has one, its policy, behind the moment when consumers are looked at, plus one; then, where it is ahead of the last
/// delivered ID, how far for each priority above 0.
struct GroupRecord: Hashable, Sendable {
    var name: [UInt8]
    var lastDeliveredID: StreamID
    var entriesRead: Int64?
    var nextTicket: UInt32
    var nextLeafNumber: UInt64
    var policy = GroupPolicy()
    var consumersDueAt: Int64?
    var ahead: [StreamID] = []

    init(_ name: [UInt8], _ group: ConsumerGroup) {
        self.name = name
        lastDeliveredID = group.lastDeliveredID
        entriesRead = group.entriesRead
        nextTicket = group.nextTicket
        nextLeafNumber = group.pending.ledger.nextNumber
        policy = group.policy
        consumersDueAt = group.consumersDueAt
        ahead = group.ahead
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(text: name)
        bytes.append(lastDeliveredID)
        Varint.append(entriesRead.map { UInt64($0) + 1 } ?? 0, to: &bytes)
        Varint.append(UInt64(nextTicket), to: &bytes)
        Varint.append(nextLeafNumber, to: &bytes)
        if policy.isEmpty, ahead.isEmpty { return }
        Varint.append(consumersDueAt.map { UInt64(max($0, 0)) + 1 } ?? 0, to: &bytes)
        policy.encode(into: &bytes)
        for id in ahead.dropFirst() { bytes.append(id) }
    }

    init?(decoding bytes: RawSpan) {
        var reader = RecordReader()
        guard let name = reader.text(bytes), let last = reader.id(bytes), let read = reader.number(bytes),
            let ticket = reader.number(bytes).flatMap({ UInt32(exactly: $0) }), let leaf = reader.number(bytes),
            read <= UInt64(Int64.max) + 1, leaf < 1 << StreamTable.leafShift
        else { return nil }
        if !reader.isAtEnd(of: bytes) {
            guard let due = reader.natural(bytes), let policy = GroupPolicy(&reader, bytes) else { return nil }
            consumersDueAt = due == 0 ? nil : due - 1
            self.policy = policy
            if !reader.isAtEnd(of: bytes) {
                ahead = [.zero]
                while ahead.count < EntryPriority.count {
                    guard let id = reader.id(bytes) else { return nil }
                    ahead.append(id)
                }
                // Otherwise it would not be written.
                guard reader.isAtEnd(of: bytes), ahead.contains(where: { $0 > last }) else { return nil }
            }
        }
        self.name = name
        lastDeliveredID = last
        entriesRead = read == 0 ? nil : Int64(read - 1)
        nextTicket = ticket
        nextLeafNumber = leaf
    }
}

/// A consumer: name, moment seen, and the moment it was active if it ever was. Both are signed.
struct ConsumerRecord: Hashable, Sendable {
    var name: [UInt8]
    var seenAt: Int64
    var activeAt: Int64?

    init(_ name: [UInt8], _ consumer: Consumer) {
        self.name = name
        seenAt = consumer.seenAt
        activeAt = consumer.activeAt
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(text: name)
        Varint.append(signed: seenAt, to: &bytes)
        if let activeAt { Varint.append(signed: activeAt, to: &bytes) }
    }

    init?(decoding bytes: RawSpan) {
        var reader = RecordReader()
        guard let name = reader.text(bytes), let seen = reader.signed(bytes) else { return nil }
        self.name = name
        seenAt = seen
        if !reader.isAtEnd(of: bytes) {
            guard let active = reader.signed(bytes), reader.isAtEnd(of: bytes) else { return nil }
            activeAt = active
        }
    }
}

/// The rows of a leaf of pending entries: for each
///
///     ms         since the row before; since 0 in the first
///     sequence   since the row before if the millisecond is the same, else the sequence itself
///     holder     the consumer's number plus one; 0: nobody
///     moment     signed: milliseconds since the row before, since 0 in the first; the ticket if nobody holds it
///     count      of deliveries
enum PendingRecord {
    static func encode(_ entries: [PendingEntry], into bytes: inout [UInt8]) {
        var last = StreamID.zero
        var moment: Int64 = 0
        for entry in entries {
            let milliseconds = entry.id.milliseconds - last.milliseconds
            Varint.append(milliseconds, to: &bytes)
            Varint.append(milliseconds > 0 ? entry.id.sequence : entry.id.sequence - last.sequence, to: &bytes)
            switch entry.holder {
            case .nobody(let ticket):
                Varint.append(0, to: &bytes)
                Varint.append(signed: Int64(ticket), to: &bytes)
            case .consumer(let consumer, let deliveredAt):
                Varint.append(UInt64(consumer.rawValue) + 1, to: &bytes)
                Varint.append(signed: deliveredAt - moment, to: &bytes)
                moment = deliveredAt
            }
            Varint.append(UInt64(entry.deliveryCount), to: &bytes)
            last = entry.id
        }
    }

    /// `nil` if the bytes are not in the record's form, or IDs don't rise.
    static func decode(_ bytes: RawSpan) -> [PendingEntry]? {
        var reader = RecordReader()
        var entries: [PendingEntry] = []
        var last = StreamID.zero
        var moment: Int64 = 0
        while !reader.isAtEnd(of: bytes) {
            guard let delta = reader.number(bytes), let sequence = reader.number(bytes),
                let holder = reader.number(bytes), let time = reader.signed(bytes), let count = reader.natural(bytes)
            else { return nil }
            let (milliseconds, isTooBig) = last.milliseconds.addingReportingOverflow(delta)
            let (sum, carries) = sequence.addingReportingOverflow(delta > 0 ? 0 : last.sequence)
            if isTooBig || carries { return nil }
            let id = StreamID(milliseconds, sum)
            if !entries.isEmpty, id <= last { return nil }
            last = id
            if holder == 0 {
                guard let ticket = UInt32(exactly: time) else { return nil }
                entries.append(PendingEntry(id: id, holder: .nobody(ticket: ticket), deliveryCount: count))
                continue
            }
            let (next, overflows) = moment.addingReportingOverflow(time)
            guard !overflows, next >= 0, holder <= UInt64(ConsumerGroup.maximumConsumerCount) else { return nil }
            moment = next
            let consumer = ConsumerNumber(UInt32(holder - 1))
            entries.append(
                PendingEntry(id: id, holder: .consumer(consumer, deliveredAt: moment), deliveryCount: count))
        }
        return entries
    }
}

/// A producer of idempotent appends: name, then for each ID it and the entry's ID, oldest first.
struct ProducerRecord: Hashable, Sendable {
    var name: [UInt8]
    var items: [Producer.Item]

    init(_ name: [UInt8], _ producer: Producer) {
        self.name = name
        items = Array(producer.all)
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(text: name)
        for item in items {
            bytes.append(text: item.id)
            bytes.append(item.entry)
        }
    }

    init?(decoding bytes: RawSpan) {
        var reader = RecordReader()
        guard let name = reader.text(bytes) else { return nil }
        self.name = name
        items = []
        while !reader.isAtEnd(of: bytes) {
            guard let id = reader.text(bytes), let entry = reader.id(bytes) else { return nil }
            items.append(Producer.Item(id: id, entry: entry))
        }
    }
}
