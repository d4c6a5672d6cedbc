// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStreams

// A stream in a dump. Numbers are lengths as `DumpReader.length` reads them; an ID is two numbers; a raw ID is sixteen
// bytes, the highest first; a moment is eight bytes, the lowest first.
//
//     blocks       count; for each: the raw ID from which its entries count, as a text; a listpack, as a text
//     entries      their count; last ID
//       from 7.0   first ID, greatest deleted ID, entries ever added
//     groups       count; for each: name, last delivered ID
//       from 7.0     entries read, all bits set: unknown
//       pending      count; for each: raw ID, moment, count of deliveries
//       consumers    count; for each: name, moment seen
//         from 7.2     moment active, all bits set: never
//         held         count; for each: raw ID
//     extension    absent where nothing is lost: `StreamDump.mark`, then `Stream.supplement`
//
// A listpack holds
//
//     live, deleted entries; count of master names, those names; 0
//     entry        flags: 1 deleted, 2 master names; milliseconds and sequence since the block's ID
//       names        count, then name and value by turns; absent in an entry with the master names, which has values
//       elements     how many of them the entry has before this one
enum StreamDump {
    static let mark: [UInt8] = Array("\0MARTLET1".utf8)
    static let deleted: Int64 = 1
    static let masterNames: Int64 = 2
}

extension DumpedValue {
    static func stream(
        _ type: DumpType, _ reader: inout DumpReader, _ empty: MartletStreams.Stream, now: Int64
    ) throws(DumpError) -> MartletStreams.Stream {
        var parts = StreamParts(type: type, builder: StreamBuilder(empty, now: now))
        do throws(StreamPartsError) {
            try parts.readBlocks(&reader)
            try parts.readNumbers(&reader)
            for _ in 0..<(try StreamParts.count(&reader)) { try parts.readGroup(&reader) }
            if reader.remaining.starts(with: StreamDump.mark) {
                let supplement = Array(reader.remaining.dropFirst(StreamDump.mark.count))
                try StreamParts.build { () throws(StreamBuildError) in
                    try parts.builder.add(supplement: supplement.span.bytes)
                }
            }
        } catch {
            throw error.dumpError
        }
        return parts.builder.finish()
    }
}

/// Either of two errors.
private struct StreamPartsError: Error {
    var dumpError: DumpError
}

private struct StreamParts {
    let type: DumpType
    var builder: StreamBuilder

    // MARK: Errors of two kinds

    static func read<Result>(_ body: () throws(DumpError) -> Result) throws(StreamPartsError) -> Result {
        do throws(DumpError) {
            return try body()
        } catch {
            throw StreamPartsError(dumpError: error)
        }
    }

    static func build<Result>(_ body: () throws(StreamBuildError) -> Result) throws(StreamPartsError) -> Result {
        do throws(StreamBuildError) {
            return try body()
        } catch {
            throw StreamPartsError(dumpError: error == .tooLarge ? .tooLarge : .badFormat)
        }
    }

    static var badFormat: StreamPartsError { StreamPartsError(dumpError: .badFormat) }

    static func count(_ reader: inout DumpReader) throws(StreamPartsError) -> Int {
        try read { () throws(DumpError) in try reader.count() }
    }

    static func number(_ reader: inout DumpReader) throws(StreamPartsError) -> UInt64 {
        try read { () throws(DumpError) in try reader.length() }
    }

    static func text(_ reader: inout DumpReader) throws(StreamPartsError) -> [UInt8] {
        try read { () throws(DumpError) in try reader.text() }
    }

    static func id(_ reader: inout DumpReader) throws(StreamPartsError) -> StreamID {
        StreamID(try number(&reader), try number(&reader))
    }

    static func rawID(_ reader: inout DumpReader) throws(StreamPartsError) -> StreamID {
        try read { () throws(DumpError) in StreamID(try reader.big(8), try reader.big(8)) }
    }

    static func moment(_ reader: inout DumpReader) throws(StreamPartsError) -> Int64 {
        Int64(bitPattern: try read { () throws(DumpError) in try reader.little(8) })
    }

    // MARK: Entries

    mutating func readBlocks(_ reader: inout DumpReader) throws(StreamPartsError) {
        for _ in 0..<(try Self.count(&reader)) {
            let key = try Self.text(&reader)
            guard key.count == 16 else { throw Self.badFormat }
            var words = DumpReader(key[...])
            let base = try Self.rawID(&words)
            let bytes = try Self.text(&reader)
            builder.beginBlock()
            let before = builder.length
            try readBlock(bytes, base)
            if builder.length == before { throw Self.badFormat }
        }
    }

