// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// The tables of a key-value store in a checkpoint.
///
///     table         object            id     value
///     state         0                 0      the store's own numbers: see `StoreHeader`
///     leases        lease ID          0      terms: see `LeaseRecord`
///     keys          key number        0      the key's bytes
///     revisions     main revision     sub    a version or a tombstone: see `HistoryRecord.encode`
///
/// A key's bytes stand there once, however many versions it has. Records of keys and revisions are written once and
/// removed once, never changed, and both numbers rise: they fill the ends of their tables. Nothing else says which key
/// has which versions: that follows from the revisions, read in order (see `KeyValueRestorer`).
///
/// In the order of their numbers the tables can be restored in one pass.
public enum CheckpointTable {
    public static let state = TableID(1)
    public static let leases = TableID(2)
    public static let keys = TableID(3)
    public static let revisions = TableID(4)

    public static let all = [state, leases, keys, revisions]

    static func lease(_ id: LeaseID) -> TableKey {
        TableKey(leases, object: UInt64(bitPattern: id.rawValue))
    }

    static func key(_ number: KeyNumber) -> TableKey {
        TableKey(keys, object: number.rawValue)
    }

    /// Revisions of a store are never negative.
    static func revision(_ revision: Revision) -> TableKey {
        TableKey(revisions, object: UInt64(revision.main), id: UInt64(revision.sub))
    }
}

/// Why a store can't be restored from what a checkpoint holds.
public enum CheckpointError: Error, Hashable, Sendable {
    /// The store's own numbers are missing, or come too late.
    case noHeader
    /// Written in a way that this version doesn't know.
    case unsupportedFormat(UInt64)
    /// A value that isn't in its table's form.
    case unreadable(TableKey)
    /// A record that contradicts others: a version of an unknown key, a key without versions, an unknown lease.
    case inconsistent(TableKey)
    /// A record of a table that isn't the store's.
    case foreign(TableKey)
}
