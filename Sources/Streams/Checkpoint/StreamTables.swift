// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// The tables of streams in a checkpoint. The object number is the stream's, from whoever keeps streams by name.
///
///     table         id                                       value
///     streams       0                                        the stream's own numbers: see `StreamHeader`
///     blocks        block number                             base ID, the block's bytes: see `EntryBlock`
///     groups        group                                    see `GroupRecord`
///     consumers     group << 32 | consumer                   see `ConsumerRecord`
///     pending       group << 40 | leaf number                rows: see `PendingRecord`
///     producers     producer                                 see `ProducerRecord`
///     timed         kind << 56 | leaf number                 rows: see `TimedRecord`
///     order         group << 8 | bucket                      see `OrderRecord`
///     index         block number                             of a sealed block: base ID, what is kept of it when it
///                                                            leaves memory, see `EntryBlock+Absence.swift`; which
///                                                            entries are urgent, see `PriorityRecord`
///
/// Blocks and leaves change in place: a record is written again with its next checkpoint. Numbers of blocks rise with
/// their IDs; those of leaves don't. Who holds a pending entry stands with that entry alone.
///
/// In the order of their numbers the tables can be restored in one pass. Where blocks may leave memory the index will
/// do in the place of the blocks, but for the open one.
public enum StreamTable {
    public static let streams = TableID(32)
    public static let blocks = TableID(33)
    public static let groups = TableID(34)
    public static let consumers = TableID(35)
    public static let pending = TableID(36)
    public static let producers = TableID(37)
    /// Behind those of keys: it was added when these were there.
    public static let timed = TableID(40)

    public static let order = TableID(41)

    public static let index = TableID(42)

    public static let all = [streams, blocks, groups, consumers, pending, producers, timed, order, index]

    /// The record of a block.
    public static func blockKey(_ number: UInt64, of stream: UInt64) -> TableKey {
        StreamRecord.block(number).key(of: stream)
    }

    static let consumerShift: UInt64 = 32
    static let leafShift: UInt64 = 40
    static let kindShift: UInt64 = 56
    static let bucketShift: UInt64 = 8

    /// The leaf that a record of timed rows is of.
    static func timedLeaf(_ id: UInt64) -> (TimedKind, UInt64)? {
        TimedKind(rawValue: id >> kindShift).map { ($0, id & (1 << kindShift - 1)) }
    }
}

/// Names a record of one stream.
struct StreamRecord: Hashable, Sendable {
    var table: TableID
    var id: UInt64

    func key(of stream: UInt64) -> TableKey { TableKey(table, object: stream, id: id) }

    static let header = StreamRecord(table: StreamTable.streams, id: 0)

    static func block(_ number: UInt64) -> StreamRecord { StreamRecord(table: StreamTable.blocks, id: number) }

    static func index(_ number: UInt64) -> StreamRecord { StreamRecord(table: StreamTable.index, id: number) }

    static func group(_ place: Int) -> StreamRecord { StreamRecord(table: StreamTable.groups, id: UInt64(place)) }

    static func consumer(_ place: Int, group: Int) -> StreamRecord {
        StreamRecord(table: StreamTable.consumers, id: UInt64(group) << StreamTable.consumerShift | UInt64(place))
    }

    static func leaf(_ number: UInt64, group: Int) -> StreamRecord {
        StreamRecord(table: StreamTable.pending, id: UInt64(group) << StreamTable.leafShift | number)
    }

    static func producer(_ place: Int) -> StreamRecord {
        StreamRecord(table: StreamTable.producers, id: UInt64(place))
    }

    static func timed(_ number: UInt64, _ kind: TimedKind) -> StreamRecord {
        StreamRecord(table: StreamTable.timed, id: kind.rawValue << StreamTable.kindShift | number)
    }

    static func order(_ bucket: Int, group: Int) -> StreamRecord {
        StreamRecord(table: StreamTable.order, id: UInt64(group) << StreamTable.bucketShift | UInt64(bucket))
    }

    /// All records that the last checkpoint may have of a group.
    static func all(of group: ConsumerGroup, _ place: Int) -> [StreamRecord] {
        var records = [StreamRecord.group(place)]
        for consumer in group.consumers.takenPlaces + group.removedConsumers {
            records.append(.consumer(consumer, group: place))
        }
        group.pending.forEachLeaf { _, leaf in
            records.append(.leaf(leaf.number, group: place))
            return true
        }
        for leaf in group.pending.ledger.dropped { records.append(.leaf(leaf, group: place)) }
        for bucket in group.order.writtenBuckets { records.append(.order(bucket, group: place)) }
        return records
    }
}

/// Why a stream can't be restored from what a checkpoint holds.
public enum StreamRestoreError: Error, Hashable, Sendable {
    /// The stream's own numbers are missing, or come too late.
    case noHeader
    /// Written in a way that this version doesn't know.
    case unsupportedFormat(UInt64)
    /// A value that isn't in its table's form.
    case unreadable(TableKey)
    /// A record that contradicts others.
    case inconsistent(TableKey)
    /// A record of a table that isn't of streams, or of another stream.
    case foreign(TableKey)
}
