// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import Synchronization

/// One consumer of a group, while it works: see ``RedisClient/withConsumer(_:_:)``.
///
/// Two tasks of its own read messages and look after those in hand, until it ends.
public final class RedisConsumer: Sendable {
    struct State {
        var ledger: DeliveryLedger
        /// Those that are to be put away.
        var burials: [(RedisConsumerMessage, String)] = []
        /// Handlers at work, to be cancelled.
        var handlers: [RedisStreamID: Task<Void, any Error>] = [:]
        /// The connection that waits in a read.
        var readerID: Int64?
        var isReaderOver = false
        var isStopping = false
        /// Read, and not handled when the end came.
        var untouched: [RedisConsumerMessage] = []
        /// Cancels handlers when the time for the end is over.
        var drain: Task<Void, any Error>?
        /// Whether the last read ended in order, so that the server gives this consumer nothing more.
        var readerEndedInOrder = false
        var canRelease = true
        /// Whether the group hands over what is pending of itself: then a read says how often it was delivered.
        var readsDeliveries = false
    }

    public let options: RedisConsumerOptions
    let client: RedisClient
    let logger: Logger
    let channel = MessageChannel<RedisConsumerMessage>()
    let state: Mutex<State>
    let roomWakeup = Wakeup()
    let keeperWakeup = Wakeup()
    private let begin = ContinuousClock.now

    /// The pause before a server that failed is asked again: the client itself has already tried for its time limit.
    static let retryPause = Duration.milliseconds(100)

    package init(_ client: RedisClient, _ options: RedisConsumerOptions) {
        self.client = client
        self.options = options
        var logger = client.configuration.logger
        logger[metadataKey: "stream"] = "\(options.stream)"
        logger[metadataKey: "group"] = "\(options.group)"
        self.logger = logger
        state = Mutex(State(ledger: DeliveryLedger(options.rules, now: .zero)))
    }

    var now: Duration { begin.duration(to: .now) }

    /// The messages, as they come, until the consumer ends. Each is this consumer's until it is acknowledged or given
    /// back: those that are handled are renewed meanwhile. Several tasks may iterate at once.
    public var messages: RedisConsumerMessages { RedisConsumerMessages(consumer: self) }

    // MARK: The start and the end

    /// Makes the group, if it isn't there.
    package func prepare() async throws {
        if let target = options.deadLetterStream {
            let type = try await client.type(target)
            guard type == "none" || type == "stream" else {
                throw RedisError(.wrongType, "\(target), where dead letters are to go, is a \(type)")
            }
        }
        try await createGroup()
    }

    func createGroup() async throws {
        do {
            try await client.xgroupCreate(options.stream, options.group, options.start, createsStream: true)
        } catch let error as RedisError where error.code == .groupExists {
            // Somebody else's, or of an earlier run.
        }
        if let policy = options.policy {
            try await client.xgroupSetPolicy(options.stream, options.group, policy)
        }
        let hasPolicy = if options.policy == nil { await self.hasPolicy() } else { true }
        state.withLock { $0.readsDeliveries = hasPolicy }
    }

    /// Whether the group has one that somebody else gave it. Who may not ask is not told, and has none.
    private func hasPolicy() async -> Bool {
        let groups = try? await client.xinfoGroups(options.stream)
        return groups?.contains { $0.name == options.group && $0.policy != nil } ?? false
    }

    /// The tasks of a consumer that runs.
    package struct Tasks: Sendable {
        let reader: Task<Void, Never>
        let keeper: Task<Void, Never>
    }

    /// Unstructured by design: they go on while what surrounds the consumer is cancelled already, so that it ends in
    /// order.
    package func start() -> Tasks {
        Tasks(reader: Task { await self.read() }, keeper: Task { await self.keep() })
    }

