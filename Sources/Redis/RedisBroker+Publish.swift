// SPDX-License-Identifier: Apache-2.0

public import Martlet
package import MartletRedisClient
internal import Synchronization

extension RedisBroker {
    public func publish(_ message: BrokerMessage, to topic: String) async throws {
        try message.terms.check(self, topic)
        let client = try connected()
        do {
            if message.terms.orderingKey != nil {
                // Nothing else would tell: it is a header like others.
                try await requireMartlet(client, "a message to \(topic) is to be handled in an order by key")
            }
            try await requireRetention(client, topic)
            let options = addition(of: message, to: topic)
            try await add(fields(of: message), options, to: stream(topic), client)
            if options.moment != .now { try await trimSometimes(topic, client) }
            try await retainOnce(client, topic)
        } catch let error as RedisError {
            throw MicroError(error)
        }
    }

    /// A message as a plain entry, for what appends it in another way.
    ///
    /// - Throws: ``MicroError``, code 501, where it isn't one that comes at once, and stays.
    package func entry(
        of message: BrokerMessage, to topic: String
    ) throws(MicroError) -> (stream: String, fields: [RedisField]) {
        try message.terms.check(self, topic)
        let addition = addition(of: message, to: topic)
        guard addition.moment == .now, addition.timeToLive == nil, addition.priority == nil else {
            throw MicroError(
                .notImplemented,
                "a message to \(topic) is to come later, to end or to be urgent: in a transaction none can",
                id: Self.errorID)
        }
        return (stream(topic), fields(of: message))
    }

    /// What stands in the entry of a message.
    func fields(of message: BrokerMessage) -> [RedisField] {
        var message = message
        if let key = message.terms.orderingKey { message.headers[orderHeader] = key }
        return MessageFields.fields(of: message)
    }

    /// Where queues that keep an order find keys.
    var orderHeader: String { configuration.orderHeader ?? MessageHeaders.orderingKey }

    /// How a message is added.
    func addition(of message: BrokerMessage, to topic: String) -> RedisAddOptions {
        var options = RedisAddOptions()
        options.timeToLive = message.terms.timeToLive ?? configuration.messageLifetime
        options.priority = priority(of: message)
        switch message.terms.moment {
        case .now: trimming(topic, &options)
        case .after(let delay): options.moment = .after(delay)
        case .at(let moment): options.moment = .at(moment)
        }
        return options
    }

    private func priority(of message: BrokerMessage) -> Int? {
        let range = 1...BrokerMessage.Terms.maximumPriority
        if let header = configuration.priorityHeader, let number = message.headers[header].flatMap({ Int($0) }),
            range ~= number
        {
            return number
        }
        return range ~= message.terms.priority ? message.terms.priority : nil
    }

    private func add(
        _ fields: [RedisField], _ options: RedisAddOptions, to stream: String, _ client: RedisClient
    ) async throws {
        do {
            try await client.xadd(stream, fields) { $0 = options }
        } catch let error as RedisError where options.references == .acknowledged && Self.concernsWords(error) {
            // An older server takes the word for an ID.
            try await client.xadd(stream, fields)
            knowsHandled.store(false, ordering: .relaxed)
        }
    }

    private static func concernsWords(_ error: RedisError) -> Bool {
        error.code == .server
            && (error.message.hasPrefix("ERR Invalid stream ID") || error.message.hasPrefix("ERR syntax error")
                || error.message.hasPrefix("ERR wrong number of arguments"))
    }

    // MARK: Retention

    private func trimming(_ topic: String, _ options: inout RedisAddOptions) {
        // The server sees to it.
        if configuration.topicRetention[topic] != nil { return }
        switch configuration.retention {
        case .everything: break
        case .length(let count): options.trimming = .maximumLength(count)
        case .handled(let count):
            guard knowsHandled.load(ordering: .relaxed) else { return }
            options.trimming = .maximumLength(count)
            options.references = .acknowledged
        }
    }

    /// Messages that come later, behind which a topic is trimmed: they don't trim when they come. So many are a block,
    /// and less than that doesn't go.
    private static let trimSpacing = 100

    private func trimSometimes(_ topic: String, _ client: RedisClient) async throws {
        var options = RedisAddOptions()
        trimming(topic, &options)
        guard let trimming = options.trimming else { return }
        let isDue = known.withLock { known in
            known.delayedCount += 1
            return known.delayedCount.isMultiple(of: Self.trimSpacing)
        }
        if isDue { try await client.xtrim(stream(topic), trimming, references: options.references) }
    }
}
