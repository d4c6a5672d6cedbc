// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletGreeterFixture
import MartletTestPrograms
import SwiftProtobuf
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(30))) struct InMemoryBrokerTests {
    struct Order: Codable, Sendable, Equatable { var number: Int }

    @Test func everyQueueGetsEachMessageOnce() async throws {
        let registry = InMemoryRegistry()
        let broker = InMemoryBroker()
        let got = Recorder<String>()
        var service = MicroService("test.broker", registry: registry, broker: broker)
        for member in ["a", "b"] {
            service.subscribe("orders", queue: "billing") { (order: Order, context) in
                await got.add("billing \(member) \(order.number)")
            }
        }
        service.subscribe("orders") { (order: Order, context) in await got.add("all \(order.number)") }
        service.subscribe("others") { (order: Order, context) in await got.add("others") }
        try await withService(service) { _ in
            try await withMicroClient(
                registry: registry,
                configure: {
                    patiently(&$0)
                    $0.broker = broker
                }
            ) { client in
                for number in 0..<20 { try await client.publish("orders", Order(number: number)) }
                #expect(try await eventually { await got.values.count == 40 })
            }
        }
        let values = await got.values
        for number in 0..<20 {
            #expect(values.filter { $0 == "all \(number)" }.count == 1)
            #expect(values.filter { $0.hasPrefix("billing") && $0.hasSuffix(" \(number)") }.count == 1)
        }
        for member in ["a", "b"] { #expect(values.contains { $0.hasPrefix("billing \(member)") }) }
    }

    @Test func messageThatIsNotAcknowledgedComesAgainUpToTheLimit() async throws {
        let broker = InMemoryBroker()
        let got = Recorder<Int>()
        let dead = Recorder<BrokerMessage>()
        var service = MicroService("test.broker", registry: InMemoryRegistry(), broker: broker)
        service.subscribe("orders", queue: "q") {
            $0.maximumDeliveries = 3
            $0.redeliveryDelay = .milliseconds(1)
            $0.deadLetterTopic = "dead"
        } _: { (order: Order, context) in
            await got.add(context.deliveryCount)
            if order.number == 1, context.deliveryCount == 2 { return }
            throw MicroError(.unavailable, "later")
        }
        service.subscribe("dead") { (bytes: [UInt8], context) in await dead.add(context.delivery.message) }
        try await withService(service) { _ in
            let client = MicroClient(registry: InMemoryRegistry()) { $0.broker = broker }
            try await client.publish("orders", Order(number: 1)) { $0.messageID = "one" }
            #expect(try await eventually { await got.values == [1, 2] })
            try await client.publish("orders", Order(number: 2)) { $0.messageID = "two" }
            #expect(try await eventually { await got.values == [1, 2, 1, 2, 3] })
            #expect(try await eventually { await dead.values.map(\.id) == ["two"] })
            await client.close()
        }
    }

    @Test func unreadableMessageIsGivenUpAtOnce() async throws {
        let broker = InMemoryBroker()
        let got = Recorder<Int>()
        let dead = Recorder<String>()
        var service = MicroService("test.broker", registry: InMemoryRegistry(), broker: broker)
        service.subscribe("orders") {
            $0.deadLetterTopic = "dead"
        } _: { (order: Order, context) in
            await got.add(order.number)
        }
        service.subscribe("dead") { (bytes: [UInt8], context) in
            await dead.add(String(decoding: bytes, as: UTF8.self))
        }
        try await withService(service) { _ in
            let client = MicroClient(registry: InMemoryRegistry()) { $0.broker = broker }
            try await client.publish("orders", bytes: Array("{".utf8), codec: .json)
            try await broker.publish(
                BrokerMessage(headers: ["content-type": "application/msgpack"], body: [65]), to: "orders")
            try await client.publish("orders", Order(number: 7))
            #expect(try await eventually { await dead.values.count == 2 })
            #expect(await dead.values.sorted() == ["A", "{"])
            #expect(try await eventually { await got.values == [7] })
            await client.close()
        }
    }

    @Test func handlersSeeEnvelopeAndMetadataAndPassTheTraceOn() async throws {
        let registry = InMemoryRegistry()
        let broker = InMemoryBroker()
        let (contexts, seen) = AsyncStream.makeStream(of: MessageContext.self)
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        var service = MicroService("test.broker", registry: registry, broker: broker)
        service.handle("Plain.Order") { (order: Order, context) -> Order in
            try await context.client.publish("first", order)
            return order
        }
        service.subscribe("first") { (order: Order, context) in
            try await context.client.publish(
                "second", HelloRequest.with { $0.name = "n\(order.number)" }
            ) { $0.metadata = ["X-Trace-Id": "t1", "content-type": "nonsense"] }
        }
        service.subscribe("second", queue: "q") { (hello: HelloRequest, context) in seen.yield(context) }
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                let _: Order = try await client.call("test.broker", "Plain.Order", Order(number: 4)) {
                    $0.metadata = ["traceparent": trace]
                }
                for await context in contexts {
                    let headers = context.delivery.message.headers
                    #expect(headers["Content-Type"] == "application/grpc+proto")
                    #expect(headers["Micro-Topic"] == "second")
                    #expect(headers["Micro-From-Service"] == "test.broker")
                    #expect(headers["traceparent"] == trace)
                    #expect(context.messageID.utf8.count == 36)
                    #expect(context.publisher == "test.broker")
                    #expect(context.queue == "q")
                    #expect(context.topic == "second")
                    #expect(context.metadata["x-trace-id"] == "t1")
                    #expect(context.metadata.count == 2)
                    #expect(context.logger[metadataKey: "trace_id"] == "4bf92f3577b34da6a3ce929d0e0e4736")
                    break
                }
            }
        }
    }

    @Test func subscriberInterceptorsAreAroundHandlers() async throws {
        let broker = InMemoryBroker()
        let notes = Recorder<String>()
        var service = MicroService("test.broker", registry: InMemoryRegistry(), broker: broker)
        for name in ["outer", "inner"] {
            service.interceptSubscribers { context, next in
                await notes.add("\(name) begins")
                try await next(context)
                await notes.add("\(name) ends")
            }
        }
        service.subscribe("orders") { (order: Order, context) in await notes.add("handled") }
        try await withService(service) { _ in
            let client = MicroClient(registry: InMemoryRegistry()) { $0.broker = broker }
            try await client.publish("orders", Order(number: 1))
            #expect(
                try await eventually {
                    await notes.values == ["outer begins", "inner begins", "handled", "inner ends", "outer ends"]
                })
            await client.close()
        }
    }

    @Test func fullTopicRefusesAndDeliversToNobody() async throws {
        let broker = InMemoryBroker(maximumMessages: 3)
        let (release, go) = AsyncStream.makeStream(of: Void.self)
        let quick = Recorder<UInt8>()
        var options = SubscriptionOptions()
        options.maximumConcurrentMessages = 1
        let slow = try await broker.subscribe("t", queue: "slow", options: options) { _ in
            for await _ in release { break }
            return .acknowledge
        }
        let other = try await broker.subscribe("t", queue: nil, options: options) {
            await quick.add($0.message.body[0])
            return .acknowledge
        }
        // One is being handled, three wait.
        for value in 0..<4 as Range<UInt8> {
            try await broker.publish(BrokerMessage(body: [value]), to: "t")
            #expect(try await eventually { await quick.values.count == Int(value) + 1 })
        }
        do {
            try await broker.publish(BrokerMessage(body: [9]), to: "t")
            Issue.record("a full topic took a message")
        } catch let error as MicroError {
            #expect(error.code == .tooManyRequests)
        }
        #expect(await quick.values == [0, 1, 2, 3])
        for _ in 0..<4 { go.yield() }
        #expect(
            try await eventually {
                (try? await broker.publish(BrokerMessage(body: [9]), to: "t")) != nil
            })
        go.yield()
        await slow.end(limit: .seconds(300))
        await other.end(limit: .seconds(300))
    }

    @Test func endOfASubscriptionWaitsThenCancels() async throws {
        let broker = InMemoryBroker()
        let ended = Recorder<String>()
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        for (name, pause) in [("short", Duration.milliseconds(50)), ("long", .seconds(600))] {
            let subscription = try await broker.subscribe(name, queue: "q", options: SubscriptionOptions()) { _ in
                start.yield()
                do {
                    try await Task.sleep(for: pause)
                    await ended.add("\(name) done")
                } catch {
                    await ended.add("\(name) cancelled")
                }
                return .acknowledge
            }
            try await broker.publish(BrokerMessage(body: []), to: name)
            for await _ in started { break }
            await subscription.end(limit: name == "short" ? .seconds(300) : .milliseconds(10))
            if name == "short" { #expect(await ended.values == ["short done"]) }
        }
        #expect(try await eventually { await ended.values == ["short done", "long cancelled"] })
        // Nobody is left: messages are dropped.
        try await broker.publish(BrokerMessage(body: []), to: "short")
    }

    /// Whatever fails and whoever joins and leaves: with a member left, each message is acknowledged once.
    @Test func randomMembersLoseNothing() async throws {
        var random = SplitMix(state: testSeed())
        let broker = InMemoryBroker()
        let done = Mutex<[UInt8: Int]>([:])
        let coins = Mutex(SplitMix(state: random.state))
        var options = SubscriptionOptions()
        options.maximumConcurrentMessages = 3
        func join() async throws -> any BrokerSubscription {
            try await broker.subscribe("t", queue: "q", options: options) { delivery in
                await Task.yield()
                if coins.withLock({ $0.next(3) }) == 0 { return .redeliver(after: .milliseconds(1)) }
                done.withLock { $0[delivery.message.body[0], default: 0] += 1 }
                return .acknowledge
            }
        }
        let last = try await join()
        var members: [any BrokerSubscription] = []
        for value in 0..<200 as Range<UInt8> {
            try await broker.publish(BrokerMessage(body: [value]), to: "t")
            switch random.next(10) {
            case 0: members.append(try await join())
            case 1: if let member = members.popLast() { await member.end(limit: .seconds(60)) }
            default: break
            }
        }
        #expect(try await eventually { done.withLock { $0.count } == 200 })
        for member in members + [last] { await member.end(limit: .seconds(60)) }
        #expect(done.withLock { $0.values.allSatisfy { $0 == 1 } })
    }

    @Test func pausesDoubleUpToTheLongest() {
        var options = SubscriptionOptions()
        options.redeliveryDelay = .milliseconds(100)
        options.maximumRedeliveryDelay = .seconds(1)
        #expect(
            [1, 2, 3, 4, 5, 100].map { options.pause(afterDelivery: $0) } == [
                .milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800), .seconds(1),
                .seconds(1),
            ])
    }
}
