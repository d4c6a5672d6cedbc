// SPDX-License-Identifier: Apache-2.0

import Configuration
import Martlet
import MartletEmbedded

struct Order: Codable {
    var number: Int
    var article: String
    var price: Int
}

/// A shop in one process: its stock are keys, its prices configuration, its orders a stream, and billing is a service
/// that is found, and gets its work, through the same store. `swift run Embedded` keeps it in memory, with
/// `MARTLET_STORE=embedded:shop` in a folder; `MARTLET_STORE='etcd://127.0.0.1:2379, redis://127.0.0.1:6379'` moves the
/// program to servers: `martlet server`, or etcd and Redis.
@main struct Embedded {
    static func main() async throws {
        try await MartletStore.with { store in
            try await store.keys.put("stock/tea", "3")
            try await store.keys.put("prices/tea", "4")
            let prices = ConfigReader(provider: try await EtcdConfigProvider(store: store, prefix: "prices"))
            var billing = MicroService("shop-billing", store: store) { $0.address = "127.0.0.1:0" }
            let (bills, billed) = AsyncStream.makeStream(of: Order.self)
            billing.subscribe("shop-orders", queue: "billing") { (order: Order, _) in _ = billed.yield(order) }
            try await withMicroServices([billing]) {
                try await withMicroClient(store: store) { client in
                    for number in 1...4 where try await sell("tea", store) {
                        let price = prices.int(forKey: "tea", default: 5)
                        try await client.publish("shop-orders", Order(number: number, article: "tea", price: price))
                    }
                }
                var orders: [Order] = []
                for await order in bills {
                    orders.append(order)
                    if orders.count == 3 { break }
                }
                // Several are handled at once.
                for order in orders.sorted(by: { $0.number < $1.number }) {
                    print("order \(order.number): \(order.article), \(order.price)")
                }
            }
            let rest = try await store.keys.get("stock/tea").keyValues.first?.valueText
            print("tea left: \(rest ?? "none")")
        }
    }

    /// Takes one of what is in stock, if there is one. One sells at a time, whoever else is selling, and who has lost
    /// the lock takes nothing.
    static func sell(_ article: String, _ store: MartletStore) async throws -> Bool {
        try await store.keys.withLock("till") { lock in
            let key = "stock/\(article)"
            guard let found = try await store.keys.get(.key(key)).keyValues.first, let count = Int(found.valueText),
                count > 0
            else {
                print("no \(article) is left")
                return false
            }
            return try await store.keys.transaction(when: [lock.condition], then: [.put(key, "\(count - 1)")]).succeeded
        }
    }
}
