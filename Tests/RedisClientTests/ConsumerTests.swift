// SPDX-License-Identifier: Apache-2.0

import MartletRedisClient
import MartletRedisPeers
import MartletTestPrograms
import Testing

/// Consumers of groups, against three servers.
@Suite(.timeLimit(.minutes(30))) struct ConsumerTests {
    private static func options(_ change: (inout RedisConsumerOptions) -> Void = { _ in }) -> RedisConsumerOptions {
        var options = RedisConsumerOptions(stream: "s", group: "g")
        options.claimAfter = .seconds(60)
        options.claimInterval = .milliseconds(50)
        options.redeliveryDelay = .milliseconds(20)
        change(&options)
        return options
    }

    private func with(
        _ kind: RedisPeer.Kind, _ body: (RedisClient, RedisPeer) async throws -> Void
    ) async throws {
        try await withClient(Setting(kind: kind, usesRESP2: false), body)
    }

    private func add(_ client: RedisClient, _ numbers: Range<Int>) async throws {
        _ = try await client.pipeline(numbers.map { .xadd("s", [RedisField("n", "\($0)")]) })
    }

    /// Runs `body` beside a task that consumes, and ends that.
    private func consuming(
        _ client: RedisClient, _ options: RedisConsumerOptions,
        _ handler: @escaping @Sendable (RedisConsumerMessage) async throws -> Void, _ body: () async throws -> Void
    ) async throws {
        let task = Task { try await client.consume(options, handler) }
        do { try await body() } catch {
            task.cancel()
            throw error
        }
        task.cancel()
        try await task.value
    }

    @Test(arguments: RedisPeer.Kind.available) func handlesAll(_ kind: RedisPeer.Kind) async throws {
        try await with(kind) { (client, _) async throws in
            try await add(client, 0..<200)
            let tally = Tally()
            try await consuming(client, Self.options { $0.maximumConcurrentMessages = 5 }) { message in
                tally.add("now")
                #expect(tally["now"] <= 5)
                tally.add(message.entry.text("n") ?? "")
                try await Task.sleep(for: .milliseconds(1))
                tally.add("now", -1)
            } _: { () async throws in
                try await add(client, 200..<300)
                #expect(try await eventually { tally.names.count == 301 })
            }
            for number in 0..<300 { #expect(tally["\(number)"] == 1) }
            #expect(try await client.xpending("s", "g").count == 0)
            // What had nothing pending has left.
            #expect(try await client.xinfoConsumers("s", "g").isEmpty)
        }
    }

    /// A message that fails comes again, then becomes a dead letter.
    @Test(arguments: RedisPeer.Kind.available) func redelivers(_ kind: RedisPeer.Kind) async throws {
        try await with(kind) { (client, _) async throws in
            try await add(client, 0..<10)
            let tally = Tally()
            struct Bad: Error {}
            let options = Self.options {
                $0.maximumDeliveries = 3
                $0.deadLetterStream = "dead"
            }
            try await consuming(client, options) { message in
                let text = message.entry.text("n") ?? ""
                tally.add(text)
                #expect(message.deliveries == tally[text])
                if text == "3" || text == "4" && message.deliveries < 3 { throw Bad() }
            } _: { () async throws in
                #expect(try await eventually { try await client.xlen("dead") == 1 && tally["4"] == 3 })
                #expect(try await eventually { try await client.xpending("s", "g").count == 0 })
            }
            #expect(tally["3"] == 3 && tally["0"] == 1)
            let dead = try #require(try await client.xrange("dead").first)
            #expect(dead.text("n") == "3" && dead.text("Dead-Letter-Stream") == "s")
            #expect(dead.text("Dead-Letter-Reason")?.contains("Bad") == true)
        }
    }

    /// A handler may take longer than the time after which others claim.
    @Test(arguments: RedisPeer.Kind.available) func renews(_ kind: RedisPeer.Kind) async throws {
        // Renewals for which a machine has no turn come too late: then more time shows that there are any.
        var seen: [String: Int] = [:]
        for seconds in [1, 8, 40] where seen != ["began": 1, "ended": 1] {
            seen = try await handledForLong(kind, claimAfter: .seconds(seconds))
        }
        #expect(seen == ["began": 1, "ended": 1])
    }

    private func handledForLong(_ kind: RedisPeer.Kind, claimAfter: Duration) async throws -> [String: Int] {
        let tally = Tally()
        try await with(kind) { (client, _) async throws in
            try await add(client, 0..<1)
            let options = Self.options { $0.claimAfter = claimAfter }
            try await consuming(client, options) { message in
                tally.add("began")
                try await Task.sleep(for: claimAfter * 2.5)
                tally.add("ended")
            } _: { () async throws in
                #expect(try await eventually { tally["began"] > 0 })
                var other = options
                other.consumer = "other"
                try await consuming(client, other) { (_) async throws in
                    tally.add("other")
                } _: { () async throws in
                    #expect(try await eventually { tally["ended"] + tally["other"] > 0 })
                    #expect(try await eventually { try await client.xpending("s", "g").count == 0 })
                }
            }
        }
        return tally.all
    }

    /// What a consumer left that died is taken over, and one that every consumer dies of is put away.
    @Test(arguments: RedisPeer.Kind.available) func takesOver(_ kind: RedisPeer.Kind) async throws {
        try await with(kind) { (client, _) async throws in
            try await client.xgroupCreate("s", "g", .beginning, createsStream: true)
            try await add(client, 0..<5)
            let dead = try await client.xreadgroup("g", "dead", [.undelivered(of: "s")])
            let poison = try #require(dead[0].entries.first?.id)
            try await client.xclaimIDs("s", "g", "dead", minimumIdle: .zero, [poison]) { $0.deliveries = 3 }
            let tally = Tally()
            let options = Self.options {
                $0.claimAfter = .seconds(3)
                $0.maximumDeliveries = 3
                $0.deadLetterStream = "dead-letters"
            }
            try await consuming(client, options) { message in
                #expect(message.deliveries == 2)
                tally.add(message.entry.text("n") ?? "")
            } _: { () async throws in
                #expect(try await eventually { try await client.xpending("s", "g").count == 0 })
            }
            #expect(tally.all == ["1": 1, "2": 1, "3": 1, "4": 1])
            #expect(try await client.xrange("dead-letters").map { $0.text("n") } == ["0"])
        }
    }

    /// A consumer that ends lets its handlers finish, and gives back what it didn't begin with.
    @Test(arguments: RedisPeer.Kind.available) func endsInOrder(_ kind: RedisPeer.Kind) async throws {
        try await with(kind) { (client, _) async throws in
            try await add(client, 0..<20)
            let tally = Tally()
            let options = Self.options {
                $0.maximumConcurrentMessages = 4
                $0.drainLimit = patience
            }
            let task = Task {
                try await client.consume(options) { message in
                    tally.add("began")
                    while tally["ending"] == 0 { try await Task.sleep(for: .milliseconds(5)) }
                    try await Task.sleep(for: .milliseconds(300))
                    tally.add("ended")
                }
            }
            #expect(try await eventually { tally["began"] == 4 })
            task.cancel()
            // The handlers are under way while it ends.
            try await Task.sleep(for: .seconds(1))
            tally.add("ending")
            try await task.value
            let ended = tally["ended"]
            #expect(ended == tally["began"] && ended >= 4 && ended < 20)
            // Nothing is left to wait for: others have it at once, and it counts as never delivered.
            let others = Tally()
            let begin = ContinuousClock.now
            try await consuming(client, Self.options { $0.claimAfter = .seconds(1_200) }) { message in
                others.add("\(message.deliveries)")
            } _: { () async throws in
                let rest = 20 - ended
                #expect(try await eventually { others.all.values.reduce(0, +) == rest })
            }
            #expect(begin.duration(to: .now) < .seconds(600))
            #expect(others.names == ["1"])
        }
    }

    @Test(arguments: RedisPeer.Kind.available) func cancelsSlowHandlers(_ kind: RedisPeer.Kind) async throws {
        try await with(kind) { (client, _) async throws in
            try await add(client, 0..<1)
            let tally = Tally()
            try await consuming(client, Self.options { $0.drainLimit = .milliseconds(50) }) { (_) async throws in
                tally.add("began")
                try await Task.sleep(for: .seconds(1_200))
                tally.add("ended")
            } _: { () async throws in
                #expect(try await eventually { tally["began"] == 1 })
            }
            #expect(tally["ended"] == 0)
            #expect(try await client.xpending("s", "g").count == 1)
        }
    }

    @Test(arguments: RedisPeer.Kind.available) func isASequence(_ kind: RedisPeer.Kind) async throws {
        try await with(kind) { (client, _) async throws in
            try await add(client, 0..<4)
            try await client.withConsumer(Self.options { $0.maximumConcurrentMessages = 1 }) {
                (consumer) async throws in
                var order: [String] = []
                for try await message in consumer.messages {
                    let text = message.entry.text("n") ?? ""
                    order.append(text)
                    if text == "1", message.deliveries == 1 {
                        try await message.nack(after: .milliseconds(10))
                    } else if text == "3" {
                        await message.reject(reason: "unwanted")
                    } else {
                        #expect(try await message.ack())
                    }
                    if order.count == 5 { break }
                }
                #expect(order.sorted() == ["0", "1", "1", "2", "3"])
            }
            #expect(try await client.xpending("s", "g").count == 0)
        }
    }

    /// The server ends and comes back, with its data or without: consumers go on.
    @Test(arguments: RedisPeer.Kind.available) func survivesTheServer(_ kind: RedisPeer.Kind) async throws {
        try await with(kind) { (client, peer) async throws in
            let tally = Tally()
            try await add(client, 0..<10)
            try await consuming(client, Self.options()) {
                tally.add($0.entry.text("n") ?? "")
            } _: { () async throws in
                #expect(try await eventually { tally.names.count == 10 })
                await peer.stop()
                try await Task.sleep(for: .milliseconds(100))
                try await peer.start()
                try await add(client, 10..<20)
                #expect(try await eventually { tally.names.count == 20 })
            }
        }
    }
}