    private mutating func readBlock(_ bytes: [UInt8], _ base: StreamID) throws(StreamPartsError) {
        var listpack = try Self.read { () throws(DumpError) in try ListpackReader(bytes) }
        let live = try Self.integer(&listpack)
        let deleted = try Self.integer(&listpack)
        let nameCount = try Self.integer(&listpack)
        guard live > 0, deleted >= 0, nameCount >= 0, nameCount <= Int64(bytes.count) else { throw Self.badFormat }
        var names: [[UInt8]] = []
        for _ in 0..<nameCount { names.append(try Self.element(&listpack).array) }
        guard try Self.integer(&listpack) == 0 else { throw Self.badFormat }
        var (readLive, readDeleted): (Int64, Int64) = (0, 0)
        while let first = try Self.read({ () throws(DumpError) in try listpack.next() }) {
            guard case .integer(let flags) = first, flags & ~(StreamDump.deleted | StreamDump.masterNames) == 0 else {
                throw Self.badFormat
            }
            if flags & StreamDump.deleted != 0 { readDeleted += 1 } else { readLive += 1 }
            try readEntry(flags, base, names, &listpack)
        }
        guard readLive == live, readDeleted == deleted else { throw Self.badFormat }
    }

    private mutating func readEntry(
        _ flags: Int64, _ base: StreamID, _ names: [[UInt8]], _ listpack: inout ListpackReader
    ) throws(StreamPartsError) {
        // Differences wrap, as a sequence may be below that of the base; whether IDs rise is looked at later.
        let milliseconds = base.milliseconds &+ UInt64(bitPattern: try Self.integer(&listpack))
        let sequence = base.sequence &+ UInt64(bitPattern: try Self.integer(&listpack))
        let hasMasterNames = flags & StreamDump.masterNames != 0
        // Deleted entries are passed over: what they share is not counted.
        let isDeleted = flags & StreamDump.deleted != 0
        var fields: [UInt8] = []
        func take() throws(StreamPartsError) {
            let element = try Self.element(&listpack)
            if !isDeleted { Self.append(element.array, to: &fields) }
        }
        var elements: Int64 = 3
        if hasMasterNames {
            for name in names {
                if !isDeleted { Self.append(name, to: &fields) }
                try take()
            }
            elements += Int64(names.count)
        } else {
            let count = try Self.integer(&listpack)
            guard count >= 0, count <= Int64(DumpLimits.expandedBytes) else { throw Self.badFormat }
            for _ in 0..<count * 2 { try take() }
            elements += 1 + count * 2
        }
        guard try Self.integer(&listpack) == elements else { throw Self.badFormat }
        if isDeleted { return }
        try Self.build { () throws(StreamBuildError) in
            try builder.append(StreamID(milliseconds, sequence), fields: fields)
        }
    }

    private static func append(_ text: [UInt8], to fields: inout [UInt8]) {
        Varint.append(UInt64(text.count), to: &fields)
        fields += text
    }

    private static func integer(_ listpack: inout ListpackReader) throws(StreamPartsError) -> Int64 {
        try read { () throws(DumpError) in try listpack.integer() }
    }

    private static func element(_ listpack: inout ListpackReader) throws(StreamPartsError) -> ListpackElement {
        try read { () throws(DumpError) in try listpack.element() }
    }

    // MARK: Numbers

    mutating func readNumbers(_ reader: inout DumpReader) throws(StreamPartsError) {
        let length = try Self.number(&reader)
        guard length == UInt64(builder.length) else { throw Self.badFormat }
        let last = try Self.id(&reader)
        var (deleted, added): (StreamID, UInt64?) = (.zero, nil)
        if type != .streamOf50 {
            // The first entry's ID follows from the entries.
            _ = try Self.id(&reader)
            deleted = try Self.id(&reader)
            added = try Self.number(&reader)
        }
        try Self.build { () throws(StreamBuildError) in
            try builder.setNumbers(lastID: last, maxDeletedID: deleted, entriesAdded: added)
        }
    }

    // MARK: Groups

    mutating func readGroup(_ reader: inout DumpReader) throws(StreamPartsError) {
        let name = try Self.text(&reader)
        let last = try Self.id(&reader)
        var entriesRead = StreamBuilder.EntriesRead.estimated
        if type != .streamOf50 {
            let read = Int64(bitPattern: try Self.number(&reader))
            entriesRead = read == -1 ? .unknown : .count(read)
        }
        try Self.build { () throws(StreamBuildError) in
            try builder.beginGroup(name, lastDeliveredID: last, entriesRead)
        }
        for _ in 0..<(try Self.count(&reader)) {
            let id = try Self.rawID(&reader)
            let moment = try Self.moment(&reader)
            let deliveries = try Self.number(&reader)
            try Self.build { () throws(StreamBuildError) in
                try builder.addPending(id, deliveredAt: moment, deliveryCount: deliveries)
            }
        }
        for _ in 0..<(try Self.count(&reader)) { try readConsumer(&reader) }
        try Self.build { () throws(StreamBuildError) in try builder.endGroup() }
    }

    private mutating func readConsumer(_ reader: inout DumpReader) throws(StreamPartsError) {
        let name = try Self.text(&reader)
        let seen = try Self.moment(&reader)
        var active: Int64? = seen
        if type == .streamOf72 {
            let moment = try Self.moment(&reader)
            active = moment == -1 ? nil : moment
        }
        var held: [StreamID] = []
        for _ in 0..<(try Self.count(&reader)) { held.append(try Self.rawID(&reader)) }
        try Self.build { () throws(StreamBuildError) in
            try builder.addConsumer(name, seenAt: seen, activeAt: active, held: held)
        }
    }
}
