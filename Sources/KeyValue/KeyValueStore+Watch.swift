// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

extension KeyValueStore {
    public mutating func openWatchStream() -> WatchStreamID {
        watches.openStream()
    }

    /// Ends all watches of the stream. Deliveries for it that were not drained stay; the shell drops them.
    public mutating func closeWatchStream(_ stream: WatchStreamID) {
        watches.closeStream(stream)
    }

    /// Adds a watch to a stream.
    ///
    /// The shell tells the client that the watch is created before it sends anything drained later. A watch that begins
    /// in the past gets its history from `catchUpWatches`; one that begins before the compact revision is not kept: its
    /// cancellation is among the deliveries.
    ///
    /// - Throws: `duplicateWatchID`, `emptyWatchRange`, `compacted` for a negative start, and `tooManyRequests` when
    ///   the stream has as many watches as it may.
    public mutating func createWatch(
        _ request: WatchRequest, on stream: WatchStreamID
    ) throws(KeyValueError) -> WatchID {
        try watches.create(
            request, on: stream, current: revision, compacted: compactRevision,
            maximumWatches: configuration.maximumWatchesPerStream)
    }

    /// Ends a watch on its client's wish.
    ///
    /// Drain before: what was delivered but not drained belongs before the cancellation.
    /// - Returns: false if there is no such watch.
    public mutating func cancelWatch(_ watch: WatchID, on stream: WatchStreamID) -> Bool {
        watches.cancel(watch, on: stream)
    }

    /// The revision up to which every watch of the stream has seen everything; `nil` while one has not, or one waits
    /// for a revision to come.
    public func progressRevision(on stream: WatchStreamID) -> Int64? {
        guard let stream = watches.stream(stream), stream.lagging.isEmpty else { return nil }
        return stream.watchers.values.allSatisfy(isCurrent) ? revision : nil
    }

    /// As `progressRevision(on:)`, for one watch.
    public func progressRevision(of watch: WatchID, on stream: WatchStreamID) -> Int64? {
        guard let place = watches.stream(stream)?.watchers[watch] else { return nil }
        return isCurrent(place) ? revision : nil
    }

    private func isCurrent(_ place: Int) -> Bool {
        guard let isSynced = watches.watchers[place]?.isSynced, let start = watches.watchers[place]?.startRevision
        else { return false }
        return isSynced && start <= revision
    }

    /// Stops events for a stream whose client reads too slowly. Its watches remember where they are. Complexity: O(1).
    public mutating func markWatchStreamFull(_ stream: WatchStreamID) {
        watches.setFull(stream, true)
    }

    /// Lets events flow again. What was missed comes from `catchUpWatches`.
    public mutating func markWatchStreamDrained(_ stream: WatchStreamID) {
        watches.setFull(stream, false)
    }

    /// What is to be sent, in order, and empties the buffer. Complexity: O(1).
    public mutating func drainWatchDeliveries() -> [WatchDelivery] {
        guard !watches.deliveries.isEmpty else { return [] }
        let deliveries = watches.deliveries
        watches.deliveries = []
        return deliveries
    }

    public var watchCount: Int { watches.synced.count + watches.unsynced.count }
    /// Watches that get their changes from history.
    public var laggingWatchCount: Int { watches.unsynced.count }
}