    /// Reads nothing more, and hands nothing more to handlers; those that are at work are cancelled after the limit.
    package func beginStop(limit: Duration) {
        let isFirst = state.withLock { state in
            defer {
                state.isStopping = true
                state.ledger.stop()
            }
            return !state.isStopping
        }
        guard isFirst else { return }
        let untouched = channel.close()
        state.withLock { $0.untouched += untouched }
        roomWakeup.set()
        let drain = Task { [weak self] in
            try await Task.sleep(for: min(max(limit, .zero), RedisClient.longestTimeout))
            for handler in self?.state.withLock({ Array($0.handlers.values) }) ?? [] { handler.cancel() }
        }
        state.withLock { $0.drain = drain }
    }

    /// Ends: reads nothing more, lets handlers finish, cancels those that don't in time, gives back what is left.
    package func stop(_ tasks: Tasks, limit: Duration) async {
        beginStop(limit: limit)
        await endReader(tasks.reader)
        let untouched = state.withLock { state in
            defer { state.untouched = [] }
            return state.untouched
        }
        for message in untouched { await release(message, isUntouched: true) }
        // Polled: it happens once in the life of a consumer.
        while state.withLock({ !$0.handlers.isEmpty }) { try? await Task.sleep(for: .milliseconds(2)) }
        state.withLock { $0.drain }?.cancel()
        await keepOnce()
        tasks.keeper.cancel()
        keeperWakeup.set()
        await tasks.keeper.value
        await leaveGroup()
    }

    /// Wakes the read that waits, so that it ends in order.
    private func endReader(_ reader: Task<Void, Never>) async {
        let end = ContinuousClock.now.advanced(by: Self.readerLimit)
        while !state.withLock({ $0.isReaderOver }) {
            if .now > end {
                reader.cancel()
                break
            }
            if let id = state.withLock({ $0.readerID }) {
                var unblock = RedisCommand("CLIENT", "UNBLOCK", id)
                unblock.timeout = .milliseconds(250)
                _ = try? await client.send(unblock)
            }
            try? await Task.sleep(for: .milliseconds(5))
        }
        await reader.value
    }

    /// How long a read is asked to end before its connection is closed.
    private static let readerLimit = Duration.seconds(1)

    /// Gives back all that is still pending with this consumer, and takes its name off the group where nothing is.
    private func leaveGroup() async {
        do {
            while true {
                let left = try await client.xpending(
                    options.stream, options.group, count: Self.batch, consumer: options.consumer)
                guard !left.isEmpty else { break }
                var released = 0
                for entry in left where try await release([entry.id], idle: options.rules.claimAfter, deliveries: nil) {
                    released += 1
                }
                // Released entries of a server without XNACK stay with the name that had them, which therefore stays.
                if released == 0 || !state.withLock({ $0.canRelease }) { return }
            }
            guard state.withLock({ $0.readerEndedInOrder }) else { return }
            try await client.xgroupDeleteConsumer(options.stream, options.group, options.consumer)
        } catch {
            logger.info("consumer did not leave its group", metadata: ["error": "\(error)"])
        }
    }

    /// IDs of one command, so that none takes a server long.
    static let batch = 100

    // MARK: Reading

