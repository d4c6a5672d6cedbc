// SPDX-License-Identifier: Apache-2.0

/// An entry that a group hands to a consumer.
public struct Delivery: Sendable {
    public var entry: StreamEntry
    /// Milliseconds since its delivery before this one; 0 if there was none.
    public var idle: Int64
    /// How often it was delivered before.
    public var previousCount: Int64
}

/// What a read of a group brought.
public struct GroupRead: Sendable {
    public var deliveries: [Delivery] = []
    /// What was not handed over any more.
    public var deadLetters: [DeadLetter] = []
    /// Whether the group went on, or let go of something, beside what it handed over.
    public var isChanged = false
    /// Whether the consumer wasn't known before.
    public var isNewConsumer = false
}

/// An entry of a consumer's history.
public struct HistoryItem: Sendable {
    public var id: StreamID
    /// `nil`: it is pending, but no longer in the stream.
    public var entry: StreamEntry?
}

/// What a read of a consumer's history brought.
public struct HistoryRead: Sendable {
    public var items: [HistoryItem] = []
    public var isNewConsumer = false
}

/// How a claim is to be made.
public struct ClaimOptions: Hashable, Sendable {
    /// What moment counts as that of the delivery.
    public enum Moment: Hashable, Sendable {
        case current
        /// So many milliseconds ago.
        case idle(Int64)
        /// In milliseconds of the Unix clock.
        case at(Int64)
    }

    /// Entries that were delivered more recently, in milliseconds, stay where they are.
    public var minimumIdle: Int64
    public var moment = Moment.current
    /// The delivery count after the claim; `nil`: one more, or as before for a claim of IDs alone.
    public var deliveryCount: Int64?
    /// Whether entries of the stream are claimed that aren't pending.
    public var isForced = false
    /// Whether only IDs are asked for: not counted as a delivery.
    public var isIDOnly = false
    /// Whether what was delivered too often becomes a dead letter: where there is a stream that takes it.
    public var buries = false
    /// The group's last delivered ID becomes at least this.
    public var lastDeliveredID: StreamID?

    public init(minimumIdle: Int64 = 0) {
        self.minimumIdle = max(minimumIdle, 0)
    }

    /// A moment that is negative or to come is now.
    func deliveredAt(now: Int64) -> Int64 {
        let moment: Int64 =
            switch moment {
            case .current: now
            case .idle(let milliseconds): now.subtractingReportingOverflow(milliseconds).partialValue
            case .at(let milliseconds): milliseconds
            }
        return moment < 0 || moment > now ? now : moment
    }
}

/// What a claim brought.
public struct ClaimResult: Sendable {
    public var entries: [StreamEntry] = []
    /// Pending entries that were no longer in the stream, and now are no longer pending.
    public var removedIDs: [StreamID] = []
    /// What was delivered too often, and is no longer pending either.
    public var deadLetters: [DeadLetter] = []
    public var isNewConsumer = false
    /// Where the next automatic claim goes on; 0-0 at the end.
    public var nextStart = StreamID.zero
}

/// How entries are given back.
public enum ReleaseMode: Hashable, Sendable, CaseIterable {
    /// As if the delivery hadn't been: counts one less.
    case silent
    /// The delivery failed, and counts.
    case fail
    /// No delivery can succeed: counts as the greatest number.
    case fatal
}
