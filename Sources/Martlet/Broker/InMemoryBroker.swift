// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A broker inside the process, for services that share it, and for tests.
///
/// Messages live as long as the process, and only while somebody subscribes: what nobody wants is dropped. Each queue,
/// and each subscription without one, holds at most 10,000 messages and 64 MiB that wait; a publisher that meets a full
/// one gets code 429, and nobody gets the message.
public final class InMemoryBroker: MessageBroker {
    private struct Topic {
        var queues: [String: DeliveryQueue] = [:]
        var single: [UInt64: DeliveryQueue] = [:]

        var all: [DeliveryQueue] { Array(self.queues.values) + Array(self.single.values) }
    }

    private struct State {
        var topics: [String: Topic] = [:]
        var nextID: UInt64 = 0
    }

    private let maximumMessages: Int
    private let state = Mutex(State())

    /// A broker without topics.
    ///
    /// - Parameter maximumMessages: How many messages may wait in each queue.
    public init(maximumMessages: Int = 10_000) { self.maximumMessages = maximumMessages }

    public var name: String { "memory" }

    public func publish(_ message: BrokerMessage, to topic: String) async throws {
        try message.terms.check(self, topic)
        let queues = try self.state.withLock { state in
            let queues = state.topics[topic]?.all ?? []
            // Messages come in only here, under this lock: where there is room now, there is below.
            guard queues.allSatisfy({ $0.hasRoom(bytes: message.body.count) }) else {
                throw MicroError(.tooManyRequests, "topic \(topic) is full", id: "go.micro.broker")
            }
            for queue in queues { _ = queue.offer(message) }
            return queues
        }
        for queue in queues { queue.pump() }
    }

    public func subscribe(
        _ topic: String, queue: String?, options: SubscriptionOptions,
        _ deliver: @escaping @Sendable (BrokerDelivery) async -> DeliveryOutcome
    ) async throws -> any BrokerSubscription {
        try options.check(self, topic, queue: queue)
        return self.state.withLock { state in
            state.nextID += 1
            let id = state.nextID
            let fresh = DeliveryQueue(topic: topic, maximumMessages: self.maximumMessages)
            let deliveries: DeliveryQueue
            if let queue {
                deliveries = state.topics[topic, default: Topic()].queues[queue] ?? fresh
                state.topics[topic, default: Topic()].queues[queue] = deliveries
            } else {
                deliveries = fresh
                state.topics[topic, default: Topic()].single[id] = fresh
            }
            let member = deliveries.join(concurrency: options.maximumConcurrentMessages, deliver)
            return Subscription(
                broker: self, topic: topic, queue: queue, id: id, deliveries: deliveries, member: member)
        }
    }

    private struct Subscription: BrokerSubscription {
        let broker: InMemoryBroker
        let topic: String
        let queue: String?
        let id: UInt64
        let deliveries: DeliveryQueue
        let member: UInt64

        func end(limit: Duration) async {
            // Before the wait: a subscription that nobody else shares takes no more messages in.
            if self.queue == nil { self.broker.forget(self) }
            if await !self.deliveries.leave(self.member, limit: limit) { self.broker.forget(self) }
        }
    }

    private func forget(_ subscription: Subscription) {
        self.state.withLock { state in
            guard var topic = state.topics[subscription.topic] else { return }
            topic.single[subscription.id] = nil
            // Somebody may have joined the queue meanwhile.
            if let queue = subscription.queue, subscription.deliveries.isEmpty { topic.queues[queue] = nil }
            state.topics[subscription.topic] = topic.all.isEmpty ? nil : topic
        }
    }
}

extension InMemoryBroker {
    fileprivate static let shared = InMemoryBroker()
}

extension MessageBroker where Self == InMemoryBroker {
    /// The broker that everything in this process shares.
    public static var memory: InMemoryBroker { InMemoryBroker.shared }
}
