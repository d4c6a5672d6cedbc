// SPDX-License-Identifier: Apache-2.0

import Configuration
import Logging
import Martlet
import MartletConfiguration
import MartletEmbedded
import MartletEtcdClient
import MartletEtcdConfiguration
import MartletTestPrograms
import Testing

private struct Hello: Codable, Sendable { var name: String }
private struct Greeting: Codable, Sendable { var text: String }
private struct Order: Codable, Sendable { var number: Int }

/// A service whose registry, broker, configuration and locks are a store's, moved from store to store by its address
/// alone.
@Suite(.timeLimit(.minutes(30))) struct SameServiceTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let orders = 12

    /// What the program prints at every engine.
    private static let output = [
        "Hello John", "Good day Jane", "1 node", "billed 1 2 3 4 5 6 7 8 9 10 11 12", "till 12, 1 at a time",
        "0 nodes",
    ]

    /// Nothing is said but where the store is: neither a registry nor a broker is named.
    private static func service(_ store: MartletStore) throws -> MicroService {
        try MicroService(
            config: .micro(arguments: ["shop"], environment: [:]), plugins: [.store(store)], name: "shop"
        ) {
            $0.address = "127.0.0.1:0"
            $0.logger = quiet
            $0.drainDelay = .zero
        }
    }

    private static func program(_ store: MartletStore) async throws -> [String] {
        try await store.keys.put("config/shop/greeting", "Hello")
        let provider = try await EtcdConfigProvider(store: store, prefix: "config/shop")
        let config = ConfigReader(provider: provider)
        let following = Task { try await provider.run() }
        defer { following.cancel() }
        let till = Till(store)
        var service = try service(store)
        service.handle("Shop.Greet") { (hello: Hello, _) in
            Greeting(text: "\(config.string(forKey: "greeting", default: "?")) \(hello.name)")
        }
        service.subscribe("orders", queue: "billing") { (order: Order, _) in try await till.bill(order.number) }
        let client = try MicroClient(
            config: .micro(arguments: ["shop"], environment: [:]), plugins: [.store(store)]
        ) { $0.logger = quiet }
        var lines: [String] = []
        try await withMicroServices([service]) {
            let first: Greeting = try await client.call("shop", "Shop.Greet", Hello(name: "John"))
            lines.append(first.text)
            try await store.keys.put("config/shop/greeting", "Good day")
            try await config.watchString(forKey: "greeting", default: "?") { updates in
                for try await greeting in updates where greeting == "Good day" { break }
            }
            let second: Greeting = try await client.call("shop", "Shop.Greet", Hello(name: "Jane"))
            lines.append(second.text)
            lines.append("\(try await nodes(store)) node")
            for number in 1...orders { try await client.publish("orders", Order(number: number)) }
            let isBilled = try await eventually { till.billed.value.count >= orders }
            #expect(isBilled)
            lines.append("billed " + till.billed.value.sorted().map { "\($0)" }.joined(separator: " "))
            lines.append("till \(try await till.total()), \(till.most.value) at a time")
        }
        lines.append("\(try await nodes(store)) nodes")
        await client.close()
        return lines
    }

    private static func nodes(_ store: MartletStore) async throws -> Int64 {
        try await store.keys.get(.prefix("/micro/registry/")).count
    }

    /// Counts what is billed in a key, by reading it and writing it back: several at once would lose some, but for
    /// the store's lock.
    private final class Till: Sendable {
        let billed = Shared<[Int]>([])
        /// How many were at the till, and how many at most.
        let present = Shared(0)
        let most = Shared(0)
        private let store: MartletStore

        init(_ store: MartletStore) { self.store = store }

        func bill(_ number: Int) async throws {
            try await store.keys.withLock("till") { _ in
                let present = self.enter(1)
                self.most.change { $0 = max($0, present) }
                let total = try await self.total()
                try await self.store.keys.put("till", "\(total + 1)")
                _ = self.enter(-1)
            }
            billed.change { $0.append(number) }
        }

        func total() async throws -> Int {
            try await store.keys.get("till").keyValues.first.flatMap { Int($0.valueText) } ?? 0
        }

        private func enter(_ step: Int) -> Int {
            var now = 0
            present.change {
                $0 += step
                now = $0
            }
            return now
        }
    }

    @Test(arguments: StoreEngine.available) func runsTheSame(_ engine: StoreEngine) async throws {
        try await engine.with { setting in
            let address = try StoreAddress(environment: ["MARTLET_STORE": setting])
            let lines = try await MartletStore.with(address) { try await Self.program($0) }
            #expect(lines == Self.output)
        }
    }

    /// What is named goes over the store.
    @Test func whatIsNamedIsTaken() async throws {
        try await MartletStore.withEmbedded { store in
            let named = try MicroService(
                config: .micro(arguments: ["shop"], environment: ["MICRO_REGISTRY": "memory"]),
                plugins: [.store(store)], name: "named-\(UInt64.random(in: 0 ... .max))"
            ) {
                $0.address = "127.0.0.1:0"
                $0.logger = Self.quiet
                $0.drainDelay = .zero
            }
            try await withMicroServices([named]) {
                let nodes = try await Self.nodes(store)
                #expect(nodes == 0)
            }
        }
    }
}
