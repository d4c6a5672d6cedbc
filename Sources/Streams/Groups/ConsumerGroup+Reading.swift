// SPDX-License-Identifier: Apache-2.0

extension ConsumerGroup {
    /// Hands entries to a consumer: if asked for, or if the policy says so, pending ones that wait long enough, longest
    /// first; then new ones.
    ///
    /// - Parameters:
    ///   - count: of both together, at most.
    ///   - claimIdle: milliseconds for which a pending entry must have waited to be handed over; `nil`: none is, but
    ///     for the policy.
    ///   - isAcknowledged: whether new entries count as acknowledged at once.
    ///   - buries: whether there is a stream that takes what was delivered too often.
    ///   - admits: asked for every entry; `false` ends the read before it.
    mutating func read(
        as name: RawSpan, count: Int, claimIdle: Int64?, isAcknowledged: Bool, buries: Bool, now: Int64,
        from log: EntryLog, _ prioritized: PriorityIndex, admits: (StreamEntry) -> Bool
    ) throws(StreamError) -> GroupRead {
        let (consumer, isNew) = try seeConsumer(name, now: now)
        var result = GroupRead(isNewConsumer: isNew)
        var isFull = count <= 0
        if let claimIdle = policy.claimIdle(claimIdle), !isFull {
            isFull = claimOldest(
                idle: max(claimIdle, 0), count, as: consumer, buries, now: now, from: log, admits, &result)
        }
        if !isFull, policy.prefersUrgent {
            isFull = deliverUrgent(
                count, as: consumer, isAcknowledged, now: now, from: log, prioritized, admits, &result)
        }
        if !isFull {
            deliverNew(count, as: consumer, isAcknowledged, now: now, from: log, admits, &result)
        }
        return result
    }

    /// - Returns: whether the read is at its end.
    private mutating func claimOldest(
        idle: Int64, _ count: Int, as consumer: ConsumerNumber, _ buries: Bool, now: Int64, from log: EntryLog,
        _ admits: (StreamEntry) -> Bool, _ result: inout GroupRead
    ) -> Bool {
        var claimed: [PendingEntry] = []
        var dead: [(PendingEntry, StreamEntry)] = []
        var gone: [StreamID] = []
        var isFull = false
        let letsGo = !policy.isEmpty
        forEachOldest(upTo: now.subtractingReportingOverflow(idle).partialValue) { pending in
            guard let entry = log.entry(pending.id) else {
                // What is no longer in the stream stays pending for who acknowledges it, unless the group itself sees
                // to it that nothing is left behind.
                if letsGo { gone.append(pending.id) }
                return gone.count < Self.maximumLetGo
            }
            if buries, isDead(pending) {
                dead.append((pending, entry))
                return dead.count < Self.maximumLetGo
            }
            if !admits(entry) {
                isFull = true
                return false
            }
            result.deliveries.append(
                Delivery(entry: entry, idle: pending.idle(at: now), previousCount: pending.deliveryCount))
            claimed.append(pending)
            isFull = result.deliveries.count >= count
            return !isFull
        }
        for var entry in claimed {
            entry.holder = .consumer(consumer, deliveredAt: now)
            entry.countDelivery()
            setPending(entry)
        }
        for id in gone { removePending(id) }
        for (pending, entry) in dead { result.deadLetters.append(bury(pending, entry)) }
        if !gone.isEmpty || !dead.isEmpty { result.isChanged = true }
        if !claimed.isEmpty { consumers[Int(consumer.rawValue)].activeAt = now }
        return isFull
    }

    /// Entries that one read lets go of at most, of each kind: so that none takes long.
    private static let maximumLetGo = 1000

    /// Whether the policy takes a pending entry for a dead letter.
    func isDead(_ pending: PendingEntry) -> Bool {
        policy.maximumDeliveries.map { pending.deliveryCount >= $0 } ?? false
    }

    /// Takes an entry off the list for good.
    mutating func bury(_ pending: PendingEntry, _ entry: StreamEntry) -> DeadLetter {
        removePending(pending.id)
        return DeadLetter(
            entry: entry, deliveryCount: pending.deliveryCount, consumer: pending.consumer.map { self.name(of: $0) })
    }

    private mutating func deliverNew(
        _ count: Int, as consumer: ConsumerNumber, _ isAcknowledged: Bool, now: Int64, from log: EntryLog,
        _ admits: (StreamEntry) -> Bool, _ result: inout GroupRead
    ) {
        guard log.lastID > lastDeliveredID else { return }
        if passesOver {
            guard let range = StreamRange.after(lastDeliveredID) else { return }
            return deliverSome(range, count, as: consumer, isAcknowledged, now: now, from: log, admits, &result)
        }
        let before = result.deliveries.count
        log.forEach(after: lastDeliveredID, &place) { entry in
            if !admits(entry) { return false }
            result.deliveries.append(Delivery(entry: entry, idle: 0, previousCount: 0))
            return result.deliveries.count < count
        }
        guard result.deliveries.count > before else { return }
        let firstID = log.firstID
        for delivery in result.deliveries[before...] {
            passNext(delivery.entry.id, firstID: firstID, of: log)
            if !isAcknowledged {
                let holder = PendingEntry.Holder.consumer(consumer, deliveredAt: now)
                setPending(PendingEntry(id: delivery.entry.id, holder: holder, deliveryCount: 1))
            }
        }
        if !isAcknowledged { consumers[Int(consumer.rawValue)].activeAt = now }
    }

