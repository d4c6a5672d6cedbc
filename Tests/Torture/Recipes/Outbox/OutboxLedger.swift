// SPDX-License-Identifier: Apache-2.0

/// What writers were told of their changes, and what is found after each kill: the judge of the outbox. A value.
///
/// Each lane changes a key of its own from one number to the next, and publishes each number. So of all that the store
/// holds at a moment is known what must be there: the key's number is that of its writes, and the messages are all
/// numbers up to it, each once and in order.
package struct OutboxLedger {
    /// The changes of one key.
    private struct Lane {
        /// The highest number that was acknowledged.
        var acknowledged = 0
        /// A number of whose writing nobody knows.
        var unknown: Int?
        /// The highest number in the key, when it was looked at last.
        var state = 0
        /// By how much the key's writes differed from its number.
        var excess = 0
        /// The highest number among the messages.
        var published = 0
    }

    /// What a key was found to hold.
    package struct State {
        package var number: Int
        package var writes: Int

        package init(number: Int = 0, writes: Int = 0) { (self.number, self.writes) = (number, writes) }
    }

    private var lanes: [Lane]
    package private(set) var acknowledged = 0
    /// Calls whose outcome nobody knew, and what had become of them.
    package private(set) var unknownDone = 0
    package private(set) var unknownUndone = 0
    /// Keys that say more than their messages do, or were written otherwise than one after the other.
    package private(set) var statesWithoutMessage = 0
    package private(set) var messagesWithoutState = 0
    package private(set) var twice = 0
    package private(set) var acknowledgedLost = 0
    /// Messages that were found, over all looks.
    package private(set) var messages = 0
    /// The first of what is wrong, in words.
    package private(set) var examples: [String] = []
    private static let examplesMax = 10

    package init(lanes count: Int) { lanes = Array(repeating: Lane(), count: count) }

    package var halfDone: Int { statesWithoutMessage + messagesWithoutState }
    package var isWhole: Bool { halfDone + twice + acknowledgedLost == 0 }
    var laneCount: Int { lanes.count }

    package mutating func note(acknowledged number: Int, lane: Int) {
        acknowledged += 1
        settle(lane, by: number - 1)
        lanes[lane].acknowledged = max(lanes[lane].acknowledged, number)
    }

    package mutating func note(unknown number: Int, lane: Int) {
        // The same number again is the same change, tried again.
        if let before = lanes[lane].unknown, before != number { settle(lane, by: number - 1) }
        lanes[lane].unknown = number
    }

    /// Decides what had become of a call without an outcome, when the number before the next one is known.
    private mutating func settle(_ lane: Int, by state: Int) {
        guard let unknown = lanes[lane].unknown else { return }
        if state >= unknown { unknownDone += 1 } else { unknownUndone += 1 }
        lanes[lane].unknown = nil
    }

    /// Takes the messages up that are new since the last look, in their order.
    package mutating func read(_ number: Int, lane: Int) {
        messages += 1
        guard lanes.indices.contains(lane) else { return example("a message of lane \(lane), which nobody wrote") }
        let last = lanes[lane].published
        if number <= last {
            twice += 1
            return example("lane \(lane): \(number) is published twice")
        }
        if number > last + 1 {
            statesWithoutMessage += number - last - 1
            example("lane \(lane): from \(last) the messages go on with \(number)")
        }
        lanes[lane].published = number
    }

    /// Holds what keys say against all messages that were read.
    package mutating func judge(_ states: [State]) {
        for (lane, state) in states.enumerated() {
            let published = lanes[lane].published
            if state.number > published {
                statesWithoutMessage += state.number - published
                example("lane \(lane): the key says \(state.number), and the messages \(published)")
            }
            if published > state.number {
                messagesWithoutState += published - state.number
                example("lane \(lane): the messages say \(published), and the key \(state.number)")
            }
            if state.writes - state.number != lanes[lane].excess {
                statesWithoutMessage += abs(state.writes - state.number - lanes[lane].excess)
                lanes[lane].excess = state.writes - state.number
                example("lane \(lane): \(state.number) was reached by \(state.writes) writes")
            }
            let known = max(lanes[lane].acknowledged, lanes[lane].state)
            if known > state.number {
                acknowledgedLost += known - state.number
                example("lane \(lane): \(known) was there, and is lost: the key says \(state.number)")
            }
            settle(lane, by: state.number)
            // What is broken counts once.
            let most = max(published, state.number)
            (lanes[lane].published, lanes[lane].state, lanes[lane].acknowledged) = (most, most, most)
        }
    }

    /// All messages once more, counted from the beginning: none that was seen may have gone.
    package mutating func judge(countedAnew count: Int) {
        guard count < messages else { return }
        acknowledgedLost += messages - count
        example("\(messages) messages were seen, and \(count) are left")
    }

    private mutating func example(_ text: String) {
        if examples.count < Self.examplesMax { examples.append(text) }
    }

    /// The sums of several stores.
    package mutating func add(_ other: OutboxLedger) {
        acknowledged += other.acknowledged
        unknownDone += other.unknownDone
        unknownUndone += other.unknownUndone
        statesWithoutMessage += other.statesWithoutMessage
        messagesWithoutState += other.messagesWithoutState
        twice += other.twice
        acknowledgedLost += other.acknowledgedLost
        messages += other.messages
        for text in other.examples { example(text) }
    }
}
