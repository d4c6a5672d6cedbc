// SPDX-License-Identifier: Apache-2.0

/// An entry that a group hands to a consumer.
package struct Delivery: Sendable {
    package var entry: StreamEntry
    /// Milliseconds since its delivery before this one; 0 if there was none.
    package var idle: Int64
    /// How often it was delivered before.
    package var previousCount: Int64
}

/// What a read of a group brought.
package struct GroupRead: Sendable {
    package var deliveries: [Delivery] = []
    /// What was not handed over any more.
    package var deadLetters: [DeadLetter] = []
    /// Whether the group went on, or let go of something, beside what it handed over.
    package var isChanged = false
    /// Whether the consumer wasn't known before.
    package var isNewConsumer = false
}

/// An entry of a consumer's history.
package struct HistoryItem: Sendable {
    package var id: StreamID
    /// `nil`: it is pending, but no longer in the stream.
    package var entry: StreamEntry?
}

/// What a read of a consumer's history brought.
package struct HistoryRead: Sendable {
    package var items: [HistoryItem] = []
    package var isNewConsumer = false
}

/// How a claim is to be made.
package struct ClaimOptions: Hashable, Sendable {
    /// What moment counts as that of the delivery.
    package enum Moment: Hashable, Sendable {
        case current
        /// So many milliseconds ago.
        case idle(Int64)
        /// In milliseconds of the Unix clock.
        case at(Int64)
    }

    /// Entries that were delivered more recently, in milliseconds, stay where they are.
    package var minimumIdle: Int64
    package var moment = Moment.current
    /// The delivery count after the claim; `nil`: one more, or as before for a claim of IDs alone.
    package var deliveryCount: Int64?
    /// Whether entries of the stream are claimed that aren't pending.
    package var isForced = false
    /// Whether only IDs are asked for: not counted as a delivery.
    package var isIDOnly = false
    /// Whether what was delivered too often becomes a dead letter: where there is a stream that takes it.
    package var buries = false
    /// The group's last delivered ID becomes at least this.
    package var lastDeliveredID: StreamID?

    package init(minimumIdle: Int64 = 0) {
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
package struct ClaimResult: Sendable {
    package var entries: [StreamEntry] = []
    /// Pending entries that were no longer in the stream, and now are no longer pending.
    package var removedIDs: [StreamID] = []
    /// What was delivered too often, and is no longer pending either.
    package var deadLetters: [DeadLetter] = []
    package var isNewConsumer = false
    /// Where the next automatic claim goes on; 0-0 at the end.
    package var nextStart = StreamID.zero
}

/// How entries are given back.
package enum ReleaseMode: Hashable, Sendable, CaseIterable {
    /// As if the delivery hadn't been: counts one less.
    case silent
    /// The delivery failed, and counts.
    case fail
    /// No delivery can succeed: counts as the greatest number.
    case fatal
}
