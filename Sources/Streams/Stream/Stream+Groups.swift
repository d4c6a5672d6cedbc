// SPDX-License-Identifier: Apache-2.0

extension Stream {
    /// Where a group begins to read.
    public enum GroupStart: Hashable, Sendable {
        case after(StreamID)
        /// Behind what is there.
        case last
    }

    public var groupCount: Int { groups.count }

    /// Names, in byte order.
    public var groupNames: [[UInt8]] { groups.placesByName.map { groups[row: $0].name } }

    /// Complexity: O(1).
    public func hasGroup(named name: [UInt8]) -> Bool { groups.place(of: name) != nil }
    public func hasGroup(named name: RawSpan) -> Bool { groups.place(of: name) != nil }

    /// What of a group's policy is asked for; `nil` where there is no such group. Mutating, as what follows is, only
    /// because the group is lent.
    public mutating func policy<Part>(of group: RawSpan, _ part: (GroupPolicy) -> Part) -> Part? {
        guard let place = groups.place(of: group) else { return nil }
        return groups.ask(at: place) { part($0.policy) }
    }

    /// Where the policy of a group puts dead letters; `nil`: nowhere.
    public mutating func deadLetterTarget(of group: RawSpan) -> [UInt8]? {
        guard let place = groups.place(of: group) else { return nil }
        return groups.ask(at: place) { $0.policy.deadLetter }
    }

    /// A group as it is: shares memory with the stream, so let go of it before the next change.
    public func group(named name: [UInt8]) -> ConsumerGroup? {
        groups.place(of: name).map { groups[$0] }
    }

    /// Live entries that a group has not passed. Always exact. Complexity: O(log n + entries of a block).
    public func lag(of group: ConsumerGroup) -> Int {
        group.lag(in: log) - group.aheadCount(in: prioritized, from: firstInBlocks)
    }

    /// Whether a consumer's read of what is new in a group would hand out nothing and change nothing.
    ///
    /// - Parameter claimIdle: see `readGroup`.
    public mutating func isReadInVain(
        by consumer: RawSpan, of group: RawSpan, claimIdle: Int64?, now: Int64
    ) -> Bool {
        guard let place = groups.place(of: group) else { return false }
        return groups[row: place].value.isReadInVain(by: consumer, claimIdle: claimIdle, now: now, in: log)
    }

    /// When a consumer's waiting read of a group is looked at next: because the first of the pending entries that it
    /// asks for comes of age, the consumer is to be noted as seen, or there is more than one read passes over. In
    /// milliseconds of the Unix clock; `nil`: for nothing of the kind.
    public mutating func nextLook(
        by consumer: RawSpan, of group: RawSpan, claimIdle: Int64?, now: Int64
    ) -> (claim: Int64?, seen: Int64?) {
        guard let place = groups.place(of: group) else { return (nil, nil) }
        return groups[row: place].value.nextLook(by: consumer, claimIdle: claimIdle, now: now, in: log)
    }

    /// Whether the policy of a group keeps the order of keys.
    public var ordersKeys: Bool { groups.contains { $0.policy.orderField != nil } }

    private func place(of group: [UInt8]) throws(StreamError) -> Int { try place(of: group.span.bytes) }

    private func place(of group: RawSpan) throws(StreamError) -> Int {
        guard let place = groups.place(of: group) else { throw .noSuchGroup }
        return place
    }

    // MARK: Groups

    /// - Parameters:
    ///   - entriesRead: how many entries the group counts as read; −1 or `nil`: unknown.
    /// - Throws: `entriesReadNegative`, `groupExists`, `tooManyGroups`.
    public mutating func createGroup(
        _ name: [UInt8], at start: GroupStart, entriesRead: Int64? = nil
    ) throws(StreamError) {
        let read = try counted(entriesRead)
        if groups.place(of: name) != nil { throw .groupExists }
        guard groups.nextPlace < Self.maximumGroupCount else { throw .tooManyGroups }
        groups.add(
            name, ConsumerGroup(lastDeliveredID: id(of: start), entriesRead: read, configuration))
    }

