// SPDX-License-Identifier: Apache-2.0

import MartletBasics

extension KeyValueStore {
    /// A number that two stores share if every request has the same answer in both, and hardly ever otherwise.
    ///
    /// Covers records readable at the compact revision, all later changes, and leases with their terms, what is noted
    /// of these, and their keys; not how far removal has come, when leases expire, or watches, which are each member's
    /// own. For tests. Complexity: O(keys + history).
    public func stateDigest() -> UInt64 {
        var digest = FNVDigest()
        digest.add(revision)
        digest.add(compactRevision)
        if compactRevision > 0 {
            view.index.forEach { entry in
                let record = KeyValueSnapshot.record(of: entry, at: compactRevision, in: view.history)
                guard let record else { return }
                digest.add(record.createRevision)
                digest.add(record.modRevision)
                digest.add(record)
            }
        }
        var position = view.history.position(of: Revision(main: max(compactRevision, 0) + 1))
        while let change = view.history.next(&position) {
            digest.add(change.main)
            digest.add(change.revision.sub)
            digest.add(change.record)
        }
        for lease in leases.sortedByID {
            digest.add(lease.id.rawValue)
            digest.add(lease.ttlSeconds)
            digest.add(lease.remainingSeconds)
            lease.keys.forEach { digest.add($0) }
        }
        return digest.value
    }
}

/// FNV-1a with 64 bits. Arithmetic wraps by definition.
private struct FNVDigest {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(byte: UInt8) {
        value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
    }

    mutating func add(_ number: Int64) {
        for shift in stride(from: 0, to: 64, by: 8) { add(byte: UInt8(truncatingIfNeeded: number >> Int64(shift))) }
    }

    mutating func add(_ bytes: [UInt8]) {
        add(Int64(bytes.count))
        for byte in bytes { add(byte: byte) }
    }

    mutating func add(_ record: KeyValueRecord) {
        add(record.key)
        add(record.createRevision)
        add(record.version)
        add(record.value)
        add(record.lease.rawValue)
    }
}
