// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletEmbedded
import MartletEtcd
import MartletEtcdClient
import MartletRedis
import MartletTestPrograms
import Testing

private struct Hello: Codable, Sendable { var name: String }
private struct Greeting: Codable, Sendable { var text: String }
private struct Order: Codable, Sendable { var number: Int }

/// The framework on a store in this process.
@Suite(.timeLimit(.minutes(30))) struct StoreServiceTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private static func service(_ name: String, _ store: MartletStore) -> MicroService {
        MicroService(name, store: store) {
            $0.address = "127.0.0.1:0"
            $0.logger = quiet
            $0.drainDelay = .zero
        }
    }

    @Test func callsFindServicesInTheStore() async throws {
        try await MartletStore.withEmbedded { store in
            var service = Self.service("greeter", store)
            service.handle("Greeter.Hello") { (hello: Hello, _) in Greeting(text: "Hello \(hello.name)") }
            let running = Task { [service] in try await service.run() }
            let client = MicroClient(store: store) { $0.logger = Self.quiet }
            let isThere = try await eventually { try await store.keys.get(.prefix("/micro/registry/")).count == 1 }
            #expect(isThere)
            let greeting: Greeting = try await client.call("greeter", "Greeter.Hello", Hello(name: "John"))
            #expect(greeting.text == "Hello John")
            running.cancel()
            try await running.value
            let left = try await store.keys.get(.prefix("/micro/registry/"))
            #expect(left.count == 0)
            await client.close()
        }
    }

    @Test func queuesKeepTheirPlaceOverRestarts() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("data")
        for round in 0..<2 {
            try await MartletStore.withEmbedded(path: path) { store in
                let (numbers, number) = AsyncStream.makeStream(of: Int.self)
                let (starts, start) = AsyncStream.makeStream(of: Void.self)
                var service = Self.service("billing", store)
                service.configuration.afterStart = { _ in start.yield() }
                service.subscribe("orders", queue: "billing") { (order: Order, _) in _ = number.yield(order.number) }
                let running = Task { [service] in try await service.run() }
                for await _ in starts { break }
                let client = MicroClient(store: store) { $0.logger = Self.quiet }
                try await client.publish("orders", Order(number: 2 * round))
                var seen: [Int] = []
                for await number in numbers {
                    seen.append(number)
                    if seen.count == (round == 0 ? 1 : 2) { break }
                }
                #expect(seen.sorted() == (round == 0 ? [0] : [1, 2]))
                running.cancel()
                try await running.value
                // Nobody subscribes now: it waits for the next process.
                if round == 0 { try await client.publish("orders", Order(number: 1)) }
                await client.close()
            }
        }
    }

    /// A message goes with what else a transaction changes, and is handled like any; what can't go so is refused.
    @Test func transactionsPublish() async throws {
        try await MartletStore.withEmbedded { store in
            let (messages, message) = AsyncStream.makeStream(of: String.self)
            let (starts, start) = AsyncStream.makeStream(of: Void.self)
            var service = Self.service("billing", store)
            service.configuration.afterStart = { _ in start.yield() }
            service.subscribe("orders", queue: "billing") {
                $0.queue.isOrdered = true
            } _: { (order: Order, context) in
                let key = context.metadata["micro-ordering-key"] ?? ""
                _ = message.yield("\(order.number) \(context.messageID) \(key)")
            }
            let running = Task { [service] in try await service.run() }
            for await _ in starts { break }
            let client = MicroClient(store: store) { $0.logger = Self.quiet }
            let broker: RedisBroker = .store(store)
            let order = try client.message(for: "orders", Order(number: 7)) {
                $0.messageID = "m"
                $0.terms.orderingKey = "ann"
            }
            for round in 0..<2 {
                let result = try await store.transact { transaction in
                    transaction.when(.isMissing("orders/7"))
                    transaction.then.put("orders/7", "placed")
                    try transaction.then.publish(order, to: "orders", by: broker)
                }
                #expect(result.succeeded == (round == 0))
            }
            try await client.publish("orders", Order(number: 8)) { $0.messageID = "n" }
            var seen: [String] = []
            for await message in messages {
                seen.append(message)
                if seen.count == 2 { break }
            }
            #expect(seen.sorted() == ["7 m ann", "8 n "])
            var (late, urgent) = (order, order)
            late.terms.moment = .after(.seconds(1))
            urgent.terms.priority = 2
            let brief: RedisBroker = .store(store) { $0.messageLifetime = .seconds(60) }
            for (message, broker) in [(late, broker), (urgent, broker), (order, brief)] {
                let error = await #expect(throws: MicroError.self) {
                    try await store.transact { try $0.then.publish(message, to: "orders", by: broker) }
                }
                #expect(error?.code == .notImplemented)
            }
            #expect(try await store.streams.xlen("orders") == 2)
            running.cancel()
            try await running.value
            await client.close()
        }
    }

    @Test func pluginsNameIt() async throws {
        try await MartletStore.withEmbedded { store in
            #expect(MicroPlugin.store(store).name == "store")
            let registry: EtcdRegistry = .store(store)
            let names = try await registry.services().map(\.name)
            #expect(names.isEmpty)
        }
    }
}
