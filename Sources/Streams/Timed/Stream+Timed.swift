// SPDX-License-Identifier: Apache-2.0

// What happens by itself at a moment: entries come, entries end, a retention takes what is too old. A stream says when
// (`nextDue`); whoever keeps it calls `carryOutDue` with the time of a record, so that every member does the same.
extension Stream {
    /// Entries of one stream that wait or end at a moment, each kind at most: they are in memory, a few hundred bytes
    /// each.
    public static let maximumTimedCount = 10_000_000
    /// Ten years, in milliseconds: what is further away is taken for a mistake.
    public static let maximumDelay: Int64 = 315_576_000_000

    // MARK: Delayed entries

    public var delayedCount: Int { delayed.count }
    /// When the next one comes, in milliseconds of the Unix clock.
    public var nextDelayed: Int64? { delayed.earliest.map { Int64(clamping: $0.milliseconds) } }
    /// Entries that end at a moment.
    public var endingCount: Int { ending.count }

    /// Puts an entry by until a moment. It then gets an ID of that moment, or what follows the last ID.
    ///
    /// - Parameters:
    ///   - fields: in the form of `FieldList`.
    ///   - timeToLive: milliseconds for which the entry stays once it is there.
    ///   - priority: what the entry has once it is there, unless too many have one by then.
    /// - Returns: what names it until then.
    /// - Throws: `exhausted`, `elementsTooLarge`, `tooManyTimed`.
    public mutating func delay(
        _ fields: RawSpan, until moment: Int64, timeToLive: Int64? = nil, priority: EntryPriority = .normal
    ) throws(StreamError) -> StreamID {
        guard let shape = FieldList.shape(of: fields) else { preconditionFailure("fields are not packed") }
        if shape.contentBytes > FieldList.maximumContentBytes { throw .elementsTooLarge }
        if log.lastID.successor == nil { throw .exhausted }
        guard delayed.count < Self.maximumTimedCount else { throw .tooManyTimed }
        let handle = takeTimedID(moment)
        delayed.put(handle, DelayedEntry.content(fields, timeToLive: timeToLive, priority: priority))
        return handle
    }

    /// Forgets entries that wait; answers how many there were.
    public mutating func cancelDelayed(_ handles: [StreamID]) -> Int {
        var count = 0
        for handle in handles where delayed.remove(handle) != nil { count += 1 }
        return count
    }

    /// Calls `body` with entries that wait, by their handles, until it answers `false`.
    public func forEachDelayed(in range: StreamRange, _ body: (DelayedEntry) -> Bool) {
        delayed.forEach(in: range) { body(DelayedEntry($0, $1)) }
    }

    private mutating func takeTimedID(_ moment: Int64) -> StreamID {
        nextTimedNumber += 1
        return StreamID(UInt64(max(moment, 0)), nextTimedNumber)
    }

    // MARK: Entries that end

    /// Has an entry removed at a moment, and the references to it.
    ///
    /// - Throws: `tooManyTimed`.
    public mutating func end(_ id: StreamID, at moment: Int64) throws(StreamError) {
        guard canEndMore else { throw .tooManyTimed }
        var content: [UInt8] = []
        content.append(id)
        if let old = endingRows.remove(id) { _ = ending.remove(old) }
        let row = takeTimedID(moment)
        ending.put(row, content)
        endingRows.put(id, row: row)
    }

    /// Whether one more entry may be told to end.
    public var canEndMore: Bool { ending.count < Self.maximumTimedCount }

    static func endingID(_ content: RawSpan) -> StreamID? {
        var reader = RecordReader()
        guard let id = reader.id(content), reader.isAtEnd(of: content) else { return nil }
        return id
    }

    // MARK: Time

    /// When something is to be done next, in milliseconds of the Unix clock.
    public var nextDue: Int64? {
        // What a trim left of rows goes as soon as may be.
        if hasGoneRows { return 0 }
        var due = ageDue
        for moment in [delayed.earliest, ending.earliest, jobs.earliest] {
            if let moment { due = min(due ?? .max, Int64(clamping: moment.milliseconds)) }
        }
        for place in groups.takenPlaces {
            if let moment = groups.withValue(at: place, { $0.consumersDueAt }) { due = min(due ?? .max, moment) }
        }
        return due
    }