    /// Moves a group, back or forth. What is pending stays so.
    ///
    /// - Throws: `entriesReadNegative`, `noSuchGroup`.
    public mutating func setGroup(
        _ name: [UInt8], to start: GroupStart, entriesRead: Int64? = nil
    ) throws(StreamError) {
        let read = try counted(entriesRead)
        let place = try place(of: name)
        groups[place].ahead = []
        groups[place].lastDeliveredID = id(of: start)
        groups[place].entriesRead = read
    }

    private func counted(_ entriesRead: Int64?) throws(StreamError) -> Int64? {
        guard let entriesRead, entriesRead != -1 else { return nil }
        if entriesRead < 0 { throw .entriesReadNegative }
        return min(entriesRead, Int64(clamping: log.entriesAdded))
    }

    private func id(of start: GroupStart) -> StreamID {
        switch start {
        case .after(let id): id
        case .last: log.lastID
        }
    }

    /// Whether there was such a group. What was pending in it is forgotten. Complexity: O(consumers + pending).
    public mutating func destroyGroup(_ name: [UInt8]) -> Bool {
        guard let place = groups.place(of: name) else { return false }
        if configuration.isCheckpointed { removals += StreamRecord.all(of: groups[place], place) }
        groups.remove(at: place)
        return true
    }

    // MARK: Consumers

    /// Whether there was no such consumer.
    ///
    /// - Throws: `noSuchGroup`, `tooManyConsumers`.
    public mutating func createConsumer(
        _ name: [UInt8], group: [UInt8], now: Int64
    ) throws(StreamError) -> Bool {
        let place = try place(of: group)
        return try groups[row: place].value.createConsumer(name, now: now)
    }

    /// How many pending entries the consumer had, which are forgotten; `nil` where there was none of this name.
    ///
    /// - Throws: `noSuchGroup`.
    public mutating func deleteConsumer(_ name: [UInt8], group: [UInt8]) throws(StreamError) -> Int? {
        let place = try place(of: group)
        return groups[row: place].value.deleteConsumer(name)
    }

    /// As `deleteConsumer`, but what it had pending is another's, which is made if need be.
    ///
    /// - Throws: `noSuchGroup`, `tooManyConsumers`.
    public mutating func deleteConsumer(
        _ name: [UInt8], group: [UInt8], heir: [UInt8], now: Int64
    ) throws(StreamError) -> Int? {
        let place = try place(of: group)
        return try groups[row: place].value.deleteConsumer(name, heir: heir, now: now)
    }

    // MARK: Policy

    /// Sets what a group does of itself. What orders its entries can change only while nothing is pending.
    ///
    /// - Throws: `noSuchGroup`, `groupIsBusy`.
    public mutating func setPolicy(_ policy: GroupPolicy, group: [UInt8], now: Int64) throws(StreamError) {
        let place = try place(of: group)
        if policy.orderField != groups[place].policy.orderField, groups[place].pendingCount > 0 { throw .groupIsBusy }
        groups[place].policy = policy
        groups[place].consumersDueAt = policy.idleLimit.flatMap { Self.sum(now, $0) }
    }

    static func sum(_ moment: Int64, _ duration: Int64) -> Int64? {
        let (sum, overflows) = moment.addingReportingOverflow(duration)
        return overflows ? nil : sum
    }

    /// Takes those of the entries named for dead letters that nobody holds and that were delivered too often.
    public mutating func buryReleased(_ ids: [StreamID], group: [UInt8]) -> [DeadLetter] {
        guard let place = groups.place(of: group), groups[row: place].value.policy.maximumDeliveries != nil else {
            return []
        }
        var letters: [DeadLetter] = []
        for id in ids {
            guard let pending = groups[row: place].value.pendingEntry(id), pending.holder.isNobody, !pending.isParked,
                groups[row: place].value.isDead(pending), let entry = log.entry(id)
            else { continue }
            letters.append(groups[row: place].value.bury(pending, entry))
        }
        return letters
    }

    // MARK: Reading

