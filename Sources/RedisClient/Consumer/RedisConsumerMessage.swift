// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import Synchronization

/// A message of a group, in the hands of one consumer.
public struct RedisConsumerMessage: Sendable {
    public let entry: RedisEntry
    /// How often it has been delivered, this time included.
    public let deliveries: Int
    let consumer: RedisConsumer

    public var id: RedisStreamID { entry.id }

    /// Where it is pending.
    package var place: (stream: String, group: String, consumer: String) {
        (consumer.options.stream, consumer.options.group, consumer.options.consumer)
    }

    /// Takes note that it is acknowledged, by whatever way.
    package func forget() {
        consumer.state.withLock { $0.ledger.finished(id) }
        consumer.wake()
    }

    /// Says that it is done: it won't come again.
    ///
    /// - Returns: Whether it was still pending: not, where another consumer claimed it and was quicker.
    @discardableResult
    public func ack() async throws -> Bool {
        consumer.state.withLock { $0.ledger.finished(id) }
        consumer.wake()
        return try await consumer.client.xack(consumer.options.stream, consumer.options.group, [id]) > 0
    }

    /// Gives it back: it comes again after a pause, to this consumer or another, or becomes a dead letter when it has
    /// been delivered often enough.
    ///
    /// - Parameters:
    ///   - pause: How long to wait; `nil` is what the options say.
    ///   - reason: What a dead letter says of it.
    public func nack(after pause: Duration? = nil, reason: String = "given back") async throws {
        let consumer = consumer
        let now = consumer.now
        let pause = pause ?? consumer.options.pause(afterDelivery: deliveries)
        let failure = consumer.state.withLock { $0.ledger.failed(id, pause: pause, now: now) }
        defer { consumer.wake() }
        switch failure {
        case .ignore, .park: break
        case .bury: await consumer.bury(self, reason)
        case .release(let idle): _ = try await consumer.release([id], idle: idle, deliveries: nil)
        }
    }

    /// Puts it away as a dead letter, or drops it where there is no stream for those.
    public func reject(reason: String) async { await consumer.bury(self, reason) }
}

/// The messages of one consumer, as they come.
public struct RedisConsumerMessages: AsyncSequence, Sendable {
    public typealias Element = RedisConsumerMessage

    let consumer: RedisConsumer

    public struct AsyncIterator: AsyncIteratorProtocol {
        let consumer: RedisConsumer

        public func next() async throws -> RedisConsumerMessage? { try await consumer.channel.next() }

        public func next(isolation actor: isolated (any Actor)?) async throws -> RedisConsumerMessage? {
            try await consumer.channel.next()
        }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(consumer: consumer) }
}

extension RedisConsumer {
    /// Handles messages, as many at once as the options say, until there are no more.
    package func handle(_ handler: @escaping @Sendable (RedisConsumerMessage) async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<max(1, options.maximumConcurrentMessages) {
                group.addTask {
                    while let message = try await self.channel.next() { await self.handle(message, handler) }
                }
            }
            try await group.waitForAll()
        }
    }

    private func handle(
        _ message: RedisConsumerMessage, _ handler: @escaping @Sendable (RedisConsumerMessage) async throws -> Void
    ) async {
        // A task of its own: cancelled when the message is lost, or time is over, and not when all is to end in order.
        let task = Task { try await handler(message) }
        state.withLock { $0.handlers[message.id] = task }
        let result = await task.result
        await Task { await self.settle(message, result) }.value
        state.withLock { $0.handlers[message.id] = nil }
    }

    private func settle(_ message: RedisConsumerMessage, _ result: Result<Void, any Error>) async {
        do {
            switch result {
            case .success: try await message.ack()
            case .failure(let error):
                let isEnd = error is CancellationError && state.withLock { $0.isStopping }
                if isEnd { return await release(message, isUntouched: false) }
                if let rejection = error as? RedisRejection { return await message.reject(reason: rejection.reason) }
                logger.info("message comes again", metadata: ["id": "\(message.id)", "error": "\(error)"])
                try await message.nack(after: (error as? RedisRedelivery)?.pause, reason: "\(error)")
            }
        } catch {
            // It stays pending, and comes again.
            logger.info("message is not settled", metadata: ["id": "\(message.id)", "error": "\(error)"])
        }
    }
}

/// What a handler throws to have its message put away at once: as a dead letter, or dropped where there is no stream
/// for those.
public struct RedisRejection: Error, Hashable, Sendable {
    /// What the dead letter says of it.
    public var reason: String

    public init(reason: String) { self.reason = reason }
}

/// What a handler throws to choose the pause before its message comes again.
public struct RedisRedelivery: Error, Hashable, Sendable {
    public var pause: Duration

    public init(pause: Duration) { self.pause = pause }
}
