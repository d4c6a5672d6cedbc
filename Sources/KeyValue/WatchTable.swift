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
    /// Whether the present step of catching up is for this watch too.
    var isCatchingUp = false
    /// Where the watch stands in the list of its group.
    var groupOffset = 0
    /// Where it stands in its stream's list of lagging watches, while it is unsynced.
    var lagOffset = 0
}

/// All watch streams of a member and their watches.
///
/// A watch is in one of two groups. *Synced* ones have seen everything and get each change as it happens. *Unsynced*
/// ones began in the past, or belong to a stream that could not take more; they catch up from history, in steps.
/// Whether a watch is one or the other never shows in which events it gets, only in when.
///
/// A stream is *ready* while it has unsynced watches and can take events. Ready streams are in a list of their own: as
/// long as it is empty, watches that wait for slow clients cost a write nothing.
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
        /// Places of the unsynced watches, in an order that follows from the calls alone.
        var lagging: [Int] = []
        var laggingCursor = Cursor()
        /// Where the stream stands in the list of ready ones; `nil` if it isn't.
        var readyOffset: Int?
    }

    /// Where the next step of catching up begins in a list, for each kind of step.
    struct Cursor: Sendable {
        var gathering = 0
        var turn = 0
    }

    var streams: [Stream?] = []
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
    /// Places of the streams that have lagging watches and can take events.
    var readyStreams: [Int] = []
    var readyCursor = Cursor()
    /// Whether the present step of catching up begins with the next watch in turn, or with the one furthest behind.
    var takesTurns = false
    /// The watches that the present step of catching up is for.
    var catchingUp: [Int] = []

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
        updateReadiness(place)
    }

    /// Puts the stream among the ready ones, or takes it from there. Complexity: O(1).
    private mutating func updateReadiness(_ place: Int) {
        let isReady = streams[place].map { !$0.isFull && !$0.lagging.isEmpty } ?? false
        let offset = streams[place].flatMap { $0.readyOffset }
        if isReady, offset == nil {
            streams[place]?.readyOffset = readyStreams.count
            readyStreams.append(place)
        } else if !isReady, let offset {
            streams[place]?.readyOffset = nil
            if let moved = readyStreams.removeAndFill(at: offset) { streams[moved]?.readyOffset = offset }
        }
    }

    func stream(_ id: WatchStreamID) -> Stream? {
        streamPlaces[id].flatMap { streams[$0] }
    }

    // MARK: Watches

    /// - Parameter maximumWatches: how many the stream may have.
    mutating func create(
        _ request: WatchRequest, on id: WatchStreamID, current: Int64, compacted: Int64, maximumWatches: Int
    ) throws(KeyValueError) -> WatchID {
        guard let place = streamPlaces[id] else { throw .watchStreamClosed }
        let interval = request.interval
        if interval.isEmpty { throw .emptyWatchRange }
        if request.startRevision < 0 { throw .compacted }
        let watchID = try pickID(request.watchID, on: place, maximumWatches: maximumWatches)
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
        join(watcherPlace, interval)
        streams[place]?.watchers[watchID] = watcherPlace
        return watchID
    }

    /// The ID that a new watch gets.
    private mutating func pickID(
        _ wanted: WatchID, on place: Int, maximumWatches: Int
    ) throws(KeyValueError) -> WatchID {
        let count = streams[place].map { $0.watchers.count } ?? 0
        guard count < maximumWatches else { throw .tooManyRequests }
        guard wanted == WatchID(0) else {
            if streams[place]?.watchers[wanted] != nil { throw .duplicateWatchID }
            return wanted
        }
        var next = streams[place].map { $0.nextID } ?? 0
        while streams[place]?.watchers[WatchID(next)] != nil { next += 1 }
        streams[place]?.nextID = next + 1
        return WatchID(next)
    }

    mutating func cancel(_ watch: WatchID, on id: WatchStreamID) -> Bool {
        guard let place = streamPlaces[id] else { return false }
        guard let watcher = streams[place]?.watchers.removeValue(forKey: watch) else { return false }
        removeWatcher(watcher)
        return true
    }

    /// Takes the watch from its group and frees its place. Its stream still names it.
    private mutating func removeWatcher(_ place: Int) {
        guard let interval = watchers[place]?.interval else { preconditionFailure("no watch at \(place)") }
        leave(place, interval)
        watchers[place] = nil
        freeWatchers.append(place)
    }

    /// Cancels watches that still need changes before `compacted`.
    mutating func cancelLagging(behind compacted: Int64) {
        for stream in streams.indices {
            guard let lagging = streams[stream]?.lagging.sorted() else { continue }
            for place in lagging { cancel(place, behind: compacted) }
        }
    }

    private mutating func cancel(_ place: Int, behind compacted: Int64) {
        guard let watcher = watchers[place], watcher.nextRevision < compacted else { return }
        guard let id = streams[watcher.stream]?.id else { preconditionFailure("a watch without stream") }
        streams[watcher.stream]?.watchers[watcher.id] = nil
        removeWatcher(place)
        deliveries.append(
            WatchDelivery(
                stream: id, watch: watcher.id, revision: 0, content: .canceled(compactRevision: compacted)))
    }

    // MARK: Groups

    /// Adds the watch to its group, an unsynced one to its stream's list too. Complexity: see `WatcherGroup`.
    private mutating func join(_ place: Int, _ interval: KeyInterval) {
        guard let isSynced = watchers[place]?.isSynced, let stream = watchers[place]?.stream else { return }
        if isSynced {
            watchers[place]?.groupOffset = synced.insert(place, interval)
        } else {
            watchers[place]?.groupOffset = unsynced.insert(place, interval)
            watchers[place]?.lagOffset = streams[stream].map { $0.lagging.count } ?? 0
            streams[stream]?.lagging.append(place)
            updateReadiness(stream)
        }
    }

    private mutating func leave(_ place: Int, _ interval: KeyInterval) {
        guard let watcher = watchers[place] else { return }
        let offset = watcher.groupOffset
        if watcher.isSynced {
            if let moved = synced.remove(at: offset, interval) { watchers[moved]?.groupOffset = offset }
            return
        }
        if let moved = unsynced.remove(at: offset, interval) { watchers[moved]?.groupOffset = offset }
        let lagOffset = watcher.lagOffset
        if let moved = streams[watcher.stream]?.lagging.removeAndFill(at: lagOffset) ?? nil {
            watchers[moved]?.lagOffset = lagOffset
        }
        updateReadiness(watcher.stream)
    }

    /// Makes a synced watch get its changes from history, from `main` on.
    mutating func fallBehind(_ place: Int, at main: Int64) {
        guard let watcher = watchers[place], watcher.isSynced else { return }
        leave(place, watcher.interval)
        watchers[place]?.nextRevision = max(main, watcher.nextRevision)
        watchers[place]?.isSynced = false
        join(place, watcher.interval)
    }

    /// Makes an unsynced watch get changes as they happen.
    mutating func moveToSynced(_ place: Int) {
        guard let watcher = watchers[place], !watcher.isSynced else { return }
        leave(place, watcher.interval)
        watchers[place]?.isSynced = true
        join(place, watcher.interval)
    }

    /// Whether the stream of the watch can't take events.
    func isFull(_ place: Int) -> Bool {
        guard let stream = watchers[place]?.stream else { return false }
        return streams[stream]?.isFull ?? false
    }

    // MARK: Delivery

    mutating func append(_ events: [WatchEvent], to place: Int, revision: Int64) {
        guard let stream = watchers[place]?.stream, let watch = watchers[place]?.id, let id = streams[stream]?.id
        else { return }
        deliveries.append(WatchDelivery(stream: id, watch: watch, revision: revision, content: .events(events)))
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
