// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
public import MartletBasics
public import MartletKeyValue

/// Users, roles and settings of authentication in a member's tables, for who reads or makes these without a replica:
/// snapshots.
public struct AuthRecords {
    public static let table = AuthTable.id

    private var records = AuthTable()

    public init() {}

    /// Takes the next record of the table; they come in order.
    public mutating func load(_ key: TableKey, _ value: RawSpan) throws(CheckpointError) -> AuthEntry {
        try records.load(key, value)
    }

    /// Adds what a store of these entries would have put into its checkpoints.
    public static func add(_ entries: [AuthEntry], to batch: inout TableBatch) throws(AuthEntryError) {
        let store = try AuthStore(restoring: entries)
        var table = AuthTable()
        table.note(store.entries.map(\.key), in: store)
        for change in table.beginCheckpoint(of: store) {
            guard let value = change.value else { continue }
            batch.put(change.key) { $0 += value }
        }
    }
}
