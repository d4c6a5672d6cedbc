// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue

/// A client's watch over all its streams, and what it must see: every change that concerns it from the first revision
/// on, in order, once, those of a revision together, and none after its end.
struct Watch {
    var request: WatchRequest
    /// On the present stream; `nil` where it has to be created there.
    var id: WatchID?
    private(set) var isOver = false
    /// Everything before this revision has been seen: where the client goes on after a restart.
    private(set) var next: Int64
    /// Changes of the model before this one are seen or not this watch's.
    private var cursor = 0
    private(set) var eventCount = 0

    /// - Parameter first: the first revision that the watch is for.
    init(_ request: WatchRequest, first: Int64) {
        self.request = request
        next = first
    }

    mutating func cancel() {
        isOver = true
        id = nil
    }

    private func wants(_ change: ModelStore.Change) -> Bool {
        change.revision.main >= next && request.interval.contains(change.key)
            && !(change.record == nil ? request.skipsDeletes : request.skipsPuts)
    }

    /// The next change to be seen, if it has happened.
    private mutating func due(_ model: ModelStore) -> ModelStore.Change? {
        while cursor < model.changes.count, !wants(model.changes[cursor]) { cursor += 1 }
        return cursor < model.changes.count ? model.changes[cursor] : nil
    }

    mutating func hasSeenAll(of model: ModelStore) -> Bool { due(model) == nil }

    /// - Parameter revision: of the delivery's header.
    mutating func take(_ events: [WatchEvent], revision: Int64, _ model: ModelStore) throws(Violation) {
        if isOver { throw Violation("a watch goes on after its end: \(events)") }
        guard let last = events.last?.revision.main, last <= revision, revision <= model.position.revision else {
            throw Violation("a delivery of revision \(revision) holds \(events)")
        }
        for event in events {
            guard let change = due(model) else { throw Violation("\(event) is not to be seen from \(next) on") }
            try compare(event, change, model)
            cursor += 1
        }
        eventCount += events.count
        if due(model)?.revision.main == last { throw Violation("revision \(last) comes in parts to \(request)") }
        next = last + 1
    }

    private func compare(
        _ event: WatchEvent, _ change: ModelStore.Change, _ model: ModelStore
    ) throws(Violation) {
        let record = change.record ?? .tombstone(key: change.key, modRevision: change.revision.main)
        guard event.revision == change.revision, event.record == record,
            event.kind == (change.record == nil ? .delete : .put)
        else { throw Violation("a watch got \(event), not \(change)") }
        let isCreation = record.createRevision == change.revision.main
        let previous = request.wantsPrevious && !isCreation ? change.previous : nil
        if event.previous == previous { return }
        // A compaction may have come before the event was made.
        if event.previous == nil, change.revision.main - 1 < model.position.compacted { return }
        throw Violation("a watch got \(event), before which was \(String(describing: previous))")
    }

    /// The member says that everything up to a revision has been sent.
    mutating func take(progress revision: Int64, _ model: ModelStore) throws(Violation) {
        if let change = due(model), change.revision.main <= revision {
            throw Violation("progress \(revision) before \(change) was sent")
        }
        guard revision <= model.position.revision else { throw Violation("progress \(revision) is ahead") }
        next = max(next, revision + 1)
    }

    /// The member ends the watch, because what it needs is gone.
    mutating func take(compacted revision: Int64, _ model: ModelStore) throws(Violation) {
        guard !isOver, next < revision, revision <= model.position.compacted else {
            throw Violation("a watch at \(next) was ended for compaction at \(revision): \(model.position)")
        }
        cancel()
    }
}
