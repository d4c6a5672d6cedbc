// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletTestPrograms
import Synchronization
import Testing

/// What brokers can't do is refused, and never ignored.
@Suite(.timeLimit(.minutes(30))) struct BrokerFeatureTests {
    struct Order: Codable, Sendable { var number: Int }

    /// Somebody's own broker, which knows nothing of terms.
    private final class OwnBroker: MessageBroker {
        typealias Deliver = @Sendable (BrokerDelivery) async -> DeliveryOutcome

        struct Subscription: BrokerSubscription {
            func end(limit: Duration) async {}
        }

        struct State {
            var published: [(String, BrokerMessage)] = []
            var subscribers: [String: Deliver] = [:]
        }

        let name = "own"
        let features: BrokerFeatures
        let state = Mutex(State())

        init(_ features: BrokerFeatures = []) { self.features = features }

        func publish(_ message: BrokerMessage, to topic: String) async throws {
            state.withLock { $0.published.append((topic, message)) }
        }

        func subscribe(
            _ topic: String, queue: String?, options: SubscriptionOptions, _ deliver: @escaping Deliver
        ) async throws -> any BrokerSubscription {
            state.withLock { $0.subscribers[queue ?? ""] = deliver }
            return Subscription()
        }
    }

    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private static func service(_ broker: some MessageBroker) -> MicroService {
        MicroService("test.features", registry: InMemoryRegistry(), broker: broker) {
            $0.address = "127.0.0.1:0"
            $0.logger = Self.quiet
            $0.drainDelay = .zero
        }
    }

    /// What it throws; `nil`: it was taken.
    private func refusal(_ body: () async throws -> Void) async throws -> MicroError? {
        do {
            try await body()
            return nil
        } catch let error as MicroError {
            return error
        }
    }

    private static let terms: [(String, @Sendable (inout BrokerMessage.Terms) -> Void)] = [
        ("messages that come later", { $0.moment = .after(.seconds(1)) }),
        ("messages that come later", { $0.moment = .at(1) }),
        ("messages that end", { $0.timeToLive = .seconds(1) }),
        ("priorities", { $0.priority = 1 }),
        ("an order by key", { $0.orderingKey = "a" }),
        (
            "messages that end, priorities",
            {
                $0.timeToLive = .seconds(1)
                $0.priority = 9
            }
        ),
    ]

    @Test func messagesAreRefused() async throws {
        let brokers: [any MessageBroker] = [InMemoryBroker(), HTTPBroker(registry: InMemoryRegistry()), OwnBroker()]
        for broker in brokers {
            let client = MicroClient(registry: InMemoryRegistry()) {
                $0.broker = broker
                $0.logger = Self.quiet
            }
            for (name, change) in Self.terms {
                let error = try await refusal {
                    try await client.publish("t", Order(number: 1)) { change(&$0.terms) }
                }
                #expect(error?.code == .notImplemented)
                let text = "a message to t asks for \(name), which broker \(broker.name) doesn't have"
                #expect(error?.detail == text)
                // Whoever has no client is told as well.
                guard broker.name != "own" else { continue }
                var message = BrokerMessage(body: [])
                change(&message.terms)
                let same = try await refusal { try await broker.publish(message, to: "t") }
                #expect(same?.detail == text)
            }
            let wrong = try await refusal {
                try await client.publish("t", Order(number: 1)) { $0.terms.priority = 10 }
            }
            #expect(wrong?.code == .badRequest)
            await client.close()
        }
    }

    @Test func servicesDoNotStart() async throws {
        let options: [(String, @Sendable (inout SubscriptionOptions) -> Void)] = [
            ("visibility timeouts", { $0.queue.visibilityTimeout = .seconds(1) }),
            ("an order by key", { $0.queue.isOrdered = true }),
            ("priorities", { $0.queue.prefersUrgent = true }),
            ("filters", { $0.queue.filter = ["region": "eu"] }),
            ("limits for idle subscribers", { $0.queue.idleLimit = .seconds(1) }),
        ]
        for broker in [InMemoryBroker(), OwnBroker()] as [any MessageBroker] {
            for (name, configure) in options {
                var service = Self.service(broker)
                service.subscribe("t", queue: "q", configure: configure) { (_: Order, _) in }
                let error = try await refusal { try await service.run() }
                #expect(error?.code == .notImplemented)
                #expect(error?.detail == "queue q of t asks for \(name), which broker \(broker.name) doesn't have")
            }
        }
    }

    /// What is given up is the broker's to bury, where it can, and the framework's elsewhere.
    @Test(arguments: [true, false]) func buriesWhereItCan(_ buries: Bool) async throws {
        let broker = OwnBroker(buries ? [.deadLetters] : [])
        var service = Self.service(broker)
        for queue in ["q", nil] {
            service.subscribe("t", queue: queue) {
                $0.deadLetterTopic = "dead"
                $0.maximumDeliveries = 2
            } _: { (_: Order, _) in
                throw MicroError(.conflict, String(repeating: "x", count: 5_000))
            }
        }
        let running = Task { [service] in try await service.run() }
        #expect(try await eventually { broker.state.withLock { $0.subscribers.count == 2 } })
        let (ofQueue, alone) = broker.state.withLock { ($0.subscribers["q"], $0.subscribers[""]) }
        let message = BrokerMessage(body: Array(#"{"number":1}"#.utf8))
        func delivery(_ count: Int) -> BrokerDelivery {
            BrokerDelivery(topic: "t", message: message, deliveryCount: count)
        }
        #expect(await ofQueue?(delivery(1)) == .redeliver(after: .milliseconds(100)))
        let last = await ofQueue?(delivery(2))
        if buries, case .bury(let reason)? = last {
            #expect(reason.count == 1000 && reason.hasSuffix("xxx"))
        } else {
            #expect(!buries && last == .discard)
        }
        #expect(await alone?(delivery(2)) == .discard)
        let published = broker.state.withLock { $0.published }
        #expect(published.map(\.0) == Array(repeating: "dead", count: buries ? 1 : 2))
        #expect(published.allSatisfy { $0.1 == message })
        running.cancel()
        try await running.value
    }

    /// What a message would be is the same as what is published.
    @Test func messagesAreMadeWithoutABroker() async throws {
        let broker = OwnBroker([.delays])
        let client = MicroClient(registry: InMemoryRegistry()) {
            $0.broker = broker
            $0.logger = Self.quiet
        }
        func configure(_ options: inout PublishOptions) {
            options.messageID = "m"
            options.metadata.add("eu", for: "region")
            options.terms.moment = .at(7)
        }
        let message = try client.message(for: "t", Order(number: 1), configure: configure)
        #expect(broker.state.withLock { $0.published.isEmpty })
        try await client.publish("t", Order(number: 1), configure: configure)
        let published = broker.state.withLock { $0.published }
        #expect(published.count == 1 && published[0].0 == "t" && published[0].1 == message)
        #expect(message.headers["Region"] == "eu" && message.terms.moment == .at(7) && message.id == "m")
        await client.close()
    }
}
