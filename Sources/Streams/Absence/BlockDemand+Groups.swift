// SPDX-License-Identifier: Apache-2.0

extension Stream {
    /// For `readGroup`.
    ///
    /// - Parameters:
    ///   - count: of all reads together.
    ///   - isRepeated: whether several reads follow each other, of which each may pass over as much as one does.
    public func demandRead(
        ofGroup name: [UInt8], count: Int, isRepeated: Bool = false, claimIdle: Int64?, now: Int64,
        _ demand: inout BlockDemand
    ) {
        guard absentCount > 0, count > 0, let group = group(named: name) else { return }
        var left = count
        if let claimIdle = group.policy.claimIdle(claimIdle) {
            group.forEachOldest(upTo: now.subtractingReportingOverflow(max(claimIdle, 0)).partialValue) { pending in
                self.demand(pending.id, &demand)
                // What is delivered too often may go, and then another comes.
                if log.mayContain(pending.id), !group.isDead(pending) {
                    left -= 1
                } else if isRepeated {
                    demandFollowers(of: pending.id, in: group, &demand)
                }
                return left > 0 && !demand.isFull
            }
        }
        guard left > 0, log.lastID > group.lastDeliveredID, let range = StreamRange.after(group.lastDeliveredID)
        else { return }
        if group.policy.prefersUrgent {
            let (ids, isCut) = group.urgentIDs(left, in: log, prioritized, isBounded: !isRepeated)
            for (id, _) in ids { self.demand(id, &demand) }
            if isCut { return }
            // With a filter it may be that none of these is handed over.
            if group.policy.filter.isEmpty { left -= ids.count }
            if left <= 0 { return }
        }
        guard group.passesOver else { return self.demand(range, count: left, &demand) }
        if isRepeated { return self.demand(range, count: .max, &demand) }
        let end = log.passageEnd(from: range.lower)
        self.demand(StreamRange(range.lower, end), count: ConsumerGroup.maximumPassed, &demand)
    }

    /// Who waits in line behind an entry that a read lets go of: the next read of the same command hands the first one
    /// over that is there.
    private func demandFollowers(of id: StreamID, in group: ConsumerGroup, _ demand: inout BlockDemand) {
        guard !group.order.isEmpty, let hash = group.order.hash(of: id) else { return }
        for follower in group.order.line(of: hash) where follower != id {
            self.demand(follower, &demand)
            let isDead = group.pendingEntry(follower).map { group.isDead($0) } ?? false
            if demand.isFull || log.mayContain(follower) && !isDead { return }
        }
    }

    /// For `readHistory`.
    public func demandHistory(
        ofConsumer consumer: [UInt8], group name: [UInt8], after id: StreamID, count: Int, _ demand: inout BlockDemand
    ) {
        guard absentCount > 0, count > 0, let range = StreamRange.after(id), let group = group(named: name),
            let number = group.consumer(named: consumer)
        else { return }
        var left = count
        group.consumers.withValue(at: Int(number.rawValue)) { consumer in
            consumer.forEachID(in: range) { id in
                self.demand(id, &demand)
                left -= 1
                return left > 0 && !demand.isFull
            }
        }
    }

    /// For `claimAutomatically`.
    public func demandClaim(
        from start: StreamID, count: Int, group name: [UInt8], minimumIdle: Int64, now: Int64,
        _ demand: inout BlockDemand
    ) {
        guard absentCount > 0, count > 0, let group = group(named: name) else { return }
        var attempts = ConsumerGroup.attempts(forClaims: count)
        var left = count
        group.forEachPending(in: StreamRange(start, .max)) { pending in
            if attempts == 0 || left <= 0 || demand.isFull { return false }
            attempts -= 1
            self.demand(pending.id, &demand)
            // What waits long enough counts whether it is there or not; what is parked only if it is gone.
            let isRipe = !pending.isParked && pending.idle(at: now) >= minimumIdle
            if isRipe || !log.mayContain(pending.id) { left -= 1 }
            return true
        }
    }

    /// For `lag` of all groups.
    public func demandLags(_ demand: inout BlockDemand) {
        guard absentCount > 0 else { return }
        for place in groups.takenPlaces {
            demandCount(after: groups.withValue(at: place) { $0.lastDeliveredID }, &demand)
        }
    }
}
