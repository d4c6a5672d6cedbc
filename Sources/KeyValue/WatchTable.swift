// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// One watch of one stream.
struct Watcher: Sendable {
    let id: WatchID
    /// The stream's place in the table.
    let stream: Int
    let interval: KeyInterval
    let skipsPuts: Bool
    let skipsDeletes: Bool
    let wantsPrevious: Bool
    /// As asked for; 0 where it was left open.
    let startRevision: Int64
    /// The first main revision that was not yet handed out; changes below it are none of this watch's business.
    var nextRevision: Int64
    /// Whether changes reach the watch as they happen. If not, it gets them from history.
    var isSynced: Bool
    /// Events that wait for the end of the present pass.
    var pending: [WatchEvent] = []
}

/// All watch streams of a member and their watches.
///
/// A watch is in one of two groups. *Synced* ones have seen everything and get each change as it happens. *Unsynced*
/// ones began in the past, or belong to a stream that could not take more; they catch up from history, in steps.
/// Whether a watch is one or the other never shows in which events it gets, only in when.
///
/// Streams and watches have places in arrays, reused when they go. All orders that show outside follow from the calls
/// alone.
struct WatchTable: Sendable {
    struct Stream: Sendable {
        let id: WatchStreamID
        /// Places of the watches. Walked only where order does not show.
        var watchers: [WatchID: Int] = [:]
        /// The lowest ID that was never picked automatically.
        var nextID: Int64 = 0
        var isFull = false
    }

    private(set) var streams: [Stream?] = []
    private(set) var streamPlaces: [WatchStreamID: Int] = [:]
    private var freeStreams: [Int] = []
    private var lastStreamID: UInt64 = 0

    var watchers: [Watcher?] = []
    private var freeWatchers: [Int] = []

    var synced = WatcherGroup()
    var unsynced = WatcherGroup()
    /// What the shell has not drained yet.
    var deliveries: [WatchDelivery] = []
    /// Places with pending events, in the order in which they got their first.
    var touched: [Int] = []
    /// Whether the next catch-up begins with the watch that is furthest behind, or with the next in turn.
    var takesTurns = false
    var turn = 0

    // MARK: Streams

    mutating func openStream() -> WatchStreamID {
        lastStreamID += 1
        let id = WatchStreamID(lastStreamID)
        let place = freeStreams.popLast() ?? streams.count
        if place == streams.count { streams.append(nil) }
        streams[place] = Stream(id: id)
        streamPlaces[id] = place
        return id
    }

    mutating func closeStream(_ id: WatchStreamID) {
        guard let place = streamPlaces.removeValue(forKey: id), let stream = streams[place] else { return }
        for watcher in stream.watchers.values.sorted() { removeWatcher(watcher) }
        streams[place] = nil
        freeStreams.append(place)
    }

    mutating func setFull(_ id: WatchStreamID, _ isFull: Bool) {
        guard let place = streamPlaces[id] else { return }
        streams[place]?.isFull = isFull
    }

    func stream(_ id: WatchStreamID) -> Stream? {
        streamPlaces[id].flatMap { streams[$0] }
    }

    // MARK: Watches

