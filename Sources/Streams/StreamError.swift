// SPDX-License-Identifier: Apache-2.0

/// Why a stream refuses a request. A request that throws has changed nothing.
///
/// The shell that serves a wire maps each case to that wire's text.
public enum StreamError: Error, Hashable, Sendable, CaseIterable {
    /// A text that is no ID where one must stand.
    case invalidID
    /// An excluded lower bound that nothing can follow.
    case invalidRangeStart
    /// An excluded upper bound that nothing can precede.
    case invalidRangeEnd
    /// An entry was to have the ID 0-0.
    case addIDIsZero
    /// An entry was to have an ID that isn't above the last one.
    case addIDIsNotAbove
    /// The stream has used its last ID.
    case exhausted
    /// Names and values of one entry are above `FieldList.maximumContentBytes`.
    case elementsTooLarge
    /// The last ID was to be set below the deleted ID given with it.
    case lastIDBelowGivenDeletedID
    /// The last ID was to be set below the greatest ID that was deleted.
    case lastIDBelowDeletedID
    /// The last ID was to be set below that of the last entry.
    case lastIDBelowTopItem
    /// The number of entries ever added was to be set below the number of entries there.
    case entriesAddedBelowLength
    /// The number of entries ever added was to be negative.
    case entriesAddedNegative
    /// A group's number of entries read was to be negative, and not −1.
    case entriesReadNegative
    case groupExists
    case noSuchGroup
    /// An idempotency window outside `IdempotencyWindow.durationSecondsRange`.
    case idempotencyDurationOutOfRange
    /// An idempotency window outside `IdempotencyWindow.maximumCountRange`.
    case idempotencyCountOutOfRange
    case emptyProducerID
    case emptyIdempotentID
    /// An idempotent ID was to be noted for an entry that isn't there.
    case noSuchEntry
    /// An idempotent ID was to be noted for an entry, and stands for another.
    case idempotentIDTaken
    /// More groups than `Stream.maximumGroupCount`.
    case tooManyGroups
    /// More consumers of one group than `ConsumerGroup.maximumConsumerCount`.
    case tooManyConsumers
    /// A group's order was to change while entries were pending.
    case groupIsBusy
    /// A schedule that no moment fits.
    case scheduleIsEmpty
    /// More entries that wait, or that end at a moment, than `Stream.maximumTimedCount`.
    case tooManyTimed
    /// More entries with a priority than `Stream.maximumPrioritizedCount`.
    case tooManyPrioritized
}
