// SPDX-License-Identifier: Apache-2.0

extension ConsumerGroup {
    /// Makes a consumer the holder of pending entries that it names.
    mutating func claim(
        _ ids: [StreamID], as name: [UInt8], _ options: ClaimOptions, now: Int64, from log: EntryLog
    ) throws(StreamError) -> ClaimResult {
        let (consumer, isNew) = try seeConsumer(name.span.bytes, now: now)
        var result = ClaimResult(isNewConsumer: isNew)
        if let last = options.lastDeliveredID { lastDeliveredID = max(lastDeliveredID, last) }
        for id in ids {
            let pending = pendingEntry(id)
            if pending == nil, !options.isForced { continue }
            guard let entry = log.entry(id) else {
                if removePending(id) != nil { result.removedIDs.append(id) }
                continue
            }
            if let pending, pending.isParked || pending.idle(at: now) < options.minimumIdle { continue }
            if let pending, options.buries, !options.isIDOnly, isDead(pending) {
                result.deadLetters.append(bury(pending, entry))
                continue
            }
            take(id, pending, as: consumer, options, now: now)
            result.entries.append(entry)
        }
        if !result.entries.isEmpty { consumers[Int(consumer.rawValue)].activeAt = now }
        return result
    }

    /// Pending entries that one automatic claim looks at for each that it may return.
    private static let examinedPerClaimed = 10

    static func attempts(forClaims count: Int) -> Int {
        let (product, isTooBig) = count.multipliedReportingOverflow(by: examinedPerClaimed)
        return isTooBig ? Int.max : product
    }

    /// Makes a consumer the holder of whatever waits long enough, in the order of IDs.
    ///
    /// - Parameters:
    ///   - count: of claimed and removed entries together, at most; above 0.
    mutating func claimAutomatically(
        from start: StreamID, count: Int, as name: [UInt8], minimumIdle: Int64, isIDOnly: Bool, buries: Bool,
        now: Int64,
        from log: EntryLog
    ) throws(StreamError) -> ClaimResult {
        let (consumer, isNew) = try seeConsumer(name.span.bytes, now: now)
        var result = ClaimResult(isNewConsumer: isNew)
        var options = ClaimOptions(minimumIdle: minimumIdle)
        options.isIDOnly = isIDOnly
        var claimed: [PendingEntry] = []
        var dead: [(PendingEntry, StreamEntry)] = []
        var attempts = Self.attempts(forClaims: count)
        var finder = EntryFinder()
        forEachPending(in: StreamRange(start, .max)) { pending in
            if attempts == 0 || result.entries.count + result.removedIDs.count + dead.count >= count {
                result.nextStart = pending.id
                return false
            }
            attempts -= 1
            if let entry = finder.entry(pending.id, in: log) {
                if pending.isParked || pending.idle(at: now) < options.minimumIdle { return true }
                if buries, !isIDOnly, isDead(pending) {
                    dead.append((pending, entry))
                } else {
                    result.entries.append(entry)
                    claimed.append(pending)
                }
            } else {
                result.removedIDs.append(pending.id)
            }
            return true
        }
        for id in result.removedIDs { removePending(id) }
        for (pending, entry) in dead { result.deadLetters.append(bury(pending, entry)) }
        for pending in claimed { take(pending.id, pending, as: consumer, options, now: now) }
        if !claimed.isEmpty { consumers[Int(consumer.rawValue)].activeAt = now }
        return result
    }

    private mutating func take(
        _ id: StreamID, _ pending: PendingEntry?, as consumer: ConsumerNumber, _ options: ClaimOptions, now: Int64
    ) {
        let holder = PendingEntry.Holder.consumer(consumer, deliveredAt: options.deliveredAt(now: now))
        // What is made pending by the claim itself has been delivered once.
        var entry = PendingEntry(id: id, holder: holder, deliveryCount: pending?.deliveryCount ?? 1)
        if let count = options.deliveryCount, count >= 0 {
            entry.deliveryCount = count
        } else if !options.isIDOnly {
            entry.countDelivery()
        }
        setPending(entry)
    }

    /// Takes entries off the list; answers how many were on it.
    mutating func acknowledge(_ ids: [StreamID]) -> Int {
        var count = 0
        for id in ids where removePending(id) != nil { count += 1 }
        return count
    }

    /// Gives entries back: nobody holds them, and the next claim may have them, whatever idle time it asks for.
    ///
    /// - Parameters:
    ///   - deliveryCount: instead of what the mode says.
    ///   - isForced: whether entries of the stream that aren't pending become so.
    /// - Returns: how many were given back.
    mutating func release(
        _ ids: [StreamID], _ mode: ReleaseMode, deliveryCount: Int64?, isForced: Bool, from log: EntryLog
    ) -> Int {
        var count = 0
        for id in ids {
            let pending = pendingEntry(id)
            if pending == nil, !isForced || !log.contains(id) { continue }
            if pending?.isParked == true { continue }
            // Who gives back twice keeps the place of the first time.
            let holder =
                pending?.holder.isNobody == true ? pending?.holder : PendingEntry.Holder.nobody(ticket: takeTicket())
            var entry = pending ?? PendingEntry(id: id, holder: .nobody(ticket: 0), deliveryCount: 0)
            if let holder { entry.holder = holder }
            switch mode {
            case .silent: entry.deliveryCount = max(entry.deliveryCount - 1, 0)
            case .fail: break
            case .fatal: entry.deliveryCount = .max
            }
            if let deliveryCount { entry.deliveryCount = max(deliveryCount, 0) }
            setPending(entry)
            count += 1
        }
        return count
    }
}
