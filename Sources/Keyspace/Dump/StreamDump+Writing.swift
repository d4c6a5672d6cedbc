// SPDX-License-Identifier: Apache-2.0

import MartletStreams

extension DumpedValue {
    static func write(_ stream: MartletStreams.Stream, _ writer: inout DumpWriter) {
        writer.bytes.append(DumpType.streamOf70.rawValue)
        writer.length(UInt64(stream.blockCount))
        stream.forEachBlock { entries in
            var key = DumpWriter()
            key.raw(entries[0].id)
            writer.text(key.bytes)
            writer.text(block(of: entries))
        }
        writer.length(UInt64(stream.length))
        writer.id(stream.lastID)
        writer.id(stream.firstEntryID)
        writer.id(stream.maxDeletedID)
        writer.length(stream.entriesAdded)
        writer.length(UInt64(stream.groupCount))
        for name in stream.groupNames {
            guard let group = stream.group(named: name) else { preconditionFailure("no group \(name)") }
            write(group, name, &writer)
        }
        if let supplement = stream.supplement { writer.bytes += StreamDump.mark + supplement }
    }

    /// The first entry's names are the master names.
    private static func block(of entries: [StreamEntry]) -> [UInt8] {
        let base = entries[0].id
        let names = entries[0].fields.map(\.name)
        var listpack = ListpackWriter()
        listpack.append(Int64(entries.count))
        listpack.append(0)
        listpack.append(Int64(names.count))
        for name in names { listpack.append(name) }
        listpack.append(0)
        for entry in entries {
            let fields = entry.fields
            let hasMasterNames = fields.map(\.name) == names
            listpack.append(hasMasterNames ? StreamDump.masterNames : 0)
            listpack.append(Int64(bitPattern: entry.id.milliseconds &- base.milliseconds))
            listpack.append(Int64(bitPattern: entry.id.sequence &- base.sequence))
            if !hasMasterNames { listpack.append(Int64(fields.count)) }
            for field in fields {
                if !hasMasterNames { listpack.append(field.name) }
                listpack.append(field.value)
            }
            listpack.append(Int64(hasMasterNames ? fields.count + 3 : fields.count * 2 + 4))
        }
        return listpack.finished()
    }

    private static func write(_ group: ConsumerGroup, _ name: [UInt8], _ writer: inout DumpWriter) {
        writer.text(name)
        writer.id(group.lastDeliveredID)
        writer.length(UInt64(bitPattern: group.entriesRead ?? -1))
        writer.length(UInt64(group.pendingCount))
        var held: [[StreamID]] = []
        let consumers = group.consumerInfos
        held = [[StreamID]](repeating: [], count: max(consumers.count, 1))
        // Consumers' numbers to places in the list.
        var places: [ConsumerNumber: Int] = [:]
        for (place, consumer) in consumers.enumerated() {
            if let number = group.consumer(named: consumer.name) { places[number] = place }
        }
        group.forEachPending(in: .all) { entry in
            writer.raw(entry.id)
            writer.little(UInt64(bitPattern: entry.deliveredAt), 8)
            writer.length(UInt64(entry.deliveryCount))
            // What nobody holds is the first one's there, for ever idle: whoever claims gets it. The extension tells.
            held[entry.consumer.flatMap { places[$0] } ?? 0].append(entry.id)
            return true
        }
        if group.needsStandIn {
            writer.length(1)
            return write(ConsumerInfo(name: [], pendingCount: 0, seenAt: 0, activeAt: nil), held[0], &writer)
        }
        writer.length(UInt64(consumers.count))
        for (place, consumer) in consumers.enumerated() { write(consumer, held[place], &writer) }
    }

    private static func write(_ consumer: ConsumerInfo, _ held: [StreamID], _ writer: inout DumpWriter) {
        writer.text(consumer.name)
        writer.little(UInt64(bitPattern: consumer.seenAt), 8)
        writer.length(UInt64(held.count))
        for id in held { writer.raw(id) }
    }
}

extension DumpWriter {
    fileprivate mutating func id(_ id: StreamID) {
        length(id.milliseconds)
        length(id.sequence)
    }

    fileprivate mutating func raw(_ id: StreamID) {
        big(id.milliseconds, 8)
        big(id.sequence, 8)
    }
}