    private func read() async {
        defer { state.withLock { $0.isReaderOver = true } }
        while !state.withLock({ $0.isStopping }), !Task.isCancelled {
            do {
                try await client.withConnection { connection in try await read(connection) }
            } catch is CancellationError {
                return
            } catch let error as RedisError {
                if state.withLock({ $0.isStopping }) { return }
                switch error.code {
                case .closed, .denied, .wrongType, .invalidRequest:
                    logger.error("consumer ends", metadata: ["error": "\(error)"])
                    channel.close(error)
                    return
                case .noGroup:
                    // Destroyed, or lost with the server's memory.
                    logger.warning("group is made again", metadata: ["error": "\(error)"])
                    try? await createGroup()
                default: logger.info("read is tried again", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: Self.retryPause)
            } catch {
                channel.close(error)
                return
            }
        }
    }

    private func read(_ connection: RedisConnection) async throws {
        let id = try await connection.send(RedisCommand("CLIENT", "ID")).count("CLIENT ID")
        state.withLock { $0.readerID = Int64(id) }
        // A server that has been away gives the number to somebody else.
        defer { state.withLock { $0.readerID = nil } }
        while true {
            let (isStopping, room, readsDeliveries) = state.withLock {
                ($0.isStopping, $0.ledger.room, $0.readsDeliveries)
            }
            if isStopping {
                state.withLock { $0.readerEndedInOrder = true }
                return
            }
            guard room > 0 else {
                await roomWakeup.wait(nil)
                try Task.checkCancellation()
                continue
            }
            let streams = try await connection.xreadgroup(
                options.group, options.consumer, [.undelivered(of: options.stream)], block: options.readLimit
            ) {
                $0.count = room
                if readsDeliveries { $0.claimsIdle = options.rules.claimAfter }
            }
            for entry in streams.flatMap(\.entries) {
                await accept(entry, deliveries: (entry.earlierDeliveries ?? 0) + 1)
            }
        }
    }

    /// Takes a message in hand.
    func accept(_ entry: RedisEntry, deliveries: Int) async {
        let message = RedisConsumerMessage(entry: entry, deliveries: deliveries, consumer: self)
        let now = now
        let arrival = state.withLock { state in
            let arrival = state.ledger.arrived(entry.id, deliveries: deliveries, now: now)
            if arrival == .bury { state.burials.append((message, "delivered \(deliveries - 1) times")) }
            return arrival
        }
        if arrival == .handle, !channel.send(message) { await release(message, isUntouched: true) }
        keeperWakeup.set()
    }
}

extension RedisClient {
    /// Runs some work with a consumer of a group: with messages that come to this one alone, as long as it is alive.
    ///
    /// When the work ends, also by throwing, the consumer ends in order: what it has in hand and hasn't acknowledged is
    /// given back, to be delivered to others at once.
    ///
    /// ```swift
    /// try await redis.withConsumer(RedisConsumerOptions(stream: "orders", group: "billing")) { consumer in
    ///     for try await message in consumer.messages {
    ///         try await bill(message.entry)
    ///         try await message.ack()
    ///     }
    /// }
    /// ```
    ///
    /// - Throws: What the work throws; ``RedisError`` when the group can't be made.
    public func withConsumer<Result>(
        _ options: RedisConsumerOptions, _ body: (RedisConsumer) async throws -> Result
    ) async throws -> Result {
        let consumer = RedisConsumer(self, options)
        try await consumer.prepare()
        let tasks = consumer.start()
        func stop() async {
            // Not cut short by the cancellation that may have brought us here.
            await Task { await consumer.stop(tasks, limit: options.drainLimit) }.value
        }
        do {
            let result = try await body(consumer)
            await stop()
            return result
        } catch {
            await stop()
            throw error
        }
    }

    /// Handles the messages of a group, several at once, until the task is cancelled.
    ///
    /// Returning acknowledges a message. Throwing has it delivered again after a pause, to this consumer or another,
    /// up to the limit of the options; then it goes to the dead-letter stream, or is dropped. A message whose handler's
    /// process dies is delivered to another consumer, and counts as delivered as well.
    ///
    /// When the task is cancelled, nothing more is read, handlers that are at work may finish, those that don't within
    /// ``RedisConsumerOptions/drainLimit`` are cancelled, and what wasn't handled is given back.
    ///
    /// - Throws: ``RedisError`` when the group can't be made or read; not when the task is cancelled.
    public func consume(
        _ options: RedisConsumerOptions, _ handler: @escaping @Sendable (RedisConsumerMessage) async throws -> Void
    ) async throws {
        do {
            try await withConsumer(options) { consumer in
                try await withTaskCancellationHandler {
                    try await consumer.handle(handler)
                } onCancel: {
                    consumer.beginStop(limit: options.drainLimit)
                }
            }
        } catch is CancellationError {
            // The normal end.
        }
    }
}
