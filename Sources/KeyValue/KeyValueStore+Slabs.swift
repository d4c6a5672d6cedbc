// SPDX-License-Identifier: Apache-2.0

// What tests ask of slabs. Complexity of all: O(keys + history).
extension KeyValueStore {
    /// Bytes of all slabs that history and index refer to.
    public func recountSlabBytes() -> Int {
        var seen: Set<ObjectIdentifier> = []
        var bytes = 0
        forEachChange { change in
            if seen.insert(change.slabID).inserted { bytes += change.slab.capacity }
        }
        return bytes
    }

    /// Whether what is noted of the slabs below the floor is so.
    public var areSlabsConsistent: Bool {
        var live: [ObjectIdentifier: Int] = [:]
        view.history.forEachSurvivor { live[$0.slabID, default: 0] += $0.packedCount }
        view.index.forEach { entry in
            if entry.isLive, entry.newest.isBefore(view.history.floor) {
                live[entry.newest.slabID, default: 0] += entry.newest.packedCount
            }
        }
        // A slab that history still holds counts when it is let go of.
        var inHistory: Set<ObjectIdentifier> = []
        view.history.forEachInSegments { inHistory.insert($0.slabID) }
        return live.filter { !inHistory.contains($0.key) } == oldSlabs.liveBytesBySlab
    }

    private func forEachChange(_ body: (HistoryRecord) -> Void) {
        view.history.forEachInSegments(body)
        view.history.forEachSurvivor(body)
        view.index.forEach { body($0.newest) }
    }
}
