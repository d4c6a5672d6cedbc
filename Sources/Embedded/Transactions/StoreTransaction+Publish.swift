// SPDX-License-Identifier: Apache-2.0

public import Martlet
public import MartletRedis

extension StoreTransaction.Branch {
    /// Publishes a message with what else the transaction changes: both or neither.
    ///
    /// ```swift
    /// let message = try client.message(for: "orders", order)
    /// try await store.transact { transaction in
    ///     try transaction.then.put(key, order)
    ///     try transaction.then.publish(message, to: "orders", by: broker)
    /// }
    /// ```
    ///
    /// - Parameters:
    ///   - message: See `MicroClient.message(for:_:configure:)`. Of its terms it may have an ordering key.
    ///   - topic: Its topic.
    ///   - broker: The store's: `.store(store)`. What it trims it doesn't trim here; what topics keep of themselves
    ///     they keep.
    /// - Throws: `MicroError`: code 501 where the message is to come later, to end or to be urgent, by its terms or by
    ///   what the broker's configuration says of all messages. A transaction's messages come with it, and stay.
    @discardableResult
    public mutating func publish(
        _ message: BrokerMessage, to topic: String, by broker: RedisBroker
    ) throws -> StoreTransaction.Handle<RedisStreamID> {
        let entry = try broker.entry(of: message, to: topic)
        return append(entry.fields, to: entry.stream)
    }
}
