// SPDX-License-Identifier: Apache-2.0

public import MartletBasics
import MartletStreams

/// The tables of a keyspace in a checkpoint, beside those of its streams.
///
///     table       object        value
///     keyspaces   0             numbers that go on counting, settings: see `KeyspaceState`
///     keyspaces   1             users, where something was said about them: see `AccessList`
///     keys        key number    place, what it is, and what it holds: see `KeyRecord`
///
/// A key's number says nothing of its place: keys come in the order in which they were made. A stream is named by a
/// number of its own, so that another name or database for it changes one record.
///
/// In the order of their numbers, streams first, the tables can be restored in one pass.
public enum KeyspaceTable {
    public static let keyspaces = TableID(38)
    public static let keys = TableID(39)

    /// Those of streams' blocks, and of what may be read in the place of the sealed ones.
    public static let (blocks, blockIndex) = (StreamTable.blocks, StreamTable.index)

    /// Those of streams included, in the order in which they are restored.
    public static let all = StreamTable.all + [keyspaces, keys]

    /// Of all of them, and of no others.
    static let numbers = StreamTable.streams.rawValue...StreamTable.index.rawValue

    public static let state = TableKey(keyspaces, object: 0)

    /// Whether what stands at `state` is that of a keyspace that nobody has ever used.
    public static func isUnused(_ value: RawSpan) -> Bool {
        (try? KeyspaceState(state, decoding: value)) == KeyspaceState(Keyspace())
    }

    static let access = TableKey(keyspaces, object: 1)

    static func key(_ number: UInt64) -> TableKey { TableKey(keys, object: number) }
}

/// Why a keyspace can't be restored from what a checkpoint holds.
public enum KeyspaceRestoreError: Error, Hashable, Sendable {
    case unsupportedFormat(UInt64)
    /// A value that isn't in its table's form.
    case unreadable(TableKey)
    /// A record that contradicts others.
    case inconsistent(TableKey)
    /// A record of a table that isn't the keyspace's.
    case foreign(TableKey)
}

/// What happened to keys since the last checkpoint.
struct KeyspaceChanges: Sendable {
    struct Place: Sendable {
        var database: Int32
        var place: Int32
    }

    var keys: [Place] = []
    var removedKeys: [UInt64] = []
    var removedStreams = TableBatch()
    var isAccessChanged = false
}
