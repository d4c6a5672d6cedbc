// SPDX-License-Identifier: Apache-2.0

import MartletBasics

// MARK: Changes as they happen

extension KeyValueStore {
    /// Hands the changes of the present revision to the synced watches.
    ///
    /// Complexity: O(1) without synced watches; else for each change the search of `WatcherGroup`.
    mutating func publishChanges(from begin: History.Position, count: Int64) {
        guard !watches.synced.isEmpty else { return }
        var position = begin
        while let change = history.next(&position) {
            let found = watches.takers(of: change, in: watches.synced, from: .min)
            if found.places.isEmpty { continue }
            let events = makeEvents(change, found)
            for place in found.places {
                guard let watcher = watches.watchers[place] else { continue }
                if watches.isFull(watcher) {
                    watches.fallBehind(place, at: change.revision.main)
                } else if count == 1 {
                    // The common case: all watches share one array of one event.
                    watches.append(watcher.wantsPrevious ? events.full : events.plain, to: place, revision: revision)
                } else {
                    watches.hold((watcher.wantsPrevious ? events.full : events.plain)[0], for: place)
                }
            }
        }
        watches.release(revision: revision)
    }

    /// An event without and with the version before; each made only where a watch wants it.
    private func makeEvents(
        _ change: HistoryRecord, _ found: WatchTable.Takers
    ) -> (plain: [WatchEvent], full: [WatchEvent]) {
        let event = WatchEvent(
            kind: change.isTombstone ? .delete : .put, revision: change.revision, record: change.record)
        let plain = [event]
        guard found.wantsPrevious else { return (plain, plain) }
        let isCreation = !change.isTombstone && change.createRevision == change.revision.main
        let before = change.revision.main - 1
        guard !isCreation, before >= compactRevision, let previous = record(of: change.key, at: before) else {
            return (plain, plain)
        }
        var full = event
        full.previous = previous
        return (plain, [full])
    }
}

// MARK: Changes of the past

extension KeyValueStore {
    /// Whether `catchUpWatches` has something to do: a watch lags and its stream can take events.
    package var hasWatchesToCatchUp: Bool {
        watches.unsynced.places.contains { watches.canCatchUp($0) }
    }

    /// Hands out one stretch of history to the watches that lag, up to a number of revisions and bytes.
    ///
    /// Drain after each step, and mark streams that are full by then.
    /// - Returns: whether there is more to do.
    @discardableResult
    package mutating func catchUpWatches() -> Bool {
        guard let first = watches.beginCatchUp() else { return false }
        var position = history.position(of: Revision(main: first))
        var last = revision
        var main = first - 1
        var revisions = 0
        var bytes = 0
        while let change = history.next(&position) {
            if change.revision.main != main {
                if revisions == configuration.maximumCatchUpRevisions || bytes >= configuration.maximumCatchUpBytes {
                    last = main
                    break
                }
                revisions += 1
                main = change.revision.main
            }
            let found = watches.takers(of: change, in: watches.unsynced, from: first)
            if found.places.isEmpty { continue }
            let events = makeEvents(change, found)
            for place in found.places {
                let wantsPrevious = watches.watchers[place]?.wantsPrevious ?? false
                watches.hold((wantsPrevious ? events.full : events.plain)[0], for: place)
                bytes += change.key.count + change.value.count
            }
        }
        watches.endCatchUp(from: first, through: last, current: revision)
        return hasWatchesToCatchUp
    }
}

extension WatchTable {
    /// The watches that want a change.
    struct Takers {
        var places: [Int] = []
        var wantsPrevious = false
    }

    /// - Parameter first: where the present stretch of history begins. An unsynced watch that still needs what lies
    ///   before it gets nothing of the stretch; a synced one never does.
    func takers(of change: HistoryRecord, in group: WatcherGroup, from first: Int64) -> Takers {
        var takers = Takers()
        group.forEach(watching: change.key) { place in
            guard let watcher = watchers[place] else { return }
            if change.isTombstone ? watcher.skipsDeletes : watcher.skipsPuts { return }
            if watcher.nextRevision > change.revision.main || watcher.nextRevision < first { return }
            if !watcher.isSynced, isFull(watcher) { return }
            takers.places.append(place)
            if watcher.wantsPrevious { takers.wantsPrevious = true }
        }
        return takers
    }

    func canCatchUp(_ place: Int) -> Bool {
        guard let watcher = watchers[place] else { return false }
        return !isFull(watcher)
    }

    /// Where the next stretch of history begins; `nil` if no watch can catch up.
    ///
    /// Every other time that is where the last watch stands, which gathers many watches into one walk. The other times
    /// it is where the next watch in turn stands, so that newcomers from far behind do not hold up the others for good.
    mutating func beginCatchUp() -> Int64? {
        let waiting = unsynced.places.filter(canCatchUp)
        guard let lowest = waiting.compactMap({ watchers[$0]?.nextRevision }).min() else { return nil }
        takesTurns.toggle()
        guard takesTurns else { return lowest }
        let place = waiting.first { $0 > turn } ?? waiting[0]
        turn = place
        return watchers[place]?.nextRevision
    }

    /// Hands out what was held, and moves the watches that took part to where the stretch ended.
    mutating func endCatchUp(from first: Int64, through last: Int64, current: Int64) {
        release(revision: current)
        for place in unsynced.places where canCatchUp(place) {
            guard let next = watchers[place]?.nextRevision, next >= first, next <= last + 1 else { continue }
            watchers[place]?.nextRevision = last + 1
            if last == current { moveToSynced(place) }
        }
    }
}
