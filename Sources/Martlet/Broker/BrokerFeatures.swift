// SPDX-License-Identifier: Apache-2.0

/// What a broker can do beside handing over at once what is published.
public struct BrokerFeatures: OptionSet, Sendable, Hashable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Messages that come later: ``BrokerMessage/Terms/moment``.
    public static let delays = BrokerFeatures(rawValue: 1 << 0)
    /// Messages that end: ``BrokerMessage/Terms/timeToLive``.
    public static let lifetimes = BrokerFeatures(rawValue: 1 << 1)
    /// What is urgent first: ``BrokerMessage/Terms/priority``, ``SubscriptionOptions/Queue/prefersUrgent``.
    public static let priorities = BrokerFeatures(rawValue: 1 << 2)
    /// One message of a key at a time: ``BrokerMessage/Terms/orderingKey``, ``SubscriptionOptions/Queue/isOrdered``.
    public static let ordering = BrokerFeatures(rawValue: 1 << 3)
    /// ``SubscriptionOptions/Queue/visibilityTimeout``.
    public static let visibilityTimeouts = BrokerFeatures(rawValue: 1 << 4)
    /// ``SubscriptionOptions/Queue/filter``.
    public static let filters = BrokerFeatures(rawValue: 1 << 5)
    /// ``SubscriptionOptions/Queue/idleLimit``.
    public static let idleLimits = BrokerFeatures(rawValue: 1 << 6)
    /// Puts the dead letters of queues away itself: ``DeliveryOutcome/bury(reason:)``.
    public static let deadLetters = BrokerFeatures(rawValue: 1 << 7)

    /// Where a broker's errors come from.
    static let errorID = "go.micro.broker"

    private static let names: [(BrokerFeatures, String)] = [
        (.delays, "messages that come later"), (.lifetimes, "messages that end"), (.priorities, "priorities"),
        (.ordering, "an order by key"), (.visibilityTimeouts, "visibility timeouts"), (.filters, "filters"),
        (.idleLimits, "limits for idle subscribers"), (.deadLetters, "dead letters of its own"),
    ]

    /// Words for a sentence.
    var text: String { Self.names.filter { self.contains($0.0) }.map(\.1).joined(separator: ", ") }
}

extension MessageBroker {
    /// Nothing beyond that.
    public var features: BrokerFeatures { [] }

    /// - Throws: ``MicroError``, code 501, with what the broker can't do.
    func require(_ features: BrokerFeatures, for purpose: String) throws(MicroError) {
        let missing = features.subtracting(self.features)
        if missing.isEmpty { return }
        throw MicroError(
            .notImplemented, "\(purpose) asks for \(missing.text), which broker \(self.name) doesn't have",
            id: BrokerFeatures.errorID)
    }
}
