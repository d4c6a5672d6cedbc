// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletRedis
import MartletRedisClient
import MartletRedisPeers
import MartletTestPrograms
import Testing

/// What queues do of themselves: on Martlet the server does it, elsewhere the consumer, or it is refused at start.
@Suite(.timeLimit(.minutes(30))) struct QueuePolicyTests {
    private func withRedis(
        _ kind: RedisPeer.Kind, _ body: (RedisPeer, RedisClient) async throws -> Void
    ) async throws {
        try await RedisPeer.with(kind) { (peer) async throws in
            try await withRedisClient(peer.address) {
                $0.timeout = patience
                $0.logger = quiet
            } _: { (redis) async throws in
                try await body(peer, redis)
            }
        }
    }

    private func policy(_ redis: RedisClient) async throws -> RedisGroupPolicy? {
        try await redis.xinfoGroups("t").first { $0.name == "q" }?.policy
    }

    /// The group has what the subscription says, and keeps what it was told where that says nothing.
    @Test(arguments: MessageTermsTests.ours) func groupsAreTold(_ kind: RedisPeer.Kind) async throws {
        try await withRedis(kind) { (peer, redis) async throws in
            let broker = patientBroker(peer)
            let first = try await refusal(of: broker) {
                $0.maximumDeliveries = 7
                $0.deadLetterTopic = "dead"
                $0.queue.visibilityTimeout = .seconds(60)
                $0.queue.isOrdered = true
                $0.queue.filter = ["region": "eu", "kind": "sale"]
                $0.queue.idleLimit = .seconds(60)
            }
            #expect(first == nil)
            var told = RedisGroupPolicy()
            told.visibility = .seconds(60)
            told.maximumDeliveries = 7
            told.deadLetterStream = "dead"
            told.idleConsumers = .seconds(60)
            told.orderField = "Micro-Ordering-Key"
            told.filter = [RedisField("Kind", "sale"), RedisField("Region", "eu")]
            #expect(try await policy(redis) == told)
            let plain = try await refusal(of: broker) { $0.maximumDeliveries = 3 }
            #expect(plain == nil)
            #expect(try await policy(redis) == told)
            let buried = try await refusal(of: broker) {
                $0.maximumDeliveries = 3
                $0.deadLetterTopic = "other"
            }
            #expect(buried == nil)
            told.maximumDeliveries = 3
            told.deadLetterStream = "other"
            #expect(try await policy(redis) == told)
            let urgent = try await refusal(of: broker) { $0.queue.prefersUrgent = true }
            #expect(urgent == nil)
            told = RedisGroupPolicy()
            told.prefersUrgent = true
            #expect(try await policy(redis) == told)
        }
    }

    @Test(.enabled(if: RedisPeer.Kind.available.contains(.redis))) func redisRefusesAtStart() async throws {
        try await withRedis(.redis) { (peer, redis) async throws in
            let broker = patientBroker(peer)
            let several = try await refusal(of: broker) {
                $0.queue.isOrdered = true
                $0.queue.filter = ["region": "eu"]
                $0.queue.idleLimit = .seconds(300)
            }
            #expect(several?.code == .notImplemented)
            #expect(
                several?.detail == "queue q of t asks for an order by key, a filter, a limit for idle subscribers: "
                    + "Martlet alone does that, and the server is another")
            let urgent = try await refusal(of: broker) { $0.queue.prefersUrgent = true }
            #expect(urgent?.code == .notImplemented)
            let byHeader = try await refusal(of: patientBroker(peer) { $0.orderHeader = "Customer" }) { _ in }
            #expect(byHeader?.code == .notImplemented)
            let kept = patientBroker(peer) { $0.topicRetention["t"] = RedisRetention() }
            let retained = try await refusal(of: kept) { _ in }
            #expect(retained?.code == .notImplemented)
            let published = try await publishRefusal(of: kept) { $0.priority = 0 }
            #expect(published?.code == .notImplemented)
            #expect(
                published?.detail == "topic t is to keep or remove messages of itself: Martlet alone does that, and "
                    + "the server is another")
            // Nothing was made, and nothing published.
            #expect(try await redis.exists("t") == 0)
            for error in try await upkeepErrors(broker) { #expect(error.code == .notImplemented) }
            // What a consumer does by itself works there.
            let own = try await refusal(of: broker) {
                $0.maximumDeliveries = 2
                $0.deadLetterTopic = "dead"
                $0.queue.visibilityTimeout = .seconds(60)
            }
            #expect(own == nil)
        }
    }

    private func upkeepErrors(_ broker: RedisBroker) async throws -> [MicroError] {
        let calls: [() async throws -> Void] = [
            { try await broker.replay("dead", to: "t") },
            { try await broker.setRetention(RedisRetention(), of: "t") },
            { try await broker.schedule("s", "@daily", publishing: BrokerMessage(body: []), to: "t") },
            { try await broker.endSchedule("s", of: "t") },
            { _ = try await broker.schedules(of: "t") },
        ]
        var errors: [MicroError] = []
        for call in calls {
            do {
                try await call()
                Issue.record("it was taken")
            } catch let error as MicroError {
                errors.append(error)
            }
        }
        return errors
    }

    @Test func optionsMakeSense() async throws {
        let wrong: [(inout SubscriptionOptions) -> Void] = [
            { $0.queue.visibilityTimeout = .zero }, { $0.queue.idleLimit = .zero },
            {
                $0.queue.isOrdered = true
                $0.queue.prefersUrgent = true
            },
            {
                $0.queue.visibilityTimeout = .seconds(2)
                $0.queue.idleLimit = .seconds(1)
            },
            // Below what the broker says of all queues.
            { $0.queue.idleLimit = .seconds(1) },
            { $0.deadLetterTopic = "t" },
        ]
        let broker = RedisBroker.redis("127.0.0.1:1")
        for change in wrong {
            let error = try await refusal(of: broker, change)
            #expect(error?.code == .badRequest)
        }
        let nobody = try await refusal(of: broker, queue: nil) { $0.queue.isOrdered = true }
        #expect(nobody?.code == .badRequest)
    }

    /// A message that every process dies of is the server's to put away: nobody is given it once more.
    @Test(arguments: MessageTermsTests.ours) func serverBuriesWhatNobodyOutlives(_ kind: RedisPeer.Kind) async throws {
        try await withRedis(kind) { (peer, redis) async throws in
            let broker = patientBroker(peer)
            func configure(_ options: inout SubscriptionOptions) {
                options.maximumDeliveries = 2
                options.deadLetterTopic = "dead"
                options.queue.visibilityTimeout = .milliseconds(200)
            }
            let start = try await refusal(of: broker, configure)
            #expect(start == nil)
            try await broker.publish(BrokerMessage(headers: ["Micro-Id": "m"], body: [1]), to: "t")
            // Twice given to one that dies.
            for _ in 0..<2 {
                let read = try await redis.xreadgroup("q", "ghost", [.undelivered(of: "t")], block: .seconds(300))
                #expect(read.first?.entries.count == 1)
            }
            let seen = Seen()
            var options = SubscriptionOptions()
            configure(&options)
            let subscription = try await broker.subscribe("t", queue: "q", options: options) { delivery in
                seen.add(delivery.message.id)
                return .acknowledge
            }
            #expect(try await eventually { try await redis.xlen("dead") == 1 })
            await subscription.end(limit: patience)
            #expect(seen.all.isEmpty)
            let letter = try #require(try await redis.xrange("dead").first)
            // The server's own words.
            #expect(letter.text("Dead-Letter-Consumer") == "ghost" && letter.text("Micro-Id") == "m")
            #expect(letter.text("Dead-Letter-Reason") == "delivered 2 times")
            #expect(try await redis.xpending("t", "q").count == 0)
        }
    }

    /// What is given up is a dead letter that says why and where from, and can be put back.
    @Test(arguments: RedisPeer.Kind.available) func givesUpInOneStep(_ kind: RedisPeer.Kind) async throws {
        try await withRedis(kind) { (peer, redis) async throws in
            let broker = patientBroker(peer)
            let (seen, mended) = (Seen(), Seen())
            try await withSubscriber(broker) { service in
                service.subscribe("t", queue: "q") {
                    $0.maximumDeliveries = 2
                    $0.redeliveryDelay = .zero
                    $0.deadLetterTopic = "dead"
                } _: { (order: Order, context) in
                    seen.add("\(order.number) \(context.deliveryCount)")
                    if mended.all.isEmpty { throw MicroError(.conflict, "no such customer") }
                }
            } _: { (client) async throws in
                try await client.publish("t", Order(number: 1)) { $0.messageID = "m" }
                try await redis.xadd("t", ["body": "{"])
                #expect(try await eventually { try await redis.xlen("dead") == 2 })
                let letters = try await redis.xrange("dead").sorted { $0.text("body") ?? "" > $1.text("body") ?? "" }
                #expect(letters[0].text("body") == #"{"number":1}"# && letters[0].text("Micro-Id") == "m")
                #expect(letters[0].text("Dead-Letter-Stream") == "t" && letters[0].text("Dead-Letter-Group") == "q")
                #expect(letters[0].text("Dead-Letter-Reason")?.contains("no such customer") == true)
                // Unreadable: once was enough.
                #expect(letters[1].text("body") == "{")
                #expect(seen.all == ["1 1", "1 2"])
                #expect(try await eventually { try await redis.xpending("t", "q").count == 0 })
                mended.add("")
                if kind == .redis { return }
                try await redis.xdel("dead", [letters[1].id])
                #expect(try await broker.replay("dead", to: "t") == 1)
                #expect(try await eventually { seen.all == ["1 1", "1 2", "1 1"] })
                #expect(try await redis.xlen("dead") == 0)
            }
        }
    }

    /// Where the server hands over what was given back, its count goes with it: no message comes for ever.
    @Test(arguments: MessageTermsTests.ours) func orderedQueuesGiveUp(_ kind: RedisPeer.Kind) async throws {
        try await withRedis(kind) { (peer, redis) async throws in
            let seen = Seen()
            try await withSubscriber(patientBroker(peer)) { service in
                service.subscribe("t", queue: "q") {
                    $0.maximumDeliveries = 4
                    $0.redeliveryDelay = .zero
                    $0.queue.isOrdered = true
                } _: { (order: Order, context) in
                    seen.add("\(order.number) \(context.deliveryCount)")
                    throw Failure()
                }
            } _: { (client) async throws in
                for number in 1...3 {
                    try await client.publish("t", Order(number: number)) { $0.terms.orderingKey = "k" }
                }
                #expect(try await eventually { seen.all.count >= 12 })
                #expect(try await eventually { try await redis.xpending("t", "q").count == 0 })
            }
            #expect(seen.all == (1...3).flatMap { number in (1...4).map { "\(number) \($0)" } })
        }
    }

    @Test func filtersPassOver() async throws {
        try await withRedis(.folder) { (peer, _) async throws in
            let seen = Seen()
            try await withSubscriber(patientBroker(peer)) { service in
                service.subscribe("t", queue: "q") {
                    $0.queue.filter = ["region": "eu"]
                } _: {
                    (order: Order, _) in
                    seen.add("\(order.number)")
                }
            } _: { (client) async throws in
                for number in 0..<10 {
                    try await client.publish("t", Order(number: number)) {
                        $0.metadata.add(["eu", "us"][number % 2], for: "region")
                    }
                }
                #expect(try await eventually { seen.all.count == 5 })
            }
            #expect(seen.all.sorted() == ["0", "2", "4", "6", "8"])
        }
    }

    /// A topic keeps what it is told, whoever tells it first.
    @Test(arguments: MessageTermsTests.ours) func topicsKeepWhatTheyAreTold(_ kind: RedisPeer.Kind) async throws {
        try await withRedis(kind) { (peer, redis) async throws in
            let retention = RedisRetention(
                maximumAge: .seconds(3_600), maximumBytes: 1 << 20, maximumCount: 1_000, removesAcknowledged: true)
            let broker = patientBroker(peer) {
                for topic in ["t", "published", "tail"] { $0.topicRetention[topic] = retention }
            }
            let seen = Seen()
            try await withSubscriber(broker) { service in
                service.subscribe("t", queue: "q") { (order: Order, _) in seen.add("\(order.number)") }
                service.subscribe("tail") { (_: Order, _) in }
            } _: { (client) async throws in
                #expect(try await redis.xinfoStream("t").retention == retention)
                #expect(try await redis.xinfoStream("tail").retention == retention)
                #expect(try await redis.xinfoGroups("tail").isEmpty)
                for number in 0..<5 { try await client.publish("t", Order(number: number)) }
                #expect(try await eventually { try await redis.xlen("t") == 0 })
                #expect(seen.all.count == 5)
                try await client.publish("published", Order(number: 1))
                #expect(try await redis.xinfoStream("published").retention == retention)
                #expect(try await redis.xlen("published") == 1)
            }
            try await broker.setRetention(nil, of: "t")
            #expect(try await redis.xinfoStream("t").retention == nil)
            try await broker.setRetention(retention, of: "new")
            #expect(try await redis.xinfoStream("new").retention == retention)
        }
    }

    @Test(arguments: MessageTermsTests.ours) func schedulesRun(_ kind: RedisPeer.Kind) async throws {
        try await withRedis(kind) { (peer, _) async throws in
            let seen = Seen()
            let broker = patientBroker(peer)
            try await withSubscriber(broker) { service in
                service.subscribe("t", queue: "q") { (order: Order, context) in
                    #expect(order.number == 7 && context.metadata["cron-job"] == "often")
                    seen.add(context.messageID)
                }
            } _: { (client) async throws in
                let message = try client.message(for: "t", Order(number: 7)) { $0.terms.priority = 3 }
                try await broker.schedule("often", "@every 100ms", publishing: message, to: "t")
                let next = try await broker.schedule("seldom", "0 3 1 1 *", publishing: message, to: "t") {
                    $0.offset = .seconds(3_600)
                    $0.grace = .seconds(60)
                }
                #expect(try await eventually { Set(seen.all).count >= 3 })
                let schedules = try await broker.schedules(of: "t")
                #expect(schedules.map(\.name) == ["often", "seldom"] && schedules.allSatisfy { $0.priority == 3 })
                #expect(schedules.last?.next == next && schedules.last?.grace == .seconds(60))
                #expect(schedules.last?.fields.contains(RedisField("Micro-Topic", "t")) == true)
                #expect(schedules.last?.fields.contains { $0.name == Array("Micro-Id".utf8) } == false)
                let (first, second) = (
                    try await broker.endSchedule("often", of: "t"), try await broker.endSchedule("often", of: "t")
                )
                #expect(first && !second)
                var late = message
                late.terms.moment = .after(.seconds(1))
                let error = await #expect(throws: MicroError.self) {
                    try await broker.schedule("never", "@daily", publishing: late, to: "t")
                }
                #expect(error?.code == .badRequest)
            }
            #expect(seen.all.allSatisfy { $0.hasPrefix("often/") } && Set(seen.all).count >= 3)
        }
    }
}
