// SPDX-License-Identifier: Apache-2.0

extension ConsumerGroup {
    /// Hands entries to a consumer: if asked for, pending ones that wait long enough, longest first; then new ones.
    ///
    /// - Parameters:
    ///   - count: of both together, at most.
    ///   - claimIdle: milliseconds for which a pending entry must have waited to be handed over; `nil`: none is.
    ///   - isAcknowledged: whether new entries count as acknowledged at once.
    ///   - admits: asked for every entry; `false` ends the read before it.
    mutating func read(
        as name: [UInt8], count: Int, claimIdle: Int64?, isAcknowledged: Bool, now: Int64, from log: EntryLog,
        admits: (StreamEntry) -> Bool
    ) throws(StreamError) -> GroupRead {
        let (consumer, isNew) = try seeConsumer(name, now: now)
        var result = GroupRead(isNewConsumer: isNew)
        var isFull = count <= 0
        if let claimIdle, !isFull {
            isFull = claimOldest(
                idle: max(claimIdle, 0), count, as: consumer, now: now, from: log, admits, &result.deliveries)
        }
        if !isFull {
            deliverNew(count, as: consumer, isAcknowledged, now: now, from: log, admits, &result.deliveries)
        }
        return result
    }

    /// - Returns: whether the read is at its end.
    private mutating func claimOldest(
        idle: Int64, _ count: Int, as consumer: ConsumerNumber, now: Int64, from log: EntryLog,
        _ admits: (StreamEntry) -> Bool, _ deliveries: inout [Delivery]
    ) -> Bool {
        var claimed: [PendingEntry] = []
        var isFull = false
        forEachOldest(upTo: now.subtractingReportingOverflow(idle).partialValue) { pending in
            // What is no longer in the stream stays pending for who acknowledges it.
            guard let entry = log.entry(pending.id) else { return true }
            if !admits(entry) {
                isFull = true
                return false
            }
            deliveries.append(
                Delivery(entry: entry, idle: pending.idle(at: now), previousCount: pending.deliveryCount))
            claimed.append(pending)
            isFull = deliveries.count >= count
            return !isFull
        }
        for var entry in claimed {
            entry.holder = .consumer(consumer, deliveredAt: now)
            entry.countDelivery()
            setPending(entry)
        }
        if !claimed.isEmpty { consumers[Int(consumer.rawValue)].activeAt = now }
        return isFull
    }

    private mutating func deliverNew(
        _ count: Int, as consumer: ConsumerNumber, _ isAcknowledged: Bool, now: Int64, from log: EntryLog,
        _ admits: (StreamEntry) -> Bool, _ deliveries: inout [Delivery]
    ) {
        guard log.lastID > lastDeliveredID, let range = StreamRange.after(lastDeliveredID) else { return }
        let before = deliveries.count
        log.forEach(in: range) { entry in
            if !admits(entry) { return false }
            deliveries.append(Delivery(entry: entry, idle: 0, previousCount: 0))
            return deliveries.count < count
        }
        guard deliveries.count > before else { return }
        let firstID = log.firstID
        for delivery in deliveries[before...] {
            passNext(delivery.entry.id, firstID: firstID, of: log)
            if !isAcknowledged {
                let holder = PendingEntry.Holder.consumer(consumer, deliveredAt: now)
                setPending(PendingEntry(id: delivery.entry.id, holder: holder, deliveryCount: 1))
            }
        }
        if !isAcknowledged { consumers[Int(consumer.rawValue)].activeAt = now }
    }

    /// The group passes the entry behind its last one, and counts it if it can.
    private mutating func passNext(_ id: StreamID, firstID: StreamID?, of log: EntryLog) {
        if let read = entriesRead, let firstID, lastDeliveredID >= firstID, log.maxDeletedID < lastDeliveredID {
            // A client may have set it to the greatest of all.
            entriesRead = read < .max ? read + 1 : read
        } else {
            entriesRead = log.entriesAdded(upTo: id, firstID: firstID)
        }
        lastDeliveredID = id
    }

    /// Hands a consumer once more what it holds. Entries that are gone come without content and stay as they are.
    mutating func readHistory(
        as name: [UInt8], after id: StreamID, count: Int, now: Int64, from log: EntryLog,
        admits: (StreamEntry) -> Bool
    ) throws(StreamError) -> HistoryRead {
        let (consumer, isNew) = try seeConsumer(name, now: now)
        var result = HistoryRead(isNewConsumer: isNew)
        guard count > 0, let range = StreamRange.after(id) else { return result }
        consumers.withValue(at: Int(consumer.rawValue)) { value in
            value.forEachID(in: range) { id in
                let entry = log.entry(id)
                if let entry, !admits(entry) { return false }
                result.items.append(HistoryItem(id: id, entry: entry))
                return result.items.count < count
            }
        }
        for item in result.items where item.entry != nil {
            guard var entry = pendingEntry(item.id) else { preconditionFailure("\(item.id) is not pending") }
            entry.holder = .consumer(consumer, deliveredAt: now)
            entry.countDelivery()
            setPending(entry)
        }
        return result
    }

    /// Live entries that the group has not passed. Always exact. Complexity: O(log n).
    func lag(in log: EntryLog) -> Int {
        guard let range = StreamRange.after(lastDeliveredID) else { return 0 }
        return log.liveCount(in: range)
    }
}

extension PendingEntry {
    /// The greatest count stays.
    mutating func countDelivery() {
        if deliveryCount < .max { deliveryCount += 1 }
    }
}

extension EntryLog {
    /// How many entries were added up to this one, where the numbers at hand tell; `nil` where they don't.
    ///
    /// Redis's rule: its clients see the outcome as a group's entries read. Source: Redis 8 and its documentation of
    /// XINFO GROUPS.
    func entriesAdded(upTo id: StreamID, firstID: StreamID?) -> Int64? {
        let added = Int64(clamping: entriesAdded)
        if added == 0 { return 0 }
        if length == 0, id <= lastID { return added }
        if id != .zero, id < maxDeletedID { return nil }
        if id == lastID { return added }
        guard id < lastID, let firstID, maxDeletedID < firstID else { return nil }
        if id < firstID { return added - Int64(length) }
        return id == firstID ? added - Int64(length) + 1 : nil
    }
}
