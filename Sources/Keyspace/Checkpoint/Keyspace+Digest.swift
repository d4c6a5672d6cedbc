// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStreams

extension Keyspace {
    /// A number that two keyspaces share if their states are the same, and hardly ever otherwise, whatever of them is
    /// in memory, and whether they came from a checkpoint. For tests. Complexity: O(state).
    public func stateDigest() -> UInt64 {
        var batch = TableBatch()
        wholeCheckpoint.encode(into: &batch)
        // Records are summed: their order says nothing.
        var sum: UInt64 = 0
        batch.forEach { key, value in
            guard let value else { return }
            var bytes: [UInt8] = [key.table.rawValue]
            Varint.append(key.object, to: &bytes)
            Varint.append(key.id, to: &bytes)
            bytes.append(copying: value)
            sum &+= Self.hash(bytes)
        }
        for place in streams.indices {
            if streamNumbers[place] == 0 { continue }
            var bytes: [UInt8] = []
            Varint.append(streamNumbers[place], to: &bytes)
            streams[place].encodeState(into: &bytes)
            sum &+= Self.hash(bytes)
        }
        return sum
    }

    /// FNV-1a, which wraps by definition.
    private static func hash(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }

    /// All keys, without streams: what the records of those say of how their trees are cut is no part of the state.
    private var wholeCheckpoint: KeyspaceCheckpoint {
        var checkpoint = KeyspaceCheckpoint(state: KeyspaceState(self), changes: KeyspaceChanges())
        if !access.list.isInitial { checkpoint.access = access.list }
        for database in databases.indices {
            for (place, row) in databases[database].rows.enumerated() {
                guard let row else { continue }
                checkpoint.keys.append(
                    (row.number, KeyRecord(row, database: database, place: place, streamNumbers: streamNumbers)))
            }
        }
        return checkpoint
    }
}
