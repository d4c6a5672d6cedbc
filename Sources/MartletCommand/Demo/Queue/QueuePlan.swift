// SPDX-License-Identifier: Apache-2.0

/// What the demonstration of queues does when, and by which rules its workers work.
package enum QueuePlan {
    package static let stream = "orders"
    package static let group = "billing"
    package static let deadLetters = "orders.dead"
    package static let workers = 4
    /// The message that every worker fails at.
    package static let poison = 25
    package static let maximumDeliveries = 5
    /// Messages that one worker handles at once.
    package static let concurrency = 4
    /// How long a worker takes for a message.
    package static let handlerTime = Duration.milliseconds(20)
    /// What a killed worker had in hand is another's after this time.
    package static let claimAfter = Duration.milliseconds(1500)

    /// Parts of all messages after whose handling something is killed.
    package static let firstKill = 0.2
    package static let serverKill = 0.45
    package static let secondKill = 0.7

    package static let defaultMessages = 500
    package static let minimumMessages = 100
    /// Messages a second.
    package static let rate = 100

    /// The end, whatever has come of it: as long as the messages take to produce, and this.
    package static let patience = Duration.seconds(40)
}
