// SPDX-License-Identifier: Apache-2.0

import MartletBasics

extension KeyValueStore {
    /// Makes `revision` the oldest readable one.
    ///
    /// From then on older reads are refused and watches that still need older changes are cancelled. What nobody can
    /// read any more is removed by `reclaimCompacted`; how far that has come never shows in an answer. Complexity:
    /// O(watches that catch up).
    public mutating func compact(_ request: CompactionRequest) throws(KeyValueError) -> CompactionResponse {
        if request.revision > revision { throw .futureRevision }
        if request.revision <= compactRevision { throw .compacted }
        view.compactRevision = request.revision
        // A pass that runs goes on with the new revision, but from the floor: it may already have looked at changes of
        // the old compact revision, which stayed only because they could be watched.
        reclaimCursor = view.history.floor
        watches.cancelLagging(behind: compactRevision)
        return CompactionResponse(revision: revision)
    }

    /// Whether `reclaimCompacted` has something to do now. Not while it waits for a checkpoint.
    public var hasCompactedToReclaim: Bool {
        if oldSlabs.hasSparse { return true }
        guard let cursor = reclaimCursor else { return false }
        // The cursor's own change may be gone already, so that the next one counts.
        var position = view.history.position(of: cursor)
        guard let change = view.history.next(&position), change.main <= compactRevision else { return true }
        return checkpoint.holds(change.revision)
    }

    /// Whether compaction has left something that is not removed yet.
    public var isReclaiming: Bool { reclaimCursor != nil }

    /// Removes versions that compaction made unreadable, in revision order.
    ///
    /// Walks the changes since the last compaction, so keys that nobody changed cost nothing. Complexity: O(limit · log
    /// keys).
    ///
    /// - Parameter limit: changes to look at in this step.
    /// - Returns: whether nothing is left to remove, or what is left waits for a checkpoint that holds it.
    @discardableResult
    public mutating func reclaimCompacted(limit: Int = .max) -> Bool {
        guard walkCompacted(limit: limit) else { return false }
        var seen = 0
        while seen < limit, let changes = oldSlabs.takeSparse() {
            for change in changes { move(change) }
            seen += changes.count
        }
        return !oldSlabs.hasSparse
    }

    private mutating func walkCompacted(limit: Int) -> Bool {
        guard let cursor = reclaimCursor else { return true }
        // Changes of the compact revision itself can still be watched: they are looked at, but the floor stays below.
        let floor = Revision(main: compactRevision)
        var position = view.history.position(of: cursor)
        var seen = 0
        var survivors: [HistoryRecord] = []
        while let change = view.history.next(&position), change.main <= compactRevision {
            let waits = !checkpoint.holds(change.revision)
            if seen == limit || waits {
                finishReclaim(survivors, floor: min(change.revision, floor))
                reclaimCursor = change.revision
                return waits
            }
            seen += 1
            if reclaim(change), !change.isTombstone { survivors.append(change) }
        }
        finishReclaim(survivors, floor: max(floor, view.history.floor))
        reclaimCursor = nil
        return true
    }

    /// Compacts the entry of a change's key.
    ///
    /// - Returns: whether the change can still be read and is not the key's newest version, which the entry holds.
    private mutating func reclaim(_ change: HistoryRecord) -> Bool {
        let main = compactRevision
        let left = view.index.updateExisting(change.key) { entry in
            let forgotten = entry.compact(at: main)
            let (revision, modified) = (change.revision, entry.modified)
            let isRead = revision != modified && entry.holds(revision)
            let isNewest = entry.isLive && revision == modified
            return (
                forgotten: forgotten, isGone: entry.isEmpty(at: main), isRead: isRead, isKept: isRead || isNewest,
                number: entry.newest.keyNumber
            )
        }
        // What is walked falls below the floor, but for changes of the compact revision itself.
        if left?.isKept != true, change.main < main { release(change) }
        guard let left else { return false }
        for revision in left.forgotten {
            if let forgotten = view.history.forget(revision) { release(forgotten) }
        }
        if left.isGone {
            view.index.remove(change.key)
            checkpoint.remove(left.number)
        }
        return left.isRead
    }

    /// Notes that a change leaves the store.
    private mutating func release(_ change: HistoryRecord) {
        heldBytes -= change.liveBytes
        oldSlabs.release(change)
        counters.reclaimedVersions &+= 1
        checkpoint.remove(change.revision)
    }

    private mutating func finishReclaim(_ survivors: [HistoryRecord], floor: Revision) {
        let gone = view.history.raiseFloor(to: max(floor, view.history.floor))
        for survivor in survivors where survivor.revision < view.history.floor {
            view.history.preserve(survivor)
        }
        for segment in gone {
            if packer.isOpen(segment.slab) { packer.seal() }
            oldSlabs.add(segment)
        }
    }

    /// Moves a change out of a sparse slab if somebody still needs it.
    private mutating func move(_ change: HistoryRecord) {
        if view.history.isSurvivor(change) {
            view.history.replace(change, with: oldSlabs.move(change))
            return
        }
        Self.moveNewest(change, in: &view.index, to: &oldSlabs)
    }

    private static func moveNewest(
        _ change: HistoryRecord, in index: inout CountedTree<KeyEntry>, to slabs: inout OldSlabs
    ) {
        index.updateExisting(change.key) { entry in
            if entry.newest.isSame(as: change) { entry.newest = slabs.move(change) }
        }
    }
}