    mutating func create(
        _ request: WatchRequest, on id: WatchStreamID, current: Int64, compacted: Int64
    ) throws(KeyValueError) -> WatchID {
        guard let place = streamPlaces[id], var stream = streams[place] else { throw .watchStreamClosed }
        let interval = request.interval
        if interval.isEmpty { throw .emptyWatchRange }
        if request.startRevision < 0 { throw .compacted }
        var watchID = request.watchID
        if watchID == WatchID(0) {
            while stream.watchers[WatchID(stream.nextID)] != nil { stream.nextID += 1 }
            watchID = WatchID(stream.nextID)
            stream.nextID += 1
        } else if stream.watchers[watchID] != nil {
            throw .duplicateWatchID
        }
        streams[place] = nil
        defer { streams[place] = stream }
        if request.startRevision > 0, request.startRevision < compacted {
            deliveries.append(
                WatchDelivery(
                    stream: id, watch: watchID, revision: 0, content: .canceled(compactRevision: compacted)))
            return watchID
        }
        let isSynced = request.startRevision == 0 || request.startRevision > current
        let watcher = Watcher(
            id: watchID, stream: place, interval: interval, skipsPuts: request.skipsPuts,
            skipsDeletes: request.skipsDeletes, wantsPrevious: request.wantsPrevious,
            startRevision: request.startRevision,
            nextRevision: request.startRevision == 0 ? current + 1 : request.startRevision, isSynced: isSynced)
        let watcherPlace = freeWatchers.popLast() ?? watchers.count
        if watcherPlace == watchers.count { watchers.append(watcher) } else { watchers[watcherPlace] = watcher }
        if isSynced { synced.insert(watcherPlace, interval) } else { unsynced.insert(watcherPlace, interval) }
        stream.watchers[watchID] = watcherPlace
        return watchID
    }

    mutating func cancel(_ watch: WatchID, on id: WatchStreamID) -> Bool {
        guard let place = streamPlaces[id] else { return false }
        guard let watcher = streams[place]?.watchers.removeValue(forKey: watch) else { return false }
        removeWatcher(watcher)
        return true
    }

    /// Takes the watch from its group and frees its place. Its stream still names it.
    private mutating func removeWatcher(_ place: Int) {
        guard let watcher = watchers[place] else { preconditionFailure("no watch at \(place)") }
        if watcher.isSynced {
            synced.remove(place, watcher.interval)
        } else {
            unsynced.remove(place, watcher.interval)
        }
        watchers[place] = nil
        freeWatchers.append(place)
    }

    /// Cancels watches that still need changes before `compacted`.
    mutating func cancelLagging(behind compacted: Int64) {
        for place in unsynced.places {
            guard let watcher = watchers[place], watcher.nextRevision < compacted else { continue }
            guard let id = streams[watcher.stream]?.id else { preconditionFailure("a watch without stream") }
            streams[watcher.stream]?.watchers[watcher.id] = nil
            removeWatcher(place)
            deliveries.append(
                WatchDelivery(
                    stream: id, watch: watcher.id, revision: 0, content: .canceled(compactRevision: compacted)))
        }
    }

    // MARK: Groups

    /// Makes a synced watch get its changes from history, from `main` on.
    mutating func fallBehind(_ place: Int, at main: Int64) {
        guard let watcher = watchers[place], watcher.isSynced else { return }
        watchers[place]?.nextRevision = max(main, watcher.nextRevision)
        watchers[place]?.isSynced = false
        synced.remove(place, watcher.interval)
        unsynced.insert(place, watcher.interval)
    }

    /// Makes an unsynced watch get changes as they happen.
    mutating func moveToSynced(_ place: Int) {
        guard let watcher = watchers[place], !watcher.isSynced else { return }
        watchers[place]?.isSynced = true
        unsynced.remove(place, watcher.interval)
        synced.insert(place, watcher.interval)
    }

    func isFull(_ watcher: Watcher) -> Bool {
        streams[watcher.stream]?.isFull ?? false
    }

    // MARK: Delivery

    mutating func append(_ events: [WatchEvent], to place: Int, revision: Int64) {
        guard let watcher = watchers[place], let stream = streams[watcher.stream] else { return }
        deliveries.append(
            WatchDelivery(stream: stream.id, watch: watcher.id, revision: revision, content: .events(events)))
    }

    mutating func hold(_ event: WatchEvent, for place: Int) {
        if watchers[place]?.pending.isEmpty == true { touched.append(place) }
        watchers[place]?.pending.append(event)
    }

    /// Hands out all held events.
    mutating func release(revision: Int64) {
        let places = touched
        touched.removeAll(keepingCapacity: true)
        for place in places {
            guard let events = watchers[place]?.pending else { continue }
            watchers[place]?.pending = []
            append(events, to: place, revision: revision)
        }
    }
}
