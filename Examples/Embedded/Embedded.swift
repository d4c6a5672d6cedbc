// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletEmbedded

struct Order: Codable {
    var number: Int
    var article: String
}

/// A shop in one process: its stock are keys, its orders a stream, and billing is a service that is found, and gets its
/// work, through the same store. `swift run Embedded` keeps it in memory, with `MARTLET_STORE=embedded:shop` in a
/// folder; `MARTLET_STORE='etcd://127.0.0.1:2379, redis://127.0.0.1:6379'` moves the program to servers: `martlet
/// server`, or etcd and Redis.
@main struct Embedded {
    static func main() async throws {
        try await MartletStore.with { store in
            print("the store is \(store.address)")
            try await store.keys.put("stock/tea", "3")
            var billing = MicroService("billing", store: store) { $0.address = "127.0.0.1:0" }
            let (bills, billed) = AsyncStream.makeStream(of: Int.self)
            billing.subscribe("orders", queue: "billing") { (order: Order, _) in
                print("order \(order.number): \(order.article)")
                billed.yield(order.number)
            }
            let (starts, started) = AsyncStream.makeStream(of: Void.self)
            billing.configuration.afterStart = { _ in started.yield() }
            try await withThrowingTaskGroup(of: Void.self) { [billing] group in
                group.addTask { try await billing.run() }
                for await _ in starts { break }
                let client = MicroClient(store: store)
                for number in 1...4 where try await sell("tea", store) {
                    try await client.publish("orders", Order(number: number, article: "tea"))
                }
                var left = 3
                for await _ in bills {
                    left -= 1
                    if left == 0 { break }
                }
                await client.close()
                group.cancelAll()
            }
            let rest = try await store.keys.get("stock/tea").keyValues.first?.valueText
            print("tea left: \(rest ?? "none")")
        }
    }

    /// Takes one of what is in stock, if there is one, whoever else is selling.
    static func sell(_ article: String, _ store: MartletStore) async throws -> Bool {
        let key = "stock/\(article)"
        while true {
            guard let found = try await store.keys.get(.key(key)).keyValues.first, let count = Int(found.valueText),
                count > 0
            else {
                print("no \(article) is left")
                return false
            }
            let sale = try await store.keys.transaction(
                when: [.modRevision(.key(key), .equal, found.modRevision)], then: [.put(key, "\(count - 1)")])
            if sale.succeeded { return true }
        }
    }
}
