// SPDX-License-Identifier: Apache-2.0

extension SubscriptionOptions {
    /// What a queue does of itself; for all its subscribers, the last of whom to come decides.
    ///
    /// Not every broker can do that, as ``MessageBroker/features`` says: what one can't is refused with code 501 when
    /// the service starts, never ignored.
    public struct Queue: Sendable, Hashable {
        /// How long a message is its subscriber's when that gives no sign of life any more; then another one gets it.
        /// `nil`: as the broker has it.
        public var visibilityTimeout: Duration?
        /// Whether of messages with the same ``BrokerMessage/Terms/orderingKey`` one is handled at a time, in their
        /// order, and others beside.
        public var isOrdered = false
        /// Whether messages come by their ``BrokerMessage/Terms/priority``, the most urgent first. Goes not with
        /// ``isOrdered``.
        public var prefersUrgent = false
        /// Messages whose metadata lacks one of these pairs are passed over; up to 16.
        public var filter: [String: String] = [:]
        /// A subscriber that has asked for nothing for so long is forgotten, and what it had comes again. At least the
        /// visibility timeout. `nil`: none is; what one had comes again all the same.
        public var idleLimit: Duration?

        public init() {}

        /// What a broker must be able to do.
        var features: BrokerFeatures {
            var features: BrokerFeatures = []
            if self.visibilityTimeout != nil { features.insert(.visibilityTimeouts) }
            if self.isOrdered { features.insert(.ordering) }
            if self.prefersUrgent { features.insert(.priorities) }
            if !self.filter.isEmpty { features.insert(.filters) }
            if self.idleLimit != nil { features.insert(.idleLimits) }
            return features
        }
    }

    /// - Throws: ``MicroError``: code 400 where it makes no sense, 501 where the broker can't.
    package func check(_ broker: some MessageBroker, _ topic: String, queue name: String?) throws(MicroError) {
        if self.queue == Queue() { return }
        func refuse(_ reason: String) -> MicroError {
            MicroError(.badRequest, "a subscription of \(topic) \(reason)", id: BrokerFeatures.errorID)
        }
        guard let name else { throw refuse("has options of a queue, and names none") }
        if self.queue.isOrdered && self.queue.prefersUrgent {
            throw refuse("wants queue \(name) to keep an order and to prefer what is urgent: one of them")
        }
        if let timeout = self.queue.visibilityTimeout, timeout <= .zero {
            throw refuse("gives queue \(name) no visibility timeout that is above zero")
        }
        if let limit = self.queue.idleLimit, limit < self.queue.visibilityTimeout ?? .zero || limit <= .zero {
            throw refuse("lets queue \(name) forget subscribers before their messages' visibility timeout is over")
        }
        try broker.require(self.queue.features, for: "queue \(name) of \(topic)")
    }
}
