// SPDX-License-Identifier: Apache-2.0

// What those who wait for entries ask: see `Stream`, which has the questions of others.
extension ConsumerGroup {
    /// Whether a read would find something new. Complexity: O(log n + entries of a block).
    private func hasNew(in log: EntryLog) -> Bool {
        guard lastDeliveredID < log.lastID, parkedCount < Self.maximumParkedCount, let last = log.lastLiveID else {
            return false
        }
        return lastDeliveredID < last
    }

    /// The pending entry that a claim would get first: of those whose content is there, the one that nobody holds or
    /// that waits longest. Content is taken to be there if its block isn't in memory, and where the policy has a read
    /// let go of what is gone: then that is something to do. Complexity: O(log n), and again for each older one that is
    /// gone from the stream.
    private func longestWaiting(in log: EntryLog) -> PendingEntry? {
        var found: PendingEntry?
        forEachOldest(upTo: PendingEntry.latestAge) { entry in
            if !policy.isEmpty || log.mayContain(entry.id) { found = entry }
            return found == nil
        }
        return found
    }

    /// Mutating, as what follows is, only so that the group is lent and not copied.
    mutating func isReadInVain(by consumer: RawSpan, claimIdle: Int64?, now: Int64, in log: EntryLog) -> Bool {
        guard hasConsumer(named: consumer), !hasNew(in: log) else { return false }
        // It is noted as seen now and then, so that nobody takes it for idle.
        if let due = seenDueAt(consumer), due <= now { return false }
        guard let idle = policy.claimIdle(claimIdle), let oldest = longestWaiting(in: log) else { return true }
        return !oldest.isRipe(idle: idle, at: now)
    }

    mutating func nextLook(
        by consumer: RawSpan, claimIdle: Int64?, now: Int64, in log: EntryLog
    ) -> (claim: Int64?, seen: Int64?) {
        if passesOver, hasNew(in: log) { return (now, nil) }
        let seen = seenDueAt(consumer)
        guard let idle = policy.claimIdle(claimIdle), let oldest = longestWaiting(in: log) else { return (nil, seen) }
        return (Stream.sum(oldest.deliveredAt, idle), seen)
    }
}
