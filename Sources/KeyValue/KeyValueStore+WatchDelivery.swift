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
        while let change = view.history.next(&position) {
            let found = watches.takers(of: change)
            if found.places.isEmpty { continue }
            let events = makeEvents(change, found)
            for place in found.places {
                guard let wantsPrevious = watches.watchers[place]?.wantsPrevious else { continue }
                if watches.isFull(place) {
                    watches.fallBehind(place, at: change.main)
                } else if count == 1 {
                    // The common case: all watches share one array of one event.
                    watches.append(wantsPrevious ? events.full : events.plain, to: place, revision: revision)
                } else {
                    watches.hold((wantsPrevious ? events.full : events.plain)[0], for: place)
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
        let isCreation = !change.isTombstone && change.createRevision == change.main
        let before = change.main - 1
        guard !isCreation, before >= compactRevision, let previous = view.record(of: change.key, at: before) else {
            return (plain, plain)
        }
        var full = event
        full.previous = previous
        return (plain, [full])
    }
}

// MARK: Changes of the past

extension KeyValueStore {
    /// Whether `catchUpWatches` has something to do: a watch lags and its stream can take events. Complexity: O(1).
    public var hasWatchesToCatchUp: Bool { !watches.readyStreams.isEmpty }

    /// Hands out one stretch of history to some of the watches that lag; see `Configuration` for how much.
    ///
    /// Drain after each step, and mark streams that are full by then.
    /// - Returns: whether there is more to do.
    @discardableResult
    public mutating func catchUpWatches() -> Bool {
        guard let first = watches.beginCatchUp(maximumWatches: configuration.maximumCatchUpWatches) else {
            return false
        }
        var position = view.history.position(of: Revision(main: first))
        var last = revision
        var main = first - 1
        var spent = CatchUpCost()
        while let change = view.history.next(&position) {
            if change.main != main {
                if spent.reaches(configuration) {
                    last = main
                    break
                }
                spent.revisions += 1
                main = change.main
            }
            let found = watches.takersCatchingUp(of: change, from: first)
            spent.work += 1 + found.lookedAt / CatchUpCost.looksPerUnit
            if found.places.isEmpty { continue }
            let events = makeEvents(change, found)
            for place in found.places {
                let wantsPrevious = watches.watchers[place]?.wantsPrevious ?? false
                watches.hold((wantsPrevious ? events.full : events.plain)[0], for: place)
                spent.byteCount += change.contentCount
                spent.work += wantsPrevious ? 2 : 1
            }
        }
        watches.endCatchUp(from: first, through: last, current: revision)
        return hasWatchesToCatchUp
    }
}

/// What a step of catching up has taken so far.
private struct CatchUpCost {
    /// Looking at a watch takes about a thirtieth of what reading a change or keeping an event takes.
    static let looksPerUnit = 32

    var revisions = 0
    var byteCount = 0
    /// Changes read, events kept, versions looked up.
    var work = 0

    func reaches(_ limit: KeyValueStore.Configuration) -> Bool {
        revisions >= limit.maximumCatchUpRevisions || byteCount >= limit.maximumCatchUpBytes
            || work >= limit.maximumCatchUpWork
    }
}

extension WatchTable {
    /// The watches that want a change.
    struct Takers {
        var places: [Int] = []
        var wantsPrevious = false
        /// How many watches of the key there were to choose from.
        var lookedAt = 0
    }

    /// The synced watches that want a change which just happened.
    func takers(of change: HistoryRecord) -> Takers {
        var takers = Takers()
        synced.forEach(watching: change.key) { place in add(place, of: change, to: &takers) }
        return takers
    }

    /// The watches of the present step that want a change.
    ///
    /// - Parameter first: where the present stretch of history begins. A watch that still needs what lies before it
    ///   gets nothing of the stretch.
    func takersCatchingUp(of change: HistoryRecord, from first: Int64) -> Takers {
        var takers = Takers()
        unsynced.forEach(watching: change.key) { place in
            takers.lookedAt += 1
            guard watchers[place]?.isCatchingUp == true, let next = watchers[place]?.nextRevision, next >= first
            else { return }
            add(place, of: change, to: &takers)
        }
        return takers
    }

    private func add(_ place: Int, of change: HistoryRecord, to takers: inout Takers) {
        guard let next = watchers[place]?.nextRevision, next <= change.main else { return }
        if change.isTombstone ? watchers[place]?.skipsDeletes == true : watchers[place]?.skipsPuts == true { return }
        takers.places.append(place)
        if watchers[place]?.wantsPrevious == true { takers.wantsPrevious = true }
    }
}
