// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import Martlet
internal import MartletRedisClient
internal import Synchronization

extension RedisBroker {
    /// Whether the server has what Martlet alone has. It is asked once.
    func isMartlet(_ client: RedisClient) async throws -> Bool {
        if let known = known.withLock({ $0.isMartlet }) { return known }
        let isMartlet: Bool
        do {
            isMartlet = try await client.knows("XREPLAY")
        } catch let error as RedisError where error.code == .denied {
            // Who may not even ask can't count on it.
            isMartlet = false
        }
        known.withLock { $0.isMartlet = isMartlet }
        return isMartlet
    }

    /// - Parameter need: Who asks for what: the begin of a sentence.
    /// - Throws: ``MicroError``, code 501, where the server can't.
    func requireMartlet(_ client: RedisClient, _ need: String) async throws {
        if try await isMartlet(client) { return }
        throw MicroError(
            .notImplemented, "\(need): Martlet alone does that, and the server is another", id: Self.errorID)
    }

    static let errorID = "go.micro.broker"

    // MARK: Topics that keep what they are told

    func requireRetention(_ client: RedisClient, _ topic: String) async throws {
        guard configuration.topicRetention[topic] != nil else { return }
        try await requireMartlet(client, "topic \(topic) is to keep or remove messages of itself")
    }

    /// Tells the server what a topic keeps, once.
    func retainOnce(_ client: RedisClient, _ topic: String) async throws {
        guard let retention = configuration.topicRetention[topic],
            !known.withLock({ $0.retainedTopics.contains(topic) })
        else { return }
        try await retain(retention, topic, client)
        known.withLock { _ = $0.retainedTopics.insert(topic) }
    }

    /// Tells the server what a topic keeps; its stream is made where there is none.
    func retain(_ retention: RedisRetention?, _ topic: String, _ client: RedisClient) async throws {
        let stream = stream(topic)
        do {
            try await client.xretain(stream, retention)
        } catch let error as RedisError where error.message.hasPrefix("ERR no such key") {
            // A group makes it, and leaves it behind.
            let group = "martlet-" + String(UInt64.random(in: 0 ... .max), radix: 16)
            try await client.xgroupCreate(stream, group, .end, createsStream: true)
            try await client.xgroupDestroy(stream, group)
            try await client.xretain(stream, retention)
        }
    }
}
