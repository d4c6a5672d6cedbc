// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletEmbedded

struct Order: Codable { var article: String }
struct Receipt: Codable { var text: String }

/// Two services in one process, with code around all their calls: who may call, how long it took, and one trace that
/// goes through both. `swift run Interceptors` runs it to its end.
@main struct Interceptors {
    static func main() async throws {
        try await MartletStore.with { store in
            try await withMicroServices([shop(store), billing(store)]) {
                try await withMicroClient(store: store) { try await buy($0) }
            }
        }
    }

    /// Prints whether a call was quick, and the trace that it belongs to.
    static let timing: HandlerInterceptor = { context, next in
        let start = ContinuousClock.now
        let trace = context.metadata["traceparent"] ?? "no trace"
        defer {
            let pace = start.duration(to: .now) < .seconds(1) ? "quick" : "slow"
            print("  \(context.service) \(context.endpoint): \(pace), \(trace)")
        }
        try await next(context)
    }

    /// Refuses calls without the right token.
    static let gate: HandlerInterceptor = { context, next in
        guard context.metadata["authorization"] == "Bearer open sesame" else {
            throw MicroError(.unauthorized, "a token, please")
        }
        try await next(context)
    }

    static func shop(_ store: MartletStore) -> MicroService {
        var service = MicroService("shop", store: store) { $0.address = "127.0.0.1:0" }
        service.intercept(self.timing)
        service.intercept(self.gate)
        service.handle("Shop.Buy") { (order: Order, context) in
            // The context's client takes deadline and trace along.
            let receipt: Receipt = try await context.client.call("billing", "Invoice.Create", order)
            return receipt
        }
        return service
    }

    static func billing(_ store: MartletStore) -> MicroService {
        var service = MicroService("billing", store: store) { $0.address = "127.0.0.1:0" }
        service.intercept(self.timing)
        service.handle("Invoice.Create") { (order: Order, context) in Receipt(text: "1 \(order.article), paid") }
        return service
    }

    static func buy(_ client: MicroClient) async throws {
        let receipt: Receipt = try await client.call("shop", "Shop.Buy", Order(article: "tea")) {
            $0.metadata["authorization"] = "Bearer open sesame"
            $0.metadata["traceparent"] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        }
        print("the receipt: \(receipt.text)")
        do {
            let _: Receipt = try await client.call("shop", "Shop.Buy", Order(article: "gold"))
        } catch let error as MicroError {
            print("without a token: \(error.code.rawValue) \(error.detail)")
        }
    }
}
