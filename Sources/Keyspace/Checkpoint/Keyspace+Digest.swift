// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStreams

extension Keyspace {
    /// A number that two keyspaces share if their states are the same, and hardly ever otherwise. For tests.
    /// Complexity: O(state).
    package func stateDigest() -> UInt64 {
        var copy = self
        copy.markAllChanged()
        var batch = TableBatch()
        copy.beginCheckpoint().encode(into: &batch)
        // FNV-1a, which wraps by definition. Records are summed: their order says nothing.
        var sum: UInt64 = 0
        batch.forEach { key, value in
            guard let value else { return }
            var bytes: [UInt8] = [key.table.rawValue]
            Varint.append(key.object, to: &bytes)
            Varint.append(key.id, to: &bytes)
            value.withUnsafeBytes { bytes.append(contentsOf: $0) }
            sum &+= bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
        }
        return sum
    }

    /// Makes the next checkpoint write everything that is there.
    private mutating func markAllChanged() {
        changes = KeyspaceChanges()
        changes.isAccessChanged = !access.isInitial
        for database in databases.indices {
            for place in databases[database].rows.indices where databases[database].rows[place] != nil {
                databases[database][place].isChanged = true
                noteChange(place, in: database)
            }
        }
        for place in streams.indices where streams[place] != nil { streams[place]!.markAllChanged() }
    }
}