    // MARK: Groups that don't hand over everything

    /// Entries that wait behind others with their keys, of one group at most; then it reads on only when some have
    /// gone. Each takes a hundred bytes or two.
    static let maximumParkedCount = 1 << 16
    /// Entries that one read passes over at most, so that none takes long.
    static let maximumPassed = 10_000
    /// Bytes of the blocks that one read passes over at most, but for the last of them: where blocks are not in memory
    /// all of them have to come back before the read is carried out.
    static let maximumPassedBytes = 4 << 20

    /// Whether a read may go on without handing over what it goes past, and so is bounded in that.
    public var passesOver: Bool {
        !policy.filter.isEmpty || policy.orderField != nil || policy.prefersUrgent || !ahead.isEmpty
    }

    /// What becomes of a new entry.
    private enum Passing {
        /// It is handed over; it follows others by this hash.
        case delivered(UInt64?)
        case parked(UInt64)
        /// Not for this group, or known to it.
        case passed
    }

    /// As `deliverNew`, where the policy has to be asked for each entry.
    private mutating func deliverSome(
        _ range: StreamRange, _ count: Int, as consumer: ConsumerNumber, _ isAcknowledged: Bool, now: Int64,
        from log: EntryLog, _ admits: (StreamEntry) -> Bool, _ result: inout GroupRead
    ) {
        var entries: [(entry: StreamEntry, passing: Passing)] = []
        var (delivered, parked) = (result.deliveries.count, parkedCount)
        // Keys that this read itself makes busy.
        var taken: Set<UInt64> = []
        log.forEach(in: StreamRange(range.lower, log.passageEnd(from: range.lower))) { entry in
            let passing = self.passing(of: entry, taken)
            switch passing {
            case .parked: parked += 1
            case .passed: break
            case .delivered(let hash):
                if !admits(entry) { return false }
                delivered += 1
                if let hash, !isAcknowledged { taken.insert(hash) }
            }
            if parked > Self.maximumParkedCount { return false }
            entries.append((entry, passing))
            return delivered < count && entries.count < Self.maximumPassed
        }
        let firstID = log.firstID
        for (entry, passing) in entries {
            passNext(entry.id, firstID: firstID, of: log)
            switch passing {
            case .passed: break
            case .parked(let hash):
                let holder = PendingEntry.Holder.nobody(ticket: PendingEntry.parkedTicket)
                setPending(PendingEntry(id: entry.id, holder: holder, deliveryCount: 0))
                order.add(entry.id, hash)
            case .delivered(let hash):
                result.deliveries.append(Delivery(entry: entry, idle: 0, previousCount: 0))
                if isAcknowledged { continue }
                let holder = PendingEntry.Holder.consumer(consumer, deliveredAt: now)
                setPending(PendingEntry(id: entry.id, holder: holder, deliveryCount: 1))
                if let hash { order.add(entry.id, hash) }
                consumers[Int(consumer.rawValue)].activeAt = now
            }
        }
        if !entries.isEmpty { result.isChanged = true }
    }

    private func passing(of entry: StreamEntry, _ taken: Set<UInt64>) -> Passing {
        if !policy.admits(entry) || isAhead(of: entry.id, entry.priority) { return .passed }
        guard let field = policy.orderField, let value = entry.value(of: field) else { return .delivered(nil) }
        // After the group was moved back: it is pending, and stays where it is.
        if order.hash(of: entry.id) != nil { return .passed }
        let hash = OrderHash.hash(value)
        return taken.contains(hash) || order.first(of: hash) != nil ? .parked(hash) : .delivered(hash)
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
        as name: RawSpan, after id: StreamID, count: Int, now: Int64, from log: EntryLog,
        admits: (StreamEntry) -> Bool
    ) throws(StreamError) -> HistoryRead {
        let (consumer, isNew) = try seeConsumer(name, now: now)
        var result = HistoryRead(isNewConsumer: isNew)
        guard count > 0, let range = StreamRange.after(id) else { return result }
        var finder = EntryFinder()
        result.items.reserveCapacity(min(count, Self.expectedHistory))
        consumers.withValue(at: Int(consumer.rawValue)) { value in
            value.forEachID(in: range) { id in
                let entry = finder.entry(id, in: log)
                if let entry, !admits(entry) { return false }
                result.items.append(HistoryItem(id: id, entry: entry))
                return result.items.count < count
            }
        }
        deliverAgain(result.items, to: consumer, now: now)
        return result
    }

    /// Items of a history that have room at once; more have it when they come.
    private static let expectedHistory = 16

    /// Counts deliveries to whoever holds the entries already: only their states change. Those of one leaf are changed
    /// together. Of entries that are gone nothing is counted.
    private mutating func deliverAgain(_ items: [HistoryItem], to consumer: ConsumerNumber, now: Int64) {
        let holder = PendingEntry.Holder.consumer(consumer, deliveredAt: now)
        var next = 0
        while next < items.count {
            let item = items[next]
            if item.entry == nil {
                next += 1
                continue
            }
            let end = pending.update(item.id) { leaf, _ in leaf.deliverAgain(items, from: next, to: holder) } ?? nil
            guard let end else { preconditionFailure("\(item.id) is not pending") }
            next = end
        }
        changedBytes += Self.changeBytes * items.count { $0.entry != nil }
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
