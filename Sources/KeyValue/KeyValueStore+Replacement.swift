// SPDX-License-Identifier: Apache-2.0

extension KeyValueStore {
    /// Takes over the watches of the store that this one replaces: a later state of the same history, which went on
    /// unseen here. Watches get from history what they missed; those whose next change is compacted here end.
    public mutating func takeWatches(of old: KeyValueStore) {
        precondition(revision >= old.revision, "revision \(revision) can't follow \(old.revision)")
        watches = old.watches
        counters = old.counters
        for place in watches.watchers.indices {
            guard let watcher = watches.watchers[place], watcher.isSynced else { continue }
            let next = max(watcher.nextRevision, old.revision + 1)
            if next <= revision { watches.fallBehind(place, at: next) }
        }
        if compactRevision > 0 { watches.cancelLagging(behind: compactRevision) }
    }
}
