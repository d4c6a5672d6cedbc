// SPDX-License-Identifier: Apache-2.0

/// How a consumer of a group works.
public struct RedisConsumerOptions: Sendable {
    /// The stream that is read.
    public var stream: String
    /// The group that shares its messages.
    public var group: String
    /// The consumer's name among those of the group; nobody else may use it at the same time.
    public var consumer: String
    /// Where a group begins that isn't there yet.
    public var start = RedisGroupStart.beginning
    /// Messages that are handled at once.
    public var maximumConcurrentMessages = 16
    /// How long a message is its consumer's without a renewal. A consumer renews three times as often, for as long as
    /// it works on the message; what one that died leaves is claimed by others after this time. Where the policy has a
    /// shorter ``RedisGroupPolicy/visibility``, that counts.
    public var claimAfter = Duration.seconds(30)
    /// Between two looks at what others may have left, or given back.
    public var claimInterval = Duration.seconds(1)
    /// How often a message is delivered before it is given up.
    public var maximumDeliveries = 5
    /// The pause before a message comes again: this after the first failure, twice as long after each further one.
    public var redeliveryDelay = Duration.milliseconds(100)
    /// The longest such pause.
    public var maximumRedeliveryDelay = Duration.seconds(30)
    /// Where messages go that are given up; `nil` drops them, and says so in the log.
    public var deadLetterStream: String?
    /// What the group is told to do of itself when the consumer begins; Martlet alone. What a consumer does anyway,
    /// redelivery and dead letters, needs none.
    public var policy: RedisGroupPolicy?
    /// How long handlers may go on when the consumer ends, before they are cancelled.
    public var drainLimit = Duration.seconds(10)
    /// How long one read waits. Only what a broken network hides from both sides takes that long to notice.
    public var readLimit = Duration.seconds(5)

    public init(stream: String, group: String, consumer: String? = nil) {
        self.stream = stream
        self.group = group
        self.consumer = consumer ?? Self.uniqueName()
    }

    private static func uniqueName() -> String {
        "martlet-" + String(UInt64.random(in: 0 ... .max), radix: 16)
    }

    var rules: DeliveryLedger.Rules {
        var rules = DeliveryLedger.Rules()
        rules.maximumMessages = max(1, maximumConcurrentMessages)
        rules.claimAfter = max(min(claimAfter, policy?.visibility ?? claimAfter), .milliseconds(1))
        rules.claimInterval = max(claimInterval, .milliseconds(1))
        rules.maximumDeliveries = max(1, maximumDeliveries)
        return rules
    }

    /// The pause behind a delivery that failed.
    func pause(afterDelivery count: Int) -> Duration {
        // More doublings than this are beyond any maximum that makes sense, and would overflow.
        let doublings = min(max(count - 1, 0), 30)
        return min(redeliveryDelay * (1 << doublings), maximumRedeliveryDelay)
    }
}
