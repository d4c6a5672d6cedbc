// SPDX-License-Identifier: Apache-2.0

extension BrokerMessage {
    /// When a message comes, for how long it is there, and before or behind which others.
    ///
    /// Not every broker can do that, as ``MessageBroker/features`` says: what one can't is refused with code 501, never
    /// ignored.
    public struct Terms: Sendable, Hashable {
        /// When a message comes.
        public enum Moment: Sendable, Hashable {
            case now
            /// So much later.
            case after(Duration)
            /// In milliseconds of the Unix clock; what is past is now.
            case at(Int64)
        }

        /// When the message comes.
        public var moment = Moment.now
        /// How long the message is there for those who haven't handled it yet, from when it comes; `nil`: as long as
        /// the broker keeps any.
        public var timeToLive: Duration?
        /// How urgent it is, for queues that prefer what is: 0, as any, to 9.
        public var priority = 0
        /// What it is about, for queues that keep an order: of messages with the same key they handle one at a time,
        /// in the order in which they came.
        public var orderingKey: String?

        public init() {}

        /// The greatest ``priority``.
        package static let maximumPriority = 9

        /// What a broker must be able to do.
        var features: BrokerFeatures {
            var features: BrokerFeatures = []
            if self.moment != .now { features.insert(.delays) }
            if self.timeToLive != nil { features.insert(.lifetimes) }
            if self.priority != 0 { features.insert(.priorities) }
            if self.orderingKey != nil { features.insert(.ordering) }
            return features
        }

        /// - Throws: ``MicroError``: code 400 where a value makes no sense, 501 where the broker can't.
        package func check(_ broker: some MessageBroker, _ topic: String) throws(MicroError) {
            if self == Terms() { return }
            func refuse(_ reason: String) -> MicroError {
                MicroError(.badRequest, "a message to \(topic) \(reason)", id: BrokerFeatures.errorID)
            }
            guard 0...Self.maximumPriority ~= self.priority else {
                throw refuse("has a priority of \(self.priority): it is from 0 to \(Self.maximumPriority)")
            }
            if let life = self.timeToLive, life <= .zero { throw refuse("is to be there for no time at all") }
            if case .after(let delay) = self.moment, delay < .zero { throw refuse("is to come before it is published") }
            if self.orderingKey?.isEmpty == true { throw refuse("has an empty ordering key") }
            try broker.require(self.features, for: "a message to \(topic)")
        }
    }
}
