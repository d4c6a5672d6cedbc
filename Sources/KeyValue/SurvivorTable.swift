// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Single versions by revision.
///
/// Many small dictionaries instead of a big one: none is ever long in growing, and after a snapshot a change copies
/// only its own. Complexity: O(1).
struct SurvivorTable: Sendable {
    /// A table of a million versions has a thousand in each shard, some 40 KB to copy.
    private static let shardCount = 1024

    /// Found by revision; walked only where order does not show. Empty until something is kept.
    private var shards: [[Revision: HistoryRecord]] = []
    private(set) var count = 0

    private static func shard(of revision: Revision) -> Int {
        // Revisions rise one by one, and so do the sub revisions in one.
        Int(UInt64(bitPattern: revision.main &+ revision.sub) % UInt64(shardCount))
    }

    subscript(revision: Revision) -> HistoryRecord? {
        get { shards.isEmpty ? nil : shards[Self.shard(of: revision)][revision] }
        set {
            guard let newValue else {
                _ = remove(revision)
                return
            }
            if shards.isEmpty { shards = Array(repeating: [:], count: Self.shardCount) }
            if shards[Self.shard(of: revision)].updateValue(newValue, forKey: revision) == nil { count += 1 }
        }
    }

    mutating func remove(_ revision: Revision) -> HistoryRecord? {
        if shards.isEmpty { return nil }
        let removed = shards[Self.shard(of: revision)].removeValue(forKey: revision)
        if removed != nil { count -= 1 }
        return removed
    }

    /// In no order: for sums and sets.
    func forEach(_ body: (HistoryRecord) -> Void) {
        for shard in shards { shard.values.forEach(body) }
    }

    /// Adds up what the versions count. Complexity: O(n).
    func recountBytes() -> Int {
        // A sum does not depend on the order.
        shards.reduce(0) { $1.values.reduce($0) { $0 + $1.liveBytes } }
    }
}
