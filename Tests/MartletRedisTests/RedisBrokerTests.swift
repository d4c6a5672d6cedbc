// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletRedis
import MartletRedisClient
import MartletRedisPeers
import MartletTestPrograms
import Testing

/// The framework on streams: three servers, the same code.
@Suite(.timeLimit(.minutes(30))) struct RedisBrokerTests {
    @Test(arguments: RedisPeer.Kind.available) func delivers(_ kind: RedisPeer.Kind) async throws {
        try await RedisPeer.with(kind) { (peer) async throws in
            let seen = Seen()
            let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            try await withSubscriber(patientBroker(peer)) { service in
                service.subscribe("orders", queue: "billing") { (order: Order, context) in
                    seen.add("\(order.number) \(context.metadata["traceparent"] ?? "") \(context.messageID)")
                    #expect(context.publisher == nil && context.topic == "orders" && context.deliveryCount == 1)
                }
            } _: { (client) async throws in
                for number in 0..<20 {
                    try await client.publish("orders", Order(number: number)) {
                        $0.metadata.add(trace, for: "traceparent")
                        $0.messageID = "m\(number)"
                    }
                }
                #expect(try await eventually { seen.all.count == 20 })
            }
            #expect(Set(seen.all) == Set((0..<20).map { "\($0) \(trace) m\($0)" }))
            // As anyone sees it: headers, and the body last.
            try await withRedisClient(peer.address) {
                $0.timeout = patience
                $0.logger = quiet
            } _: { (client) async throws in
                let entry = try #require(try await client.xrange("orders", count: 1).first)
                #expect(entry.fields.last?.name == Array("body".utf8))
                #expect(entry.text("body") == #"{"number":0}"# && entry.text("Content-Type") == "application/json")
                #expect(try await client.xpending("orders", "billing").count == 0)
            }
        }
    }

    /// Two services of a queue share its messages, one without a queue gets all.
    @Test(arguments: RedisPeer.Kind.available) func queuesShare(_ kind: RedisPeer.Kind) async throws {
        try await RedisPeer.with(kind) { (peer) async throws in
            let (one, two, all) = (Seen(), Seen(), Seen())
            let broker = patientBroker(peer)
            try await withSubscriber(broker) { service in
                service.subscribe("t", queue: "q", configure: { $0.maximumConcurrentMessages = 1 }) {
                    (order: Order, _) in
                    one.add("\(order.number)")
                    try await Task.sleep(for: .milliseconds(2))
                }
                service.subscribe("t") { (order: Order, _) in all.add("\(order.number)") }
            } _: { (_) async throws in
                try await withSubscriber(broker) { service in
                    service.subscribe("t", queue: "q", configure: { $0.maximumConcurrentMessages = 1 }) {
                        (order: Order, _) in
                        two.add("\(order.number)")
                        try await Task.sleep(for: .milliseconds(2))
                    }
                } _: { (client) async throws in
                    for number in 0..<100 { try await client.publish("t", Order(number: number)) }
                    // At least once: on a slow machine one may take over what the other is about to handle.
                    #expect(try await eventually { Set(one.all + two.all).count == 100 && Set(all.all).count == 100 })
                }
            }
            #expect(Set(one.all + two.all).count == 100 && Set(all.all).count == 100)
            #expect(!one.all.isEmpty && !two.all.isEmpty)
        }
    }

    @Test(arguments: RedisPeer.Kind.available) func redeliversAndBuries(_ kind: RedisPeer.Kind) async throws {
        try await RedisPeer.with(kind) { (peer) async throws in
            let (seen, dead) = (Seen(), Seen())
            try await withSubscriber(patientBroker(peer)) { service in
                service.subscribe("t", queue: "q") {
                    $0.maximumDeliveries = 3
                    $0.redeliveryDelay = .milliseconds(10)
                    $0.deadLetterTopic = "t.dead"
                } _: { (order: Order, context) in
                    seen.add("\(order.number) \(context.deliveryCount)")
                    if order.number == 1 || order.number == 2 && context.deliveryCount == 1 { throw Failure() }
                }
                service.subscribe("t.dead", queue: "undertaker") { (order: Order, _) in dead.add("\(order.number)") }
            } _: { (client) async throws in
                for number in 0..<4 { try await client.publish("t", Order(number: number)) }
                #expect(try await eventually { dead.all == ["1"] && seen.all.count == 7 })
            }
            #expect(seen.all.sorted() == ["0 1", "1 1", "1 2", "1 3", "2 1", "2 2", "3 1"])
        }
    }

    /// A queue keeps its place while nobody subscribes, and over the server's end.
    @Test(arguments: RedisPeer.Kind.available.filter { $0 != .memory })
    func outlivesServiceAndServer(_ kind: RedisPeer.Kind) async throws {
        try await RedisPeer.with(kind) { (peer) async throws in
            let broker = patientBroker(peer)
            let seen = Seen()
            func subscribe(_ service: inout MicroService) {
                service.subscribe("t", queue: "q") { (order: Order, _) in seen.add("\(order.number)") }
            }
            try await withSubscriber(broker, subscribe) { (client) async throws in
                try await client.publish("t", Order(number: 1))
                #expect(try await eventually { seen.all == ["1"] })
            }
            try await broker.publish(BrokerMessage(body: Array(#"{"number":2}"#.utf8)), to: "t")
            await peer.stop()
            try await peer.start()
            try await withSubscriber(broker, subscribe) { (client) async throws in
                #expect(try await eventually { seen.all == ["1", "2"] })
                await peer.stop()
                try await peer.start()
                try await client.publish("t", Order(number: 3))
                #expect(try await eventually { seen.all == ["1", "2", "3"] })
            }
        }
    }

    @Test func tellsWhatFailed() async throws {
        let port = try freePort()
        let broker = RedisBroker.redis("127.0.0.1:\(port)") {
            $0.client.timeout = .milliseconds(100)
            $0.client.logger = quiet
        }
        let away = await #expect(throws: MicroError.self) { try await broker.publish(BrokerMessage(body: []), to: "t") }
        #expect(away?.code.rawValue == 503)
        let malformed = await #expect(throws: MicroError.self) {
            try await RedisBroker.redis("not an address").publish(BrokerMessage(body: []), to: "t")
        }
        #expect(malformed?.code == .badRequest)
        try await RedisPeer.with(.memory) { (peer) async throws in
            try await withRedisClient(peer.address) {
                $0.timeout = patience
                $0.logger = quiet
            } _: { (client) async throws in
                try await client.set("t", "x")
                let wrong = await #expect(throws: MicroError.self) {
                    try await RedisBroker(client: client).publish(BrokerMessage(body: []), to: "t")
                }
                #expect(wrong?.code == .badRequest)
            }
        }
    }

    /// A server that can't let messages end is not sent them without an end.
    @Test(arguments: RedisPeer.Kind.available) func lifetimesAreKeptOrRefused(_ kind: RedisPeer.Kind) async throws {
        try await RedisPeer.with(kind) { (peer) async throws in
            let broker = RedisBroker.redis(peer.address) {
                $0.client.logger = quiet
                $0.messageLifetime = .seconds(3_600)
            }
            do {
                try await broker.publish(BrokerMessage(body: []), to: "t")
                #expect(kind != .redis)
            } catch let error as MicroError {
                #expect(kind == .redis && error.code == .notImplemented)
                #expect(error.detail.contains("no entries that come later or end"))
            }
            try await withRedisClient(peer.address) {
                $0.timeout = patience
                $0.logger = quiet
            } _: { (client) async throws in
                let length = try await client.xlen("t")
                #expect(length == (kind == .redis ? 0 : 1))
            }
        }
    }

    /// What every queue has handled goes, and nothing else does.
    @Test func keepsWhatIsNotHandled() async throws {
        try await RedisPeer.with(.memory) { (peer) async throws in
            try await withRedisClient(peer.address) {
                $0.timeout = patience
                $0.logger = quiet
            } _: { (client) async throws in
                let broker = RedisBroker(client: client) { $0.retention = .handled(over: 0) }
                try await client.xgroupCreate("t", "q", .end, createsStream: true)
                for number in 0..<300 {
                    try await broker.publish(BrokerMessage(body: Array("\(number)".utf8)), to: "t")
                }
                #expect(try await client.xlen("t") == 300)
                let read = try await client.xreadgroup("q", "c", [.undelivered(of: "t")])
                try await client.xack("t", "q", Array(read[0].entries.map(\.id).dropLast(50)))
                try await broker.publish(BrokerMessage(body: []), to: "t")
                #expect(try await client.xlen("t") < 200)
                #expect(try await client.xlen("t") >= 51)
            }
        }
    }

    /// Handles messages one at a time, the first of them once `body` is done; answers what came, in order.
    private func handled(
        _ broker: RedisBroker, topic: String, count: Int, _ body: () async throws -> Void
    ) async throws -> [String] {
        let (seen, gate) = (Seen(), Seen())
        var options = SubscriptionOptions()
        options.maximumConcurrentMessages = 1
        let subscription = try await broker.subscribe(topic, queue: "q", options: options) { delivery in
            seen.add(String(decoding: delivery.message.body, as: UTF8.self))
            while gate.all.isEmpty { try? await Task.sleep(for: .milliseconds(5)) }
            return .acknowledge
        }
        let result: Result<Void, any Error>
        do {
            try await broker.publish(BrokerMessage(body: Array("first".utf8)), to: topic)
            #expect(try await eventually { seen.all.count == 1 })
            try await body()
            gate.add("open")
            #expect(try await eventually { seen.all.count == count })
            result = .success(())
        } catch {
            result = .failure(error)
        }
        gate.add("open")
        await subscription.end(limit: patience)
        try result.get()
        return seen.all
    }

    private static func message(_ name: String, _ headers: [(String, String)]) -> BrokerMessage {
        var message = BrokerMessage(body: Array(name.utf8))
        for (name, value) in headers { message.headers[name] = value }
        return message
    }

    /// What is urgent by its header is handled first; what says nothing sensible is as urgent as any.
    @Test func handlesWhatIsUrgentFirst() async throws {
        try await RedisPeer.with(.memory) { (peer) async throws in
            let broker = RedisBroker(addresses: [peer.address]) {
                $0.client.logger = quiet
                $0.priorityHeader = "Urgency"
            }
            let order = try await handled(broker, topic: "t", count: 13) {
                for number in 0..<10 {
                    let urgency = ["0", "many", "-3", "12", ""][number % 5]
                    try await broker.publish(Self.message("late\(number)", [("Urgency", urgency)]), to: "t")
                }
                try await broker.publish(Self.message("soon", [("Urgency", "5")]), to: "t")
                try await broker.publish(Self.message("now", [("Urgency", "9")]), to: "t")
            }
            // Some were on their way when the others came.
            let places = ["now", "soon", "late9"].compactMap { order.firstIndex(of: $0) }
            #expect(places.count == 3 && places == places.sorted() && places[1] < 6, "\(order)")
        }
    }

    @Test func ordersByAHeaderAndForgetsWhatIsOld() async throws {
        try await RedisPeer.with(.memory) { (peer) async throws in
            let broker = RedisBroker(addresses: [peer.address]) {
                $0.client.logger = quiet
                $0.orderHeader = "Customer"
                $0.client.timeout = patience
                // Longer than it takes to handle four, wherever.
                $0.messageLifetime = .seconds(20)
            }
            let order = try await handled(broker, topic: "t", count: 4) {
                for number in 1...3 {
                    try await broker.publish(Self.message("a\(number)", [("Customer", "a")]), to: "t")
                }
            }
            #expect(order == ["first", "a1", "a2", "a3"])
            try await withRedisClient(peer.address) {
                $0.timeout = patience
                $0.logger = quiet
            } _: { (client) async throws in
                var policy = RedisGroupPolicy()
                policy.orderField = "Customer"
                let groups = try await client.xinfoGroups("t")
                #expect(groups.first?.policy == policy)
                #expect(try await eventually { try await client.xlen("t") == 0 })
            }
        }
    }
}
