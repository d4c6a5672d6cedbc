// SPDX-License-Identifier: Apache-2.0

extension ConsumerGroup {
    /// Takes a consumer away; what it held another one holds, delivered when it was and as often.
    ///
    /// - Returns: how many pending entries that were; `nil` where there is no such consumer.
    mutating func deleteConsumer(_ name: [UInt8], heir: [UInt8], now: Int64) throws(StreamError) -> Int? {
        guard consumers.place(of: name) != nil else { return nil }
        if heir == name { return 0 }
        let (number, _) = try seeConsumer(heir.span.bytes, now: now)
        let entries = pendingEntries(consumer: name, now: now)
        for var entry in entries {
            entry.holder = .consumer(number, deliveredAt: entry.deliveredAt)
            setPending(entry)
        }
        _ = deleteConsumer(name)
        return entries.count
    }

    /// Takes consumers away that have been idle for as long as the policy says, and gives back what they held. When
    /// they have asked in vain is known to within `GroupPolicy.seenSpacing`, for which they stay longer.
    ///
    /// - Returns: how many they were.
    mutating func removeIdleConsumers(now: Int64) -> Int {
        guard let due = consumersDueAt, due <= now, let idle = policy.idleLimit else { return 0 }
        var count = 0
        var oldest: Int64?
        for place in consumers.placesByName {
            let row = consumers[row: place]
            guard let end = Stream.sum(row.value.seenAt, idle), end <= now else {
                oldest = min(oldest ?? .max, row.value.seenAt)
                continue
            }
            for var entry in pendingEntries(consumer: row.name, now: now) {
                entry.holder = .nobody(ticket: takeTicket())
                setPending(entry)
            }
            _ = deleteConsumer(row.name)
            count += 1
        }
        consumersDueAt = oldest.flatMap { Stream.sum($0, idle) }
        return count
    }
}
