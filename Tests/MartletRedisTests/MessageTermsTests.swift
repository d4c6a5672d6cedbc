// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletRedis
import MartletRedisClient
import MartletRedisPeers
import MartletTestPrograms
import Testing

/// When messages come, how long they stay and in what order: on Martlet done, elsewhere refused.
@Suite(.timeLimit(.minutes(30))) struct MessageTermsTests {
    static let ours = RedisPeer.Kind.available.filter { $0 != .redis }

    @Test(arguments: Self.ours) func messagesComeLater(_ kind: RedisPeer.Kind) async throws {
        try await RedisPeer.with(kind) { (peer) async throws in
            try await withRedisClient(peer.address) {
                $0.timeout = patience
                $0.logger = quiet
            } _: { (redis) async throws in
                let seen = Seen()
                let broker = patientBroker(peer)
                try await withSubscriber(broker) { service in
                    service.subscribe("t", queue: "q") { (order: Order, _) in seen.add("\(order.number)") }
                } _: { (client) async throws in
                    try await client.publish("t", Order(number: 1)) { $0.terms.moment = .after(.seconds(3_600)) }
                    let waiting = try await redis.xdelayed("t")
                    try #require(waiting.count == 1)
                    #expect(waiting[0].text("body") == #"{"number":1}"# && waiting[0].text("Micro-Topic") == "t")
                    // By the server's clock: what is past is now.
                    let soon = try await redis.time() / 1000 + 300
                    try await client.publish("t", Order(number: 2)) { $0.terms.moment = .at(soon) }
                    try await client.publish("t", Order(number: 3)) { $0.terms.moment = .at(1) }
                    #expect(try await eventually { Set(seen.all) == ["2", "3"] })
                    let entry = try #require(try await redis.xrange("t").first { $0.text("body") == #"{"number":2}"# })
                    #expect(entry.id.milliseconds >= UInt64(soon))
                    #expect(try await redis.xdelayed("t", .first, .including(RedisStreamID(UInt64(soon)))).isEmpty)
                    #expect(try await redis.xcancel("t", [waiting[0].id]) == 1)
                }
            }
        }
    }

    @Test(arguments: Self.ours) func messagesEndAndAreUrgent(_ kind: RedisPeer.Kind) async throws {
        try await RedisPeer.with(kind) { (peer) async throws in
            try await withRedisClient(peer.address) {
                $0.timeout = patience
                $0.logger = quiet
            } _: { (redis) async throws in
                let broker = patientBroker(peer) { $0.messageLifetime = .seconds(3_600) }
                var message = BrokerMessage(body: [1])
                message.terms.timeToLive = .milliseconds(50)
                message.terms.priority = 7
                try await broker.publish(message, to: "t")
                #expect(try await redis.xinfoStream("t").entriesAdded == 1)
                #expect(try await eventually { try await redis.xlen("t") == 0 })
                message.terms.timeToLive = nil
                try await broker.publish(message, to: "t")
                #expect(try await redis.xinfoStream("t").prioritizedCount == 1)
            }
        }
    }

    /// The most urgent of what waits is handled first.
    @Test func queuesPreferWhatIsUrgent() async throws {
        try await RedisPeer.with(.memory) { (peer) async throws in
            let (seen, gate) = (Seen(), Seen())
            try await withSubscriber(patientBroker(peer)) { service in
                service.subscribe("t", queue: "q") {
                    $0.maximumConcurrentMessages = 1
                    $0.queue.prefersUrgent = true
                } _: { (order: Order, _) in
                    seen.add("\(order.number)")
                    while gate.all.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
                }
            } _: { (client) async throws in
                try await client.publish("t", Order(number: 0))
                #expect(try await eventually { seen.all == ["0"] })
                for number in 1...9 {
                    try await client.publish("t", Order(number: number)) { $0.terms.priority = number }
                }
                gate.add("open")
                #expect(try await eventually { seen.all.count == 10 })
                #expect(seen.all == (["0"] + (1...9).reversed().map { "\($0)" }))
            }
        }
    }

    /// Of one key one message is handled at a time, in order, also where some fail; others go on beside.
    @Test(arguments: Self.ours) func keysHaveAnOrder(_ kind: RedisPeer.Kind) async throws {
        try await RedisPeer.with(kind) { (peer) async throws in
            let (seen, busy) = (Seen(), Seen())
            try await withSubscriber(patientBroker(peer)) { service in
                service.subscribe("t", queue: "q") {
                    $0.queue.isOrdered = true
                    $0.redeliveryDelay = .zero
                } _: { (order: Order, context) in
                    let key = context.metadata["micro-ordering-key"] ?? ""
                    busy.add("+\(key)")
                    #expect(busy.all.count { $0 == "+\(key)" } == busy.all.count { $0 == "-\(key)" } + 1)
                    await Task.yield()
                    busy.add("-\(key)")
                    if order.number % 5 == 0, context.deliveryCount < 3 { throw Failure() }
                    seen.add("\(key)\(order.number)")
                }
            } _: { (client) async throws in
                for number in 0..<40 {
                    try await client.publish("t", Order(number: number)) {
                        $0.terms.orderingKey = ["a", "b", "c"][number % 3]
                    }
                }
                #expect(try await eventually { seen.all.count == 40 })
            }
            for key in ["a", "b", "c"] {
                let numbers = seen.all.filter { $0.hasPrefix(key) }.compactMap { Int($0.dropFirst()) }
                #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
            }
        }
    }

    /// What a server that knows the key as a header only would pass over in silence.
    @Test(.enabled(if: RedisPeer.Kind.available.contains(.redis))) func redisRefuses() async throws {
        try await RedisPeer.with(.redis) { (peer) async throws in
            let broker = patientBroker(peer)
            let delayed = try await publishRefusal(of: broker) { $0.moment = .after(.seconds(1)) }
            #expect(delayed?.code == .notImplemented)
            #expect(delayed?.detail.hasPrefix("the server has no entries that come later or end") == true)
            let at = try await publishRefusal(of: broker) { $0.moment = .at(1) }
            #expect(at?.code == .notImplemented)
            let ends = try await publishRefusal(of: broker) { $0.timeToLive = .seconds(1) }
            #expect(ends?.code == .notImplemented)
            let urgent = try await publishRefusal(of: broker) { $0.priority = 1 }
            #expect(urgent?.code == .notImplemented)
            #expect(urgent?.detail.hasPrefix("the server has no priorities (XADD with PRIORITY)") == true)
            let ordered = try await publishRefusal(of: broker) { $0.orderingKey = "a" }
            #expect(ordered?.code == .notImplemented)
            #expect(
                ordered?.detail == "a message to t is to be handled in an order by key: Martlet alone does that, and "
                    + "the server is another")
            let plain = try await publishRefusal(of: broker) { $0.priority = 0 }
            #expect(plain == nil)
            try await withRedisClient(peer.address) {
                $0.timeout = patience
                $0.logger = quiet
            } _: { (redis) async throws in
                #expect(try await redis.xlen("t") == 1)
            }
        }
    }

    @Test func valuesMakeSense() async throws {
        // Refused before anybody is asked.
        let broker = RedisBroker.redis("127.0.0.1:1")
        let wrong: [(inout BrokerMessage.Terms) -> Void] = [
            { $0.priority = 10 }, { $0.priority = -1 }, { $0.timeToLive = .zero }, { $0.orderingKey = "" },
            { $0.moment = .after(.milliseconds(-1)) },
        ]
        for change in wrong {
            let error = try await publishRefusal(of: broker, change)
            #expect(error?.code == .badRequest)
        }
    }
}