    /// Hands entries to a consumer, which is made if need be: see `GroupRead`.
    ///
    /// - Parameters:
    ///   - count: at most.
    ///   - claimIdle: milliseconds; given, pending entries that wait so long come first, those that wait longest before
    ///     all. In O(log n) each.
    ///   - isAcknowledged: whether new entries are not to be pending.
    ///   - buries: whether there is a stream for dead letters.
    ///   - admits: asked before every entry; `false` ends the read, and the entry stays for the next one.
    /// - Throws: `noSuchGroup`, `tooManyConsumers`.
    public mutating func readGroup(
        _ group: RawSpan, consumer: RawSpan, count: Int = .max, claimIdle: Int64? = nil, isAcknowledged: Bool = false,
        buries: Bool = false, now: Int64, admits: (StreamEntry) -> Bool = { _ in true }
    ) throws(StreamError) -> GroupRead {
        let place = try place(of: group)
        return try groups[place].read(
            as: consumer, count: count, claimIdle: claimIdle, isAcknowledged: isAcknowledged, buries: buries,
            now: now, from: log, prioritized, admits: admits)
    }

    /// Hands a consumer, which is made if need be, what it has pending behind `id`, once more.
    ///
    /// - Throws: `noSuchGroup`, `tooManyConsumers`.
    public mutating func readHistory(
        _ group: RawSpan, consumer: RawSpan, after id: StreamID, count: Int = .max, now: Int64,
        admits: (StreamEntry) -> Bool = { _ in true }
    ) throws(StreamError) -> HistoryRead {
        let place = try place(of: group)
        return try groups[row: place].value.readHistory(
            as: consumer, after: id, count: count, now: now, from: log, admits: admits)
    }

    // MARK: Pending entries

    /// Takes entries off a group's list; answers how many were on it, 0 where there is no such group.
    public mutating func acknowledge(_ ids: [StreamID], group: [UInt8]) -> Int {
        guard let place = groups.place(of: group) else { return 0 }
        return groups[row: place].value.acknowledge(ids)
    }

    /// The same of one entry: whether it was on the list.
    public mutating func acknowledge(_ id: StreamID, group: [UInt8]) -> Bool {
        guard let place = groups.place(of: group) else { return false }
        return groups[row: place].value.removePending(id) != nil
    }

    /// Makes a consumer, which is made if need be, the holder of the pending entries named.
    ///
    /// - Throws: `noSuchGroup`, `tooManyConsumers`.
    public mutating func claim(
        _ ids: [StreamID], group: [UInt8], consumer: [UInt8], _ options: ClaimOptions, now: Int64
    ) throws(StreamError) -> ClaimResult {
        let place = try place(of: group)
        return try groups[place].claim(ids, as: consumer, options, now: now, from: log)
    }

    /// Makes a consumer, which is made if need be, the holder of pending entries from `start` on that wait long enough.
    /// Entries that are gone from the stream are taken off the list.
    ///
    /// - Parameters:
    ///   - count: of claimed and removed entries together, at most; above 0. Ten times as many are looked at.
    /// - Throws: `noSuchGroup`, `tooManyConsumers`.
    public mutating func claimAutomatically(
        from start: StreamID, count: Int = 100, group: [UInt8], consumer: [UInt8], minimumIdle: Int64,
        isIDOnly: Bool = false, buries: Bool = false, now: Int64
    ) throws(StreamError) -> ClaimResult {
        let place = try place(of: group)
        return try groups[row: place].value.claimAutomatically(
            from: start, count: count, as: consumer, minimumIdle: minimumIdle, isIDOnly: isIDOnly,
            buries: buries, now: now, from: log)
    }

    /// Gives pending entries back; answers how many. See `ReleaseMode`.
    ///
    /// - Parameters:
    ///   - deliveryCount: instead of what the mode makes of it.
    ///   - isForced: whether entries of the stream that aren't pending become so.
    /// - Throws: `noSuchGroup`.
    public mutating func release(
        _ ids: [StreamID], group: [UInt8], _ mode: ReleaseMode, deliveryCount: Int64? = nil, isForced: Bool = false
    ) throws(StreamError) -> Int {
        let place = try place(of: group)
        return groups[place].release(ids, mode, deliveryCount: deliveryCount, isForced: isForced, from: log)
    }
}
