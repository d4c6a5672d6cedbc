// SPDX-License-Identifier: Apache-2.0

// Two recipes on transactions over keys and streams: a change that is published, and a message that has its effect
// once. Both hold whatever process, connection or server ends in between.
extension MartletStore {
    /// Changes a key and publishes messages about it: both or neither. The transactional outbox, without an outbox.
    ///
    ///     let stock = StoreKey<Int>("stock/tea")
    ///     let events = StoreStream<Sold>("sales")
    ///     try await store.update(stock, publishingTo: events) { left in
    ///         guard let left, left > 0 else { throw SoldOut() }
    ///         return (left - 1, [Sold(article: "tea")])
    ///     }
    ///
    /// The key is read, `change` says what becomes of it, and the transaction is done if nobody has changed the key
    /// meanwhile; otherwise all of that happens again.
    ///
    /// - Parameters:
    ///   - key: What is changed.
    ///   - stream: Where messages go, in their order.
    ///   - attempts: How often it is tried before others' changes are an error.
    ///   - change: Makes of the present value, `nil` where there is none, the next one, and messages. May be called
    ///     several times.
    /// - Returns: The value that was written.
    /// - Throws: What `change` throws; `EtcdError.Code.conflict` where others were quicker every time. After
    ///   `unavailable` or `timeout` nobody knows whether both have happened, but it is both or neither.
    @discardableResult
    public func update<Value, Message>(
        _ key: StoreKey<Value>, publishingTo stream: StoreStream<Message>, attempts: Int = 16,
        _ change: (Value?) throws -> (value: Value, messages: [Message])
    ) async throws -> Value {
        for _ in 0..<max(attempts, 1) {
            let present = try await keys.get(.key(key.name)).keyValues.first
            let next = try change(try present.map { try key.value(of: $0) })
            let result = try await transact { transaction in
                transaction.when(.modRevision(.key(key.name), .equal, present?.modRevision ?? 0))
                try transaction.then.put(key, next.value)
                for message in next.messages { try transaction.then.append(message, to: stream) }
            }
            if result.succeeded { return next.value }
        }
        throw EtcdError(.conflict, "\(key.name) was changed by others \(attempts) times")
    }

    /// Acknowledges a message and records its effect in one step: exactly once, however often the message is delivered
    /// and whoever dies in between.
    ///
    ///     try await store.streams.withConsumer(options) { consumer in
    ///         for try await message in consumer.messages {
    ///             let sale = try sales.message(of: message.entry)
    ///             try await store.settle(message) { effect in
    ///                 effect.put("sold/\(message.id)", sale.article)
    ///                 try effect.append(Shipment(sale), to: shipments)
    ///             }
    ///         }
    ///     }
    ///
    /// The effect takes place if the message is still pending to this consumer. It may be sent again where nobody knows
    /// whether it has: the second time it finds the message acknowledged.
    ///
    /// - Parameters:
    ///   - message: From a consumer of a group, at ``streams``.
    ///   - effect: What is to happen to keys and streams.
    /// - Returns: Whether this call has seen it happen. Otherwise the message was settled before, by whomever, or
    ///   another consumer has it now.
    @discardableResult
    public func settle(
        _ message: RedisConsumerMessage, effect: (inout StoreTransaction.Branch) throws -> Void
    ) async throws -> Bool {
        let place = message.place
        let isSettled = try await settle(
            message.id, of: place.stream, group: place.group, consumer: place.consumer, effect: effect)
        message.forget()
        return isSettled
    }

    /// As above, for an entry that was read in another way.
    @discardableResult
    public func settle(
        _ id: RedisStreamID, of stream: String, group: String, consumer: String,
        effect: (inout StoreTransaction.Branch) throws -> Void
    ) async throws -> Bool {
        try await settle([id], of: stream, group: group, consumer: consumer, effect: effect)
    }

    /// As above, for several entries at once: one step, and so one sync, for all of them.
    ///
    /// - Parameter ids: Up to 128, for as many conditions a transaction has; what is to happen may have one operation
    ///   less.
    /// - Returns: Whether this call has seen it happen. Otherwise at least one of them was settled before, or is
    ///   another consumer's now, and nothing has happened: those that are still pending to this one, as reading its
    ///   pending entries shows them, can be settled without the rest.
    @discardableResult
    public func settle(
        _ ids: [RedisStreamID], of stream: String, group: String, consumer: String,
        effect: (inout StoreTransaction.Branch) throws -> Void
    ) async throws -> Bool {
        // Without an entry nothing would say whether it has happened before.
        guard !ids.isEmpty else { return false }
        var transaction = StoreTransaction()
        for id in ids { transaction.when(.isPending(id, of: stream, group: group, consumer: consumer)) }
        transaction.then.acknowledge(ids, of: stream, group: group)
        try effect(&transaction.then)
        return try await transact(transaction, isRepeatable: true).succeeded
    }
}
