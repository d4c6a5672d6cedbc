// SPDX-License-Identifier: Apache-2.0

internal import Martlet
internal import MartletRedisClient

// What a subscription asks for, as a consumer's options and a group's policy.
extension RedisBroker {
    func consumerOptions(
        _ client: RedisClient, _ topic: String, _ queue: String, _ options: SubscriptionOptions
    ) async throws -> RedisConsumerOptions {
        var rules = RedisConsumerOptions(stream: stream(topic), group: queue)
        rules.start = .end
        rules.maximumConcurrentMessages = options.maximumConcurrentMessages
        rules.maximumDeliveries = options.maximumDeliveries
        rules.redeliveryDelay = options.redeliveryDelay
        rules.maximumRedeliveryDelay = options.maximumRedeliveryDelay
        rules.deadLetterStream = options.deadLetterTopic.map { stream($0) }
        rules.claimAfter = options.queue.visibilityTimeout ?? configuration.claimAfter
        rules.claimInterval = configuration.claimInterval
        rules.policy = try await policy(client, topic, queue, options, claimAfter: rules.claimAfter)
        return rules
    }

    /// What the group is told to do of itself; `nil`: nothing. Then it goes on with what it was told by whomever.
    private func policy(
        _ client: RedisClient, _ topic: String, _ queue: String, _ options: SubscriptionOptions, claimAfter: Duration
    ) async throws -> RedisGroupPolicy? {
        if options.deadLetterTopic == topic { throw refusal("queue \(queue) of \(topic) is its own dead-letter topic") }
        let (asked, names) = asked(options)
        if asked.orderField != nil, asked.prefersUrgent {
            throw refusal("queue \(queue) of \(topic) is to keep an order and to prefer what is urgent: one of them")
        }
        if let limit = asked.idleConsumers, limit < claimAfter {
            throw refusal("queue \(queue) of \(topic) forgets subscribers before their messages' time of \(claimAfter)")
        }
        if !names.isEmpty {
            let list = names.joined(separator: ", ")
            try await requireMartlet(client, "queue \(queue) of \(topic) asks for \(list)")
        }
        // The rest is what a consumer does by itself at any server.
        let isBuried = options.deadLetterTopic != nil
        let isTimed = options.queue.visibilityTimeout != nil
        guard !names.isEmpty || isBuried || isTimed, try await isMartlet(client) else { return nil }
        var policy = asked
        if names.isEmpty, !isTimed {
            policy = try await policyNow(client, topic, queue) ?? asked
        }
        if isBuried {
            policy.maximumDeliveries = max(1, options.maximumDeliveries)
            policy.deadLetterStream = options.deadLetterTopic.map { stream($0) }
        }
        return policy
    }

    /// What only a server can do, and what is said of it.
    private func asked(_ options: SubscriptionOptions) -> (RedisGroupPolicy, names: [String]) {
        var policy = RedisGroupPolicy()
        var names: [String] = []
        policy.visibility = options.queue.visibilityTimeout
        if options.queue.isOrdered || configuration.orderHeader != nil {
            policy.orderField = orderHeader
            names.append("an order by key")
        }
        if options.queue.prefersUrgent || configuration.priorityHeader != nil {
            policy.prefersUrgent = true
            names.append("what is urgent first")
        }
        if !options.queue.filter.isEmpty {
            policy.filter = options.queue.filter.sorted { $0.key < $1.key }
                .map { RedisField(MessageHeaders.name(of: $0.key), $0.value) }
            names.append("a filter")
        }
        if let limit = options.queue.idleLimit {
            policy.idleConsumers = limit
            names.append("a limit for idle subscribers")
        }
        return (policy, names)
    }

    private func policyNow(_ client: RedisClient, _ topic: String, _ queue: String) async throws -> RedisGroupPolicy? {
        do {
            return try await client.xinfoGroups(stream(topic)).first { $0.name == queue }?.policy
        } catch let error as RedisError where error.message.hasPrefix("ERR no such key") {
            return nil
        }
    }

    private func refusal(_ text: String) -> MicroError { MicroError(.badRequest, text, id: Self.errorID) }
}
