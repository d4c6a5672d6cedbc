// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletReplica

/// A client with one stream of watches. After a restart it opens another and goes on where it was.
struct Watcher {
    /// The process that the client is connected to.
    var life: Life?
    var stream: WatchStreamID?
    var isFull = false
    var watches: [Watch] = []

    mutating func disconnect() {
        life = nil
        stream = nil
        isFull = false
        for place in watches.indices { watches[place].id = nil }
    }
}

extension Simulator {
    private static let watchesMax = 8
    /// Of one client in a run, ended ones among them: all are looked at with each event.
    private static let allWatchesMax = 60

    func act(watcher: Int) throws(Violation) {
        let rest = if case .busy = part { max(1_000, conditions.thinkTime) } else { 50_000 }
        plan(.watcherActs(watcher), in: timing.number(1...rest))
        if hosts.count > 1, watchers[watcher].life != nil, watching.once(in: 40) { watchers[watcher].disconnect() }
        guard let life = watchers[watcher].life ?? readyLife() else { return }
        if watchers[watcher].stream == nil {
            watchers[watcher].life = life
            watchers[watcher].stream = life.replica.store.openWatchStream()
        }
        guard let stream = watchers[watcher].stream else { return }
        for place in watchers[watcher].watches.indices where !watchers[watcher].watches[place].isOver {
            if watchers[watcher].watches[place].id == nil { try create(place, of: watcher, on: stream, life) }
        }
        switch watching.number(0...19) {
        case 0...5: try addWatch(watcher, on: stream, life)
        case 6...7: try cancelWatch(watcher, on: stream, life)
        case 8...11: try askProgress(watcher, on: stream, life)
        case 12...14: setFull(watcher, on: stream, life)
        default: break
        }
        if case .busy = part {} else if watchers[watcher].isFull { setFull(watcher, on: stream, life) }
        try deliver(life)
    }

    private func readyLife() -> Life? {
        let ready = hosts.compactMap(\.life).filter(\.isReady)
        return ready.isEmpty ? nil : ready.count == 1 ? ready[0] : watching.pick(ready)
    }

    private func addWatch(_ watcher: Int, on stream: WatchStreamID, _ life: Life) throws(Violation) {
        let open = watchers[watcher].watches.filter { !$0.isOver }.count
        guard case .busy = part, open < Self.watchesMax, watchers[watcher].watches.count < Self.allWatchesMax
        else { return }
        var request = WatchRequest(key: workload.key(), rangeEnd: workload.rangeEnd())
        request.skipsPuts = watching.once(in: 6)
        request.skipsDeletes = watching.once(in: 6)
        request.wantsPrevious = watching.flag()
        let revision = life.replica.store.revision
        if watching.flag() { request.startRevision = max(1, revision + Int64(watching.number(-30...5))) }
        if request.interval.isEmpty { return }
        let first = request.startRevision == 0 ? revision + 1 : request.startRevision
        watchers[watcher].watches.append(Watch(request, first: first))
        try create(watchers[watcher].watches.count - 1, of: watcher, on: stream, life)
        counts.watches += 1
    }

    /// On the present stream, from where the client has seen everything.
    private func create(
        _ place: Int, of watcher: Int, on stream: WatchStreamID, _ life: Life
    ) throws(Violation) {
        let watch = watchers[watcher].watches[place]
        var request = watch.request
        if request.startRevision != 0 || watch.next != life.replica.store.revision + 1 {
            request.startRevision = watch.next
        }
        if flaw == .skipsOnResume, lives > 1 { request.startRevision = watch.next + 1 }
        guard let id = try? life.replica.store.createWatch(request, on: stream) else {
            throw Violation("\(request) was refused")
        }
        watchers[watcher].watches[place].id = id
        trace.note(now, "watch", watcher, Int(watch.next), "\(id) \(request)")
    }

    private func cancelWatch(_ watcher: Int, on stream: WatchStreamID, _ life: Life) throws(Violation) {
        let open = watchers[watcher].watches.indices.filter { watchers[watcher].watches[$0].id != nil }
        guard !open.isEmpty else { return }
        let place = watching.pick(open)
        // What was made before the cancellation comes before it.
        try deliver(life)
        guard let id = watchers[watcher].watches[place].id else { return }
        if flaw != .deliversAfterCancel, !life.replica.store.cancelWatch(id, on: stream) {
            throw Violation("\(id) is not there to be cancelled")
        }
        watchers[watcher].watches[place].cancel()
        trace.note(now, "cancel", watcher, place)
    }

    private func askProgress(_ watcher: Int, on stream: WatchStreamID, _ life: Life) throws(Violation) {
        try deliver(life)
        let all = life.replica.store.progressRevision(on: stream)
        for place in watchers[watcher].watches.indices {
            guard let id = watchers[watcher].watches[place].id else { continue }
            if let revision = all ?? life.replica.store.progressRevision(of: id, on: stream) {
                try watchers[watcher].watches[place].take(progress: revision, oracle.model)
                oracle.note(seenRevision: revision)
            }
        }
    }

    private func setFull(_ watcher: Int, on stream: WatchStreamID, _ life: Life) {
        watchers[watcher].isFull.toggle()
        if watchers[watcher].isFull {
            life.replica.store.markWatchStreamFull(stream)
        } else {
            life.replica.store.markWatchStreamDrained(stream)
        }
    }

    /// Sends what the store has for watches, and plans the next step of those that catch up.
    func deliver(_ life: Life) throws(Violation) {
        for delivery in life.replica.store.drainWatchDeliveries() {
            if flaw == .losesWatchEvents, watching.once(in: 20) { continue }
            try take(delivery, life)
            if flaw == .repeatsWatchEvents, watching.once(in: 20) { try take(delivery, life) }
        }
        guard life.replica.store.hasWatchesToCatchUp, !life.isWatchWorkPlanned else { return }
        life.isWatchWorkPlanned = true
        plan(.watchWork, in: timing.number(0...2_000), of: life)
    }

    private func take(_ delivery: WatchDelivery, _ life: Life) throws(Violation) {
        guard let watcher = watchers.firstIndex(where: { $0.life === life && $0.stream == delivery.stream }) else {
            // The client has gone to another member.
            if hosts.count > 1 { return }
            throw Violation("\(delivery) is for nobody")
        }
        guard let place = watchers[watcher].watches.firstIndex(where: { $0.id == delivery.watch }) else {
            throw Violation("\(delivery) is for nobody")
        }
        trace.note(now, "delivered", watcher, place, "\(delivery.content)")
        switch delivery.content {
        case .canceled(let compactRevision):
            try watchers[watcher].watches[place].take(compacted: compactRevision, oracle.model)
            counts.compactedWatches += 1
        case .events(let events):
            let parts = flaw == .splitsRevisions ? events.map { [$0] } : [events]
            for part in parts {
                try watchers[watcher].watches[place].take(part, revision: delivery.revision, oracle.model)
            }
            counts.events += events.count
            if let last = events.last { oracle.note(seenRevision: last.revision.main) }
        }
    }
}
