// SPDX-License-Identifier: Apache-2.0

internal import Logging
public import Martlet
internal import MartletRedisClient

extension RedisBroker {
    public func subscribe(
        _ topic: String, queue: String?, options: SubscriptionOptions,
        _ deliver: @escaping @Sendable (BrokerDelivery) async -> DeliveryOutcome
    ) async throws -> any BrokerSubscription {
        try options.check(self, topic, queue: queue)
        let client = try connected()
        do {
            if let queue { return try await QueueSubscription.start(self, client, topic, queue, options, deliver) }
            return try await TailSubscription.start(self, client, topic, options, deliver)
        } catch let error as RedisError {
            throw MicroError(error)
        }
    }
}

/// A subscriber of a queue: a consumer of the stream's group.
private final class QueueSubscription: BrokerSubscription {
    private let consumer: RedisConsumer
    private let tasks: RedisConsumer.Tasks
    private let work: Task<Void, Never>

    private init(_ consumer: RedisConsumer, _ tasks: RedisConsumer.Tasks, _ work: Task<Void, Never>) {
        self.consumer = consumer
        self.tasks = tasks
        self.work = work
    }

    static func start(
        _ broker: RedisBroker, _ client: RedisClient, _ topic: String, _ queue: String, _ options: SubscriptionOptions,
        _ deliver: @escaping @Sendable (BrokerDelivery) async -> DeliveryOutcome
    ) async throws -> QueueSubscription {
        let rules = try await broker.consumerOptions(client, topic, queue, options)
        let consumer = RedisConsumer(client, rules)
        try await broker.requireRetention(client, topic)
        try await consumer.prepare()
        try await broker.retainOnce(client, topic)
        let tasks = consumer.start()
        let logger = broker.logger
        let work = Task {
            do {
                try await consumer.handle { message in
                    let delivery = BrokerDelivery(
                        topic: topic, message: MessageFields.message(message.entry.fields),
                        deliveryCount: message.deliveries)
                    switch await deliver(delivery) {
                    case .acknowledge, .discard: return
                    case .bury(let reason): throw RedisRejection(reason: reason)
                    case .redeliver(let pause): throw RedisRedelivery(pause: pause)
                    }
                }
            } catch {
                logger.error("subscription ends", metadata: ["topic": "\(topic)", "error": "\(error)"])
            }
        }
        return QueueSubscription(consumer, tasks, work)
    }

    func end(limit: Duration) async {
        consumer.beginStop(limit: limit)
        await work.value
        await consumer.stop(tasks, limit: limit)
    }
}

/// A subscriber without a queue: it reads what is added from now on, and remembers by itself what is to come again.
private final class TailSubscription: BrokerSubscription {
    /// The pause before a server that failed is asked again: the client itself has already tried for its time limit.
    private static let retryPause = Duration.milliseconds(100)
    /// Entries of one read.
    private static let batch = 100
    /// How long one read waits.
    private static let readLimit = Duration.seconds(5)

    private let queue: DeliveryQueue
    private let member: UInt64
    private let reader: Task<Void, Never>

    private init(_ queue: DeliveryQueue, _ member: UInt64, _ reader: Task<Void, Never>) {
        self.queue = queue
        self.member = member
        self.reader = reader
    }

    static func start(
        _ broker: RedisBroker, _ client: RedisClient, _ topic: String, _ options: SubscriptionOptions,
        _ deliver: @escaping @Sendable (BrokerDelivery) async -> DeliveryOutcome
    ) async throws -> TailSubscription {
        let stream = broker.stream(topic)
        try await broker.requireRetention(client, topic)
        try await broker.retainOnce(client, topic)
        var last = RedisStreamID.zero
        do {
            last = try await client.xinfoStream(stream).lastID
        } catch let error as RedisError where error.message.hasPrefix("ERR no such key") {
            // The first message makes it.
        }
        let queue = DeliveryQueue(topic: topic)
        let member = queue.join(concurrency: options.maximumConcurrentMessages, deliver)
        let logger = broker.logger
        let reader = Task { [last] in
            var last = last
            while !Task.isCancelled {
                do {
                    let streams = try await client.xread([.after(last, of: stream)], block: readLimit) {
                        $0.count = batch
                    }
                    for entry in streams.flatMap(\.entries) {
                        let message = MessageFields.message(entry.fields)
                        // Behind a subscriber that is slow, what is new waits at the server.
                        while !queue.offer(message) {
                            queue.pump()
                            try await Task.sleep(for: .milliseconds(5))
                        }
                        last = entry.id
                    }
                    queue.pump()
                } catch is CancellationError {
                    return
                } catch {
                    if (error as? RedisError)?.code == .closed { return }
                    logger.info("read is tried again", metadata: ["topic": "\(topic)", "error": "\(error)"])
                    try? await Task.sleep(for: retryPause)
                }
            }
        }
        return TailSubscription(queue, member, reader)
    }

    func end(limit: Duration) async {
        reader.cancel()
        await reader.value
        await queue.leave(member, limit: limit)
    }
}