    /// What was done because of the time.
    public struct DueWork: Hashable, Sendable {
        /// Of the limit: what was looked at, whether there still was something to do or not.
        public var spent = 0
        public var appended = 0
        public var ended = 0
        public var trimmed = 0
        /// Consumers that were idle for too long.
        public var removedConsumers = 0
    }

    /// Does what is due.
    ///
    /// - Parameter limit: of entries that come and end; what is left is done by the next call.
    public mutating func carryOutDue(now: Int64, limits: BlockLimits, atMost limit: Int) -> DueWork {
        var work = DueWork()
        var isDone = false
        var attempts = limit
        while attempts > 0, !isDone {
            attempts -= 1
            // In the order of moments, so that IDs are.
            let jobComesFirst = jobs.isDue(at: now) && (delayed.earliest.map { jobs.earliest! < $0 } ?? true)
            if jobComesFirst {
                runJob(now: now, limits, &work)
            } else if delayed.isDue(at: now) {
                comeNext(limits, &work)
            } else {
                isDone = true
            }
        }
        if work.appended > 0 { work.trimmed += retain(now: now, limits: limits) }
        var left = attempts
        while left > 0, ending.isDue(at: now), let first = ending.earliest {
            left -= 1
            guard let content = ending.remove(first), let id = Self.endingID(content.span.bytes) else {
                preconditionFailure("no entry ends at \(first)")
            }
            _ = endingRows.remove(id)
            if remove(id) { work.ended += 1 }
            removeReferences(to: [id])
        }
        left -= forgetGone(atMost: left)
        work.spent = limit - left
        if let due = ageDue, due <= now, let age = retention.maximumAge, let least = Self.leastID(age: age, now: now) {
            work.trimmed += trim(Trim(.minimumID(least)))
        }
        for place in groups.takenPlaces {
            guard let due = groups.withValue(at: place, { $0.consumersDueAt }), due <= now else { continue }
            work.removedConsumers += groups[place].removeIdleConsumers(now: now)
        }
        return work
    }

    private mutating func comeNext(_ limits: BlockLimits, _ work: inout DueWork) {
        guard let first = delayed.earliest, let content = delayed.remove(first) else { return }
        let entry = DelayedEntry(first, content[...])
        let moment = Int64(clamping: first.milliseconds)
        work.appended += 1
        let priority = canPrioritizeMore ? entry.priority : .normal
        // A stream that has used its last ID meanwhile takes nothing any more.
        guard
            let appended = try? append(
                .automatic, fields: entry.fields.span.bytes, limits: limits, now: moment, priority: priority)
        else { return }
        guard let lifetime = entry.timeToLive, canEndMore else { return }
        let end = moment.addingReportingOverflow(lifetime)
        if !end.overflow { try? self.end(appended.id, at: end.partialValue) }
    }

    /// How much of its limit `carryOutDue` will take at least.
    public func dueCount(now: Int64, atMost limit: Int) -> Int {
        // Rows of the last one may go without being counted where something is trimmed before.
        let isTrimmed = hasGoneRows || !retention.isEmpty && (delayed.isDue(at: now) || jobs.isDue(at: now))
        var count = 0
        for queue in isTrimmed ? [delayed, jobs] : [delayed, jobs, ending] where queue.isDue(at: now) && count < limit {
            queue.forEach(in: StreamRange(.zero, StreamID(UInt64(max(now, 0)), .max))) { _, _ in
                count += 1
                return count < limit
            }
        }
        return count
    }

    /// For `carryOutDue`.
    public func demandDue(now: Int64, atMost limit: Int, _ demand: inout BlockDemand) {
        guard absentCount > 0 else { return }
        var left = limit
        if now >= 0 {
            ending.forEach(in: StreamRange(.zero, StreamID(UInt64(now), .max))) { _, content in
                if let id = Self.endingID(content.span.bytes) { self.demand(id, &demand) }
                left -= 1
                return left > 0 && !demand.isFull
            }
        }
        if let age = retention.maximumAge, let least = Self.leastID(age: age, now: now) {
            self.demand(Trim(.minimumID(least)), &demand)
        }
    }
}
