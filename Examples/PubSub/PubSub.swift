// SPDX-License-Identifier: Apache-2.0

import Martlet

struct Order: Codable {
    var number: Int
    var article: String
}

/// One publisher and three subscribers in one process: two that share the work of a queue, and one that sees it all.
/// `swift run PubSub` runs it to its end. `broker: .http(registry: …)` in place of the one in memory carries messages
/// between processes, go-micro's among them.
@main struct PubSub {
    static func main() async throws {
        let registry = InMemoryRegistry()
        let broker = InMemoryBroker()
        let (bills, billed) = AsyncStream.makeStream(of: Int.self)
        let services = ["billing 1", "billing 2", "audit"].map { name in
            var service = MicroService(name, registry: registry, broker: broker) { $0.address = "127.0.0.1:0" }
            // Those of one queue share its messages; without a queue a subscriber gets every one.
            service.subscribe("orders", queue: name == "audit" ? nil : "billing") { (order: Order, context) in
                print("\(name): order \(order.number), \(order.article)")
                // Returning acknowledges the message; throwing would have it delivered again.
                if name != "audit" { billed.yield(order.number) }
            }
            return service
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services { group.addTask { try await service.run() } }
            try await Task.sleep(for: .milliseconds(200))
            try await withMicroClient(registry: registry, configure: { $0.broker = broker }) { client in
                for number in 1...6 { try await client.publish("orders", Order(number: number, article: "tea")) }
            }
            var left = 6
            for await _ in bills {
                left -= 1
                if left == 0 { break }
            }
            group.cancelAll()
        }
    }
}
