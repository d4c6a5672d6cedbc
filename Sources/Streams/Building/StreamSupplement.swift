// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// What a stream holds beside what Redis 7.0 has in one: when consumers last got something, pending entries that nobody
/// holds, idempotent appends. Numbers are varints, texts their lengths and bytes:
///
///     groups       in byte order of names: for each
///       active       for each consumer in byte order of names: the moment plus one; 0: never
///       stand-in     1: the only consumer isn't one: it stands for nobody
///       released     their count, then their IDs in the order in which they were given back
///     window       seconds, count
///     idempotent   IDs added, duplicates
///     producers    for each, as its checkpoint's record, its length in front
struct StreamSupplement: Sendable {
    struct Group: Sendable {
        var activeAt: [Int64?] = []
        var hasStandIn = false
        var released: [StreamID] = []
    }

    var groups: [Group] = []
    var window = IdempotencyWindow()
    var addedCount: UInt64 = 0
    var duplicateCount: UInt64 = 0
    var producers: [ProducerRecord] = []

    // MARK: From a stream

    init(_ stream: Stream) {
        for place in stream.groups.placesByName {
            stream.groups.withValue(at: place) { group in
                var written = Group(activeAt: group.consumerInfos.map(\.activeAt))
                written.released = group.releasedIDs
                written.hasStandIn = group.needsStandIn
                if written.hasStandIn { written.activeAt = [nil] }
                groups.append(written)
            }
        }
        window = stream.idempotent.window
        (addedCount, duplicateCount) = (stream.idempotent.addedCount, stream.idempotent.duplicateCount)
        for place in stream.idempotent.producers.placesByName {
            let row = stream.idempotent.producers[row: place]
            producers.append(ProducerRecord(row.name, row.value))
        }
    }

    func encode(into bytes: inout [UInt8]) {
        Varint.append(UInt64(groups.count), to: &bytes)
        for group in groups {
            Varint.append(UInt64(group.activeAt.count), to: &bytes)
            for moment in group.activeAt { Varint.append(moment.map { UInt64(max($0, 0)) + 1 } ?? 0, to: &bytes) }
            bytes.append(group.hasStandIn ? 1 : 0)
            Varint.append(UInt64(group.released.count), to: &bytes)
            for id in group.released { bytes.append(id) }
        }
        Varint.append(UInt64(window.durationSeconds), to: &bytes)
        Varint.append(UInt64(window.maximumCount), to: &bytes)
        Varint.append(addedCount, to: &bytes)
        Varint.append(duplicateCount, to: &bytes)
        Varint.append(UInt64(producers.count), to: &bytes)
        for producer in producers {
            var record: [UInt8] = []
            producer.encode(into: &record)
            bytes.append(text: record)
        }
    }

    // MARK: To a stream

    /// `nil` where the bytes are not in the form above.
    init?(decoding bytes: RawSpan) {
        var reader = RecordReader()
        guard let groupCount = reader.count(bytes), groupCount <= bytes.byteCount else { return nil }
        for _ in 0..<groupCount {
            guard let group = Self.group(bytes, &reader) else { return nil }
            groups.append(group)
        }
        guard let seconds = reader.natural(bytes), let count = reader.count(bytes), let added = reader.number(bytes),
            let duplicates = reader.number(bytes), let producerCount = reader.count(bytes),
            IdempotencyWindow.durationSecondsRange.contains(seconds),
            IdempotencyWindow.maximumCountRange.contains(count), producerCount <= bytes.byteCount,
            // Both are counted on.
            added <= UInt64(Int64.max), duplicates <= UInt64(Int64.max)
        else { return nil }
        window = IdempotencyWindow(durationSeconds: seconds, maximumCount: count)
        (addedCount, duplicateCount) = (added, duplicates)
        for _ in 0..<producerCount {
            guard let record = reader.text(bytes), let producer = ProducerRecord(decoding: record.span.bytes) else {
                return nil
            }
            producers.append(producer)
        }
        guard reader.isAtEnd(of: bytes) else { return nil }
    }

