// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStreams

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// The seed of a random test: from MARTLET_SEED, else a fixed one, so that a run repeats. Prints it.
func testSeed(_ test: String) -> UInt64 {
    let seed = getenv("MARTLET_SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_261_121
    print("\(test): MARTLET_SEED=\(seed)")
    return seed
}

/// A number from the environment.
func testNumber(_ name: String) -> Int? { getenv(name).flatMap { Int(String(cString: $0)) } }

/// Trees of few entries are deep.
let small: StreamConfiguration = {
    var configuration = StreamConfiguration()
    configuration.nodeCapacity = 4
    configuration.pendingCapacity = 4
    configuration.idCapacity = 4
    return configuration
}()

func id(_ milliseconds: UInt64, _ sequence: UInt64 = 0) -> StreamID { StreamID(milliseconds, sequence) }

func fields(_ pairs: (String, String)...) -> FieldList {
    FieldList(pairs.map { (bytes($0.0), bytes($0.1)) })
}

extension StreamEntry {
    var content: [String] { fields.flatMap { [text($0.name), text($0.value)] } }
}

extension Stream {
    @discardableResult
    mutating func add(
        _ id: StreamID, _ pairs: (String, String)..., limits: BlockLimits = BlockLimits()
    ) throws(StreamError) -> StreamID {
        let list = pairs.isEmpty ? fields(("f", "v")) : FieldList(pairs.map { (bytes($0.0), bytes($0.1)) })
        return try append(.explicit(id), list, limits: limits, now: 0).id
    }

    var ids: [StreamID] { entries(in: .all).map(\.id) }
}

/// The tables of one stream as checkpoints leave them.
struct Tables {
    private(set) var records: [TableKey: [UInt8]] = [:]

    mutating func apply(_ batch: TableBatch) {
        batch.forEach { key, value in
            if let value { records[key] = [UInt8](copying: value) } else { records[key] = nil }
        }
    }

    func restored(_ configuration: StreamConfiguration, number: UInt64 = 7) throws -> Stream {
        var restorer = StreamRestorer(number, configuration: configuration)
        for (key, value) in records.sorted(by: { $0.key < $1.key }) { try restorer.load(key, value.span.bytes) }
        return try restorer.finish()
    }
}

extension Stream {
    /// Writes a checkpoint.
    mutating func checkpoint(into tables: inout Tables, number: UInt64 = 7) {
        let checkpoint = beginCheckpoint()
        var batch = TableBatch()
        checkpoint.encode(of: number, into: &batch)
        tables.apply(batch)
    }
}

extension Tables {
    mutating func drop(_ key: TableKey) { records[key] = nil }

    mutating func put(_ key: TableKey, _ value: [UInt8]) { records[key] = value }

    /// Changes, cuts or drops a record.
    mutating func damage(_ key: TableKey, _ random: inout SeededRandom) {
        let value = records[key]!
        switch Int.random(in: 0..<8, using: &random) {
        case 0: records[key] = nil
        case 1: records[key] = Array(value.prefix(Int.random(in: 0...value.count, using: &random)))
        default:
            guard let place = value.indices.randomElement(using: &random) else { return }
            records[key]![place] = UInt8.random(in: .min ... .max, using: &random)
        }
    }
}

extension Stream {
    mutating func readGroup(
        _ group: [UInt8], consumer: [UInt8], count: Int = .max, claimIdle: Int64? = nil, isAcknowledged: Bool = false,
        now: Int64, admits: (StreamEntry) -> Bool = { _ in true }
    ) throws(StreamError) -> GroupRead {
        try readGroup(
            group.span.bytes, consumer: consumer.span.bytes, count: count, claimIdle: claimIdle,
            isAcknowledged: isAcknowledged, now: now, admits: admits)
    }

    mutating func readHistory(
        _ group: [UInt8], consumer: [UInt8], after id: StreamID, count: Int = .max, now: Int64
    ) throws(StreamError) -> HistoryRead {
        try readHistory(group.span.bytes, consumer: consumer.span.bytes, after: id, count: count, now: now)
    }
}
