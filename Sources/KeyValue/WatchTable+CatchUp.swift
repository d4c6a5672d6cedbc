// SPDX-License-Identifier: Apache-2.0

/// Which watches a step of catching up is for, and where it begins.
///
/// Streams take turns, and in a stream its watches, so that each step has few of them. Every other step begins where
/// the one that is furthest behind stands, which gathers many watches into one walk through history. The other steps
/// begin where the next watch in turn stands, so that newcomers from far behind do not hold up the others for good.
extension WatchTable {
    /// Picks the watches of a step.
    ///
    /// - Returns: where the stretch of history begins; `nil` if no watch can catch up.
    mutating func beginCatchUp(maximumWatches: Int) -> Int64? {
        precondition(catchingUp.isEmpty, "a step of catching up inside another")
        guard !readyStreams.isEmpty else { return nil }
        takesTurns.toggle()
        var offset = (takesTurns ? readyCursor.turn : readyCursor.gathering) % readyStreams.count
        var streamCount = 0
        while streamCount < readyStreams.count, catchingUp.count < maximumWatches {
            pick(from: readyStreams[offset], upTo: maximumWatches)
            streamCount += 1
            offset = (offset + 1) % readyStreams.count
        }
        if takesTurns { readyCursor.turn += 1 } else { readyCursor.gathering = offset }
        var lowest = Int64.max
        for place in catchingUp {
            watchers[place]?.isCatchingUp = true
            lowest = min(lowest, watchers[place]?.nextRevision ?? .max)
        }
        return takesTurns ? watchers[catchingUp[0]]?.nextRevision : lowest
    }

    private mutating func pick(from stream: Int, upTo maximumWatches: Int) {
        guard let lagging = streams[stream]?.lagging, let cursor = streams[stream]?.laggingCursor else { return }
        var offset = (takesTurns ? cursor.turn : cursor.gathering) % lagging.count
        for _ in 0..<min(lagging.count, maximumWatches - catchingUp.count) {
            catchingUp.append(lagging[offset])
            offset = (offset + 1) % lagging.count
        }
        if takesTurns {
            streams[stream]?.laggingCursor.turn = cursor.turn % lagging.count + 1
        } else {
            streams[stream]?.laggingCursor.gathering = offset
        }
    }

    /// Hands out what was held, and moves the watches of the step to where the stretch ended.
    mutating func endCatchUp(from first: Int64, through last: Int64, current: Int64) {
        release(revision: current)
        let places = catchingUp
        catchingUp.removeAll(keepingCapacity: true)
        for place in places {
            watchers[place]?.isCatchingUp = false
            guard let next = watchers[place]?.nextRevision, next >= first, next <= last + 1 else { continue }
            watchers[place]?.nextRevision = last + 1
            if last == current { moveToSynced(place) }
        }
    }
}