    private static func group(_ bytes: RawSpan, _ reader: inout RecordReader) -> Group? {
        var group = Group()
        guard let consumers = reader.count(bytes), consumers <= bytes.byteCount else { return nil }
        for _ in 0..<consumers {
            guard let moment = reader.natural(bytes) else { return nil }
            group.activeAt.append(moment == 0 ? nil : moment - 1)
        }
        guard let standIn = reader.number(bytes), standIn <= 1, let released = reader.count(bytes),
            released <= bytes.byteCount
        else { return nil }
        group.hasStandIn = standIn == 1
        for _ in 0..<released {
            guard let id = reader.id(bytes) else { return nil }
            group.released.append(id)
        }
        return group
    }

    /// Whether it fits the stream.
    func apply(to stream: inout Stream, now: Int64) -> Bool {
        let places = stream.groups.placesByName
        guard places.count == groups.count else { return false }
        for (place, group) in zip(places, groups) {
            guard apply(group, to: &stream.groups[row: place].value, now: now) else { return false }
        }
        stream.idempotent.restoreWindow(window)
        (stream.idempotent.addedCount, stream.idempotent.duplicateCount) = (addedCount, duplicateCount)
        for record in producers {
            guard stream.idempotent.producers.place(of: record.name) == nil, record.items.count <= window.maximumCount
            else { return false }
            var producer = Producer()
            for item in record.items {
                if producer.entry(of: item.id) != nil { return false }
                producer.add(item.id, item.entry)
            }
            stream.idempotent.producers.add(record.name, producer)
        }
        return true
    }

    private func apply(_ written: Group, to group: inout ConsumerGroup, now: Int64) -> Bool {
        let places = group.consumers.placesByName
        guard places.count == written.activeAt.count, !written.hasStandIn || places.count == 1 else { return false }
        for (place, moment) in zip(places, written.activeAt) {
            group.consumers[row: place].value.activeAt = moment.map { min($0, now) }
        }
        for id in written.released {
            guard var entry = group.pendingEntry(id), !entry.holder.isNobody else { return false }
            entry.holder = .nobody(ticket: group.takeTicket())
            group.setPending(entry)
        }
        if written.hasStandIn {
            // What it held is nobody's by now.
            guard group.releasedCount == group.pendingCount else { return false }
            _ = group.deleteConsumer(group.consumers[row: places[0]].name)
        }
        return true
    }
}

extension ConsumerGroup {
    /// Pending entries that nobody holds, in the order in which they were given back.
    var releasedIDs: [StreamID] {
        if releasedCount == 0 { return [] }
        var ids: [StreamID] = []
        forEachOldest(upTo: -1) { entry in
            ids.append(entry.id)
            return true
        }
        // Whom they follow isn't written.
        forEachPending(in: .all) { entry in
            if entry.isParked { ids.append(entry.id) }
            return true
        }
        return ids
    }

    /// Whether something is pending and there is no consumer to name as its holder.
    public var needsStandIn: Bool { releasedCount > 0 && consumerCount == 0 }
}

extension Stream {
    /// Bytes that say what Redis 7.0 has no place for; `nil` where nothing is lost without them.
    public var supplement: [UInt8]? {
        let isPlain = groups.placesByName.allSatisfy { place in
            groups.withValue(at: place) { group in
                group.releasedCount == 0 && group.consumerInfos.allSatisfy { $0.activeAt == $0.seenAt }
            }
        }
        let supplement = StreamSupplement(self)
        if isPlain, supplement.producers.isEmpty, supplement.addedCount == 0, supplement.duplicateCount == 0,
            supplement.window == IdempotencyWindow()
        {
            return nil
        }
        var bytes: [UInt8] = []
        supplement.encode(into: &bytes)
        return bytes
    }

    /// Calls `body` with the live entries of each block, in order.
    public func forEachBlock(_ body: ([StreamEntry]) -> Void) {
        func visit(_ base: StreamID, _ block: EntryBlock) {
            var entries: [StreamEntry] = []
            block.forEach(base: base) { cursor in
                if !cursor.isDead { entries.append(StreamEntry(cursor, in: block)) }
                return true
            }
            if !entries.isEmpty { body(entries) }
        }
        log.sealed.forEachLeaf { base, block in
            visit(base, block)
            return true
        }
        if log.hasTail { visit(log.tailFirst, log.tail) }
    }
}
