// SPDX-License-Identifier: Apache-2.0

/// What a store has done in this process. No part of its state: members differ in it, and a restart begins at 0, or at
/// what is applied again.
public struct KeyValueCounters: Hashable, Sendable {
    /// Those of transactions counted with the others.
    public internal(set) var puts: UInt64 = 0
    /// Bytes of keys and values that these have brought.
    public internal(set) var putBytes: UInt64 = 0
    /// Deletes that were asked for, whatever they found, and keys that went with their lease.
    public internal(set) var deletes: UInt64 = 0
    /// Versions and tombstones removed because compaction made them unreadable.
    public internal(set) var reclaimedVersions: UInt64 = 0

    public init() {}
}
