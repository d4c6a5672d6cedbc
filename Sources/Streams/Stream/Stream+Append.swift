// SPDX-License-Identifier: Apache-2.0

extension Stream {
    /// What became of an append.
    public struct Appended: Hashable, Sendable {
        public var id: StreamID
        /// The same append was there before: `id` is what it got then, and nothing was added.
        public var isDuplicate: Bool

        public init(id: StreamID, isDuplicate: Bool) {
            self.id = id
            self.isDuplicate = isDuplicate
        }
    }

    /// Adds an entry. Complexity: O(its bytes), and O(log n) once in a block.
    ///
    /// - Parameters:
    ///   - fields: in the form of `FieldList`, which whoever decodes records has to check.
    ///   - now: the record's stamp; never negative.
    ///   - key: given only with an automatic ID.
    /// - Throws: `exhausted`, `addIDIsNotAbove`, `addIDIsZero`, `elementsTooLarge`, `tooManyPrioritized`.
    public mutating func append(
        _ id: AppendID, fields: RawSpan, limits: BlockLimits, now: Int64, key: IdempotentKey? = nil,
        priority: EntryPriority = .normal
    ) throws(StreamError) -> Appended {
        if case .explicit(.zero) = id { throw .addIDIsZero }
        if let key, let entry = idempotent.entry(of: key, now: now) {
            idempotent.duplicateCount += 1
            return Appended(id: entry, isDuplicate: true)
        }
        let id = try id.resolved(after: log.lastID, now: UInt64(max(now, 0)))
        guard let shape = FieldList.shape(of: fields) else { preconditionFailure("fields are not packed") }
        if shape.contentBytes > FieldList.maximumContentBytes { throw .elementsTooLarge }
        if priority > .normal, !canPrioritizeMore { throw .tooManyPrioritized }
        log.append(id, fields: fields, shape: shape, limits: limits, priority: priority)
        if priority > .normal {
            prioritized.put(id, priority)
            hasHadPriorities = true
        }
        forgetGone(atMost: Self.forgottenPerAppend)
        if let key { idempotent.note(key, id, now: now) }
        return Appended(id: id, isDuplicate: false)
    }

    public mutating func append(
        _ id: AppendID, _ fields: FieldList, limits: BlockLimits = BlockLimits(), now: Int64,
        key: IdempotentKey? = nil, priority: EntryPriority = .normal
    ) throws(StreamError) -> Appended {
        try append(id, fields: fields.bytes.span.bytes, limits: limits, now: now, key: key, priority: priority)
    }

    /// Sets the last ID and, where given, the other numbers that entries leave behind.
    ///
    /// - Parameters:
    ///   - maxDeletedID: 0-0 leaves it as it is.
    /// - Throws: `entriesAddedNegative`, `lastIDBelowGivenDeletedID`, `lastIDBelowDeletedID`, `lastIDBelowTopItem`,
    ///   `entriesAddedBelowLength`, in this order.
    public mutating func setLastID(
        _ id: StreamID, entriesAdded: Int64? = nil, maxDeletedID: StreamID? = nil
    ) throws(StreamError) {
        if let entriesAdded, entriesAdded < 0 { throw .entriesAddedNegative }
        let deleted = maxDeletedID ?? .zero
        if id < deleted { throw .lastIDBelowGivenDeletedID }
        if id < log.maxDeletedID { throw .lastIDBelowDeletedID }
        if let last = log.lastLiveID, id < last { throw .lastIDBelowTopItem }
        if let last = lastInBlocks, id < last { throw .lastIDBelowDeletedID }
        if let entriesAdded, length > 0, entriesAdded < length { throw .entriesAddedBelowLength }
        // IDs may come again: nothing may know them from before.
        if id < log.lastID { forgetGone(atMost: .max) }
        log.lastID = id
        if let entriesAdded { log.entriesAdded = UInt64(entriesAdded) }
        if deleted != .zero { log.maxDeletedID = deleted }
    }

    /// The greatest ID of an entry that lies in a block, deleted or not. The last ID isn't set below it: Redis allows
    /// that where the entry is deleted and the greatest deleted ID was set lower.
    public var lastInBlocks: StreamID? { log.lastInBlocks }

    // MARK: Idempotent appends

    /// Sets how long and how many idempotent IDs are remembered. If that changes anything, all are forgotten.
    ///
    /// - Throws: `idempotencyDurationOutOfRange`, `idempotencyCountOutOfRange`.
    public mutating func setIdempotency(
        durationSeconds: Int64? = nil, maximumCount: Int? = nil
    ) throws(StreamError) {
        var window = idempotent.window
        if let durationSeconds { window.durationSeconds = durationSeconds }
        if let maximumCount { window.maximumCount = maximumCount }
        guard IdempotencyWindow.durationSecondsRange.contains(window.durationSeconds) else {
            throw .idempotencyDurationOutOfRange
        }
        guard IdempotencyWindow.maximumCountRange.contains(window.maximumCount) else {
            throw .idempotencyCountOutOfRange
        }
        idempotent.setWindow(window)
    }

    /// Notes that an entry which is there was made by this append.
    ///
    /// - Throws: `noSuchEntry`, `idempotentIDTaken`.
    public mutating func noteIdempotent(_ key: IdempotentKey, _ id: StreamID, now: Int64) throws(StreamError) {
        guard log.contains(id) else { throw .noSuchEntry }
        if let known = idempotent.entry(of: key, now: now) {
            if known != id { throw .idempotentIDTaken }
            return
        }
        idempotent.note(key, id, now: now)
    }
}
