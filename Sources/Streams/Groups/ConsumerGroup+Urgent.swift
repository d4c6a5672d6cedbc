// SPDX-License-Identifier: Apache-2.0

// A group whose policy prefers what is urgent reads each priority for itself, in the order of IDs, and the next one
// only where nothing is left of it. So one ID for each priority tells exactly what it has passed, however many entries
// wait:
//
//     IDs         1    2    3    4    5    6              lastDeliveredID   1
//     priority    0    9    0    5    9    5              ahead of 5        4
//     passed      x    x         x    x                   ahead of 9        5       next: 6, then 3
//
// All that is up to `lastDeliveredID` is passed, whatever its priority.
extension ConsumerGroup {
    /// Whether an entry of this priority was passed before what is in front of it.
    func isAhead(of id: StreamID, _ priority: EntryPriority) -> Bool {
        !ahead.isEmpty && priority > .normal && id <= ahead[priority.index]
    }

    /// Whether the group has passed an entry of the stream.
    func hasPassed(_ id: StreamID, _ prioritized: PriorityIndex) -> Bool {
        id <= lastDeliveredID || !ahead.isEmpty && isAhead(of: id, prioritized.priority(of: id))
    }

    /// How far it has passed entries of a priority.
    private func position(_ priority: EntryPriority) -> StreamID {
        ahead.isEmpty ? lastDeliveredID : max(ahead[priority.index], lastDeliveredID)
    }

    /// Entries that the group has passed behind `lastDeliveredID`. Complexity: O(log n).
    ///
    /// - Parameter first: where the stream's blocks begin.
    func aheadCount(in prioritized: PriorityIndex, from first: StreamID) -> Int {
        if ahead.isEmpty { return 0 }
        guard let next = lastDeliveredID.successor else { return 0 }
        let lower = max(next, first)
        return EntryPriority.urgent.reduce(0) {
            $0 + prioritized.count(of: $1, in: StreamRange(lower, ahead[$1.index]))
        }
    }

    /// What isn't further than `lastDeliveredID` tells nothing.
    mutating func settleAhead() {
        if ahead.allSatisfy({ $0 <= lastDeliveredID }) { ahead = [] }
    }

    /// The entries with a priority that a read would look at, in the order in which it does.
    ///
    /// - Parameters:
    ///   - count: of them at most.
    ///   - isBounded: whether no more are looked at than one read passes over.
    /// - Returns: them, and whether there may be more.
    func urgentIDs(
        _ count: Int, in log: EntryLog, _ prioritized: PriorityIndex, isBounded: Bool = true
    ) -> (ids: [(id: StreamID, priority: EntryPriority)], isCut: Bool) {
        var found: [(id: StreamID, priority: EntryPriority)] = []
        guard let first = log.firstBlock?.base, !prioritized.isEmpty else { return (found, false) }
        // Each that is handed over is wanted; what is passed over costs a look, and perhaps its block.
        let limit = policy.filter.isEmpty ? count : isBounded ? Self.maximumPassed : .max
        let byteLimit = isBounded ? Self.maximumPassedBytes : .max
        var byteCount = 0
        var block: StreamID?
        var isCut = false
        for priority in EntryPriority.urgent where !isCut {
            guard let next = position(priority).successor else { continue }
            prioritized.forEach(priority, in: StreamRange(max(next, first), .max)) { id in
                if found.count >= limit || byteCount >= byteLimit {
                    isCut = true
                    return false
                }
                if !policy.filter.isEmpty, let (of, base) = log.block(of: id), base != block {
                    byteCount += of.byteCount
                    block = base
                }
                found.append((id, priority))
                return true
            }
        }
        return (found, isCut)
    }

    /// Hands over new entries with a priority.
    ///
    /// - Returns: whether the read is at its end.
    mutating func deliverUrgent(
        _ count: Int, as consumer: ConsumerNumber, _ isAcknowledged: Bool, now: Int64, from log: EntryLog,
        _ prioritized: PriorityIndex, _ admits: (StreamEntry) -> Bool, _ result: inout GroupRead
    ) -> Bool {
        let (ids, isCut) = urgentIDs(count - result.deliveries.count, in: log, prioritized)
        var isFull = isCut
        for (id, priority) in ids {
            guard let entry = log.entry(id) else { preconditionFailure("\(id) has a priority and isn't there") }
            let isWanted = policy.admits(entry)
            if isWanted, !admits(entry) { return true }
            if ahead.isEmpty { ahead = [StreamID](repeating: .zero, count: EntryPriority.count) }
            ahead[priority.index] = id
            result.isChanged = true
            guard isWanted else { continue }
            result.deliveries.append(Delivery(entry: entry, idle: 0, previousCount: 0))
            if !isAcknowledged {
                let holder = PendingEntry.Holder.consumer(consumer, deliveredAt: now)
                setPending(PendingEntry(id: id, holder: holder, deliveryCount: 1))
                consumers[Int(consumer.rawValue)].activeAt = now
            }
            if result.deliveries.count >= count {
                isFull = true
                break
            }
        }
        return isFull
    }
}

extension EntryLog {
    /// The last ID that a read may come to which begins here and passes over entries: see
    /// `ConsumerGroup.maximumPassedBytes`. It is past at least one live entry, if there is one. Needs no block to be in
    /// memory. Complexity: O(blocks passed + log n + entries of a block).
    func passageEnd(from lower: StreamID) -> StreamID {
        var byteCount = 0
        var end = StreamID.max
        sealed.forEachLeaf(from: lower) { base, block in
            if byteCount >= ConsumerGroup.maximumPassedBytes {
                end = base.predecessor ?? .zero
                return false
            }
            // In the first one there may be nothing behind `lower`.
            if base > lower || block.lastLiveID(base: base).map({ $0 >= lower }) == true {
                byteCount += block.byteCount
            }
            return true
        }
        if end == .max, hasTail, tailFirst > lower, byteCount >= ConsumerGroup.maximumPassedBytes {
            end = tailFirst.predecessor ?? .zero
        }
        return end
    }
}
