// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// What checkpoints of a store have, and what the next one must remove.
///
/// What it must add needs no notes: these are the changes in history behind the last one that a checkpoint holds, and
/// the keys whose numbers are above the last that one holds. Removal of compacted versions stops short of changes that
/// no checkpoint holds. Leases note their own changes. Complexity: O(1) for each change.
struct CheckpointProgress: Sendable {
    /// What left the store since a checkpoint took notice.
    struct Removals: Sendable {
        var revisions: [Revision] = []
        var keys: [KeyNumber] = []
        var leases: [LeaseChange] = []

        /// What they take in memory. Complexity: O(1).
        var byteCount: Int {
            revisions.count * MemoryLayout<Revision>.stride + keys.count * MemoryLayout<KeyNumber>.stride
                + leases.count * MemoryLayout<LeaseChange>.stride
        }

        var hasVersionsOrKeys: Bool { !revisions.isEmpty || !keys.isEmpty }

        mutating func append(_ later: Removals) {
            revisions += later.revisions
            keys += later.keys
            leases += later.leases
        }
    }

    /// A checkpoint that is being written.
    struct Underway: Sendable {
        var revision: Int64
        var nextKeyNumber: KeyNumber
        var removals: Removals
        var byteCount: Int
    }

    /// What a change takes in memory beside its key and value: its numbers, and its places in history and index.
    private static let surroundingBytes = 64

    let isOn: Bool
    /// The main revision up to which the last checkpoint holds everything.
    var revision = KeyValueStore.emptyRevision
    /// Keys below this number are in the last checkpoint.
    var nextKeyNumber = KeyNumber.first
    var removals = Removals()
    var underway: Underway?
    /// Bytes of changes since the last checkpoint began: keys, values, and the records around them.
    var byteCount = 0

    init(isOn: Bool) {
        self.isOn = isOn
    }

    func holds(_ revision: Revision) -> Bool {
        !isOn || revision.main <= self.revision
    }

    @inline(__always)
    mutating func addChange(contentCount: Int) {
        if isOn { byteCount += contentCount + Self.surroundingBytes }
    }

    /// Bytes of changes and removals that no written checkpoint holds, leases aside.
    var uncheckpointedBytes: Int {
        byteCount + removals.byteCount + (underway.map { $0.byteCount + $0.removals.byteCount } ?? 0)
    }

    /// Whether versions or keys were removed that are in the last written checkpoint.
    var hasRemovals: Bool { removals.hasVersionsOrKeys || underway?.removals.hasVersionsOrKeys == true }

    mutating func remove(_ revision: Revision) {
        if isOn { removals.revisions.append(revision) }
    }

    mutating func remove(_ key: KeyNumber) {
        if isOn { removals.keys.append(key) }
    }
}
