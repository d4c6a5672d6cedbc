// SPDX-License-Identifier: Apache-2.0

public import Martlet
public import MartletRedisClient

// What is done with topics now and then. Martlet's own server alone: of another one it is refused with code 501.
extension RedisBroker {
    /// Puts dead letters back into the topic that they came from, the oldest first, for all its queues: as messages
    /// that were never delivered.
    ///
    /// - Parameters:
    ///   - deadLetters: The topic that holds them.
    ///   - topic: Where they came from.
    ///   - count: How many are looked at, at most; up to 10,000.
    ///   - takesAny: Whether those go, too, that came from elsewhere or don't say from where.
    /// - Returns: How many went.
    /// - Throws: ``MicroError``.
    @discardableResult
    public func replay(
        _ deadLetters: String, to topic: String, count: Int = 100, takesAny: Bool = false
    ) async throws -> Int {
        try await asking { client in
            try await client.xreplay(stream(deadLetters), to: stream(topic), count: count, takesAny: takesAny)
        }
    }

    /// Sets what a topic keeps, of itself; `nil`: until somebody removes it. What ``Configuration/retention`` says is
    /// done beside it; ``Configuration/topicRetention`` sets this at every start, and instead of that.
    ///
    /// - Throws: ``MicroError``.
    public func setRetention(_ retention: RedisRetention?, of topic: String) async throws {
        try await asking { client in try await retain(retention, topic, client) }
    }

    // MARK: Schedules

    /// When a schedule runs.
    public struct ScheduleOptions: Sendable, Hashable {
        /// Whose clocks the schedule is of: `Europe/Berlin`; `nil`: UTC, and ``offset``.
        public var zone: String?
        /// How far the schedule's clock is ahead of UTC, in whole minutes, where there is no zone.
        public var offset = Duration.zero
        /// Runs that are later than this, since no server was there, are left out; `nil`: a day.
        public var grace: Duration?

        public init() {}
    }

    /// Has a message published again and again: each run is one message, never two, whichever servers end meanwhile.
    /// A schedule of the same name and moments goes on as it was, so that every start of a service may set it.
    ///
    /// Each run has an ID of its own, made of the schedule's name and the moment, and both as headers: `Cron-Job`, and
    /// `Cron-Due` in milliseconds of the Unix clock.
    ///
    /// - Parameters:
    ///   - name: Names it among those of the topic.
    ///   - moments: As in a crontab, with a second in front or without; `@daily` and the like; `@every 90s`.
    ///   - message: What is published; see `MicroClient.message(for:_:configure:)`. Of its terms it may have a priority
    ///     and an ordering key.
    ///   - topic: Where it is published.
    ///   - configure: Changes when it runs.
    /// - Returns: When it runs next, in milliseconds of the Unix clock.
    /// - Throws: ``MicroError``; code 400 where the terms can't recur.
    @discardableResult
    public func schedule(
        _ name: String, _ moments: String, publishing message: BrokerMessage, to topic: String,
        configure: (inout ScheduleOptions) -> Void = { _ in }
    ) async throws -> Int64 {
        try message.terms.check(self, topic)
        let addition = addition(of: message, to: topic)
        guard addition.moment == .now, addition.timeToLive == nil else {
            throw MicroError(
                .badRequest, "schedule \(name) of \(topic): what recurs neither comes later nor ends by itself",
                id: Self.errorID)
        }
        var options = ScheduleOptions()
        configure(&options)
        var message = message
        message.headers[MessageHeaders.id] = nil
        let fields = fields(of: message)
        return try await asking { client in
            try await client.xcronSet(
                stream(topic), name, moments, fields, offset: options.offset, zone: options.zone,
                grace: options.grace, priority: addition.priority)
        }
    }

    /// Ends a schedule.
    ///
    /// - Returns: Whether there was one.
    /// - Throws: ``MicroError``.
    @discardableResult
    public func endSchedule(_ name: String, of topic: String) async throws -> Bool {
        try await asking { client in try await client.xcronDelete(stream(topic), name) }
    }

    /// The schedules of a topic, the next one to run first.
    ///
    /// - Throws: ``MicroError``.
    public func schedules(of topic: String) async throws -> [RedisJob] {
        try await asking { client in try await client.xcronList(stream(topic)) }
    }

    private func asking<Result>(_ body: (RedisClient) async throws -> Result) async throws -> Result {
        let client = try connected()
        do {
            return try await body(client)
        } catch let error as RedisError {
            throw MicroError(error)
        }
    }
}
