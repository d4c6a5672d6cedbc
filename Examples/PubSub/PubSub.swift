// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletEmbedded

struct Order: Codable {
    var number: Int
    var article: String
}

/// What subscribers have done with orders.
struct Note {
    var subscriber: String
    var order: Int
}

/// One publisher and three subscribers: two that share the work of a queue, and one that sees it all. It ends by
/// itself: `swift run PubSub`. Topics are streams of the store, so that messages go between processes, too, and outlive
/// them.
@main struct PubSub {
    static func main() async throws {
        try await MartletStore.with { store in
            let (notes, note) = AsyncStream.makeStream(of: Note.self)
            let services = [
                billing("billing-1", store, note), billing("billing-2", store, note), audit(store, note),
            ]
            try await withMicroServices(services) {
                try await withMicroClient(store: store) { client in
                    for number in 1...6 { try await client.publish("orders", Order(number: number, article: "tea")) }
                }
                await self.report(notes, of: 6)
            }
        }
    }

    /// Those of one queue share its messages.
    static func billing(
        _ name: String, _ store: MartletStore, _ note: AsyncStream<Note>.Continuation
    ) -> MicroService {
        var service = MicroService(name, store: store) { $0.address = "127.0.0.1:0" }
        service.subscribe("orders", queue: "billing") { (order: Order, context) in
            // Returning acknowledges the message; throwing has it delivered again.
            if order.number == 4, context.deliveryCount == 1 { throw MicroError(.unavailable, "no paper") }
            note.yield(Note(subscriber: "billing", order: order.number))
        }
        return service
    }

    /// Without a queue a subscriber gets every message.
    static func audit(_ store: MartletStore, _ note: AsyncStream<Note>.Continuation) -> MicroService {
        var service = MicroService("audit", store: store) { $0.address = "127.0.0.1:0" }
        service.subscribe("orders") { (order: Order, _) in
            note.yield(Note(subscriber: "audit", order: order.number))
        }
        return service
    }

    /// Waits until each order was billed and seen. Subscribers handle several at once, so that their order may differ.
    static func report(_ notes: AsyncStream<Note>, of count: Int) async {
        var orders: [String: [Int]] = [:]
        for await note in notes {
            orders[note.subscriber, default: []].append(note.order)
            if orders.values.map(\.count).reduce(0, +) == 2 * count { break }
        }
        for (subscriber, numbers) in orders.sorted(by: { $0.key < $1.key }) {
            print("\(subscriber): \(numbers.sorted().map { "\($0)" }.joined(separator: ", "))")
        }
    }
}
