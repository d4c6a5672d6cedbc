// SPDX-License-Identifier: Apache-2.0

import Martlet

struct Order: Codable { var article: String }
struct Receipt: Codable { var text: String }

/// Two services in one process, with code around all their calls: who may call, how long it took, and one trace that
/// goes through both. `swift run Interceptors` runs it to its end.
@main struct Interceptors {
    static func main() async throws {
        let registry = InMemoryRegistry()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in [self.shop(registry), self.billing(registry)] {
                group.addTask { try await service.run() }
            }
            try await withMicroClient(registry: registry) { try await self.buy($0) }
            group.cancelAll()
        }
    }

    /// Prints what each call took, and the trace that it belongs to.
    static let timing: HandlerInterceptor = { context, next in
        let start = ContinuousClock.now
        let trace = context.metadata["traceparent"] ?? "no trace"
        defer { print("  \(context.service) \(context.endpoint): \(start.duration(to: .now)), \(trace)") }
        try await next(context)
    }

    /// Refuses calls without the right token.
    static let gate: HandlerInterceptor = { context, next in
        guard context.metadata["authorization"] == "Bearer open sesame" else {
            throw MicroError(.unauthorized, "a token, please")
        }
        try await next(context)
    }

    static func shop(_ registry: InMemoryRegistry) -> MicroService {
        var service = MicroService("shop", registry: registry) { $0.address = "127.0.0.1:0" }
        service.intercept(self.timing)
        service.intercept(self.gate)
        service.handle("Shop.Buy") { (order: Order, context) in
            // The context's client takes deadline and trace along.
            let receipt: Receipt = try await context.client.call("billing", "Invoice.Create", order)
            return receipt
        }
        return service
    }

    static func billing(_ registry: InMemoryRegistry) -> MicroService {
        var service = MicroService("billing", registry: registry) { $0.address = "127.0.0.1:0" }
        service.intercept(self.timing)
        service.handle("Invoice.Create") { (order: Order, context) in Receipt(text: "1 \(order.article), paid") }
        return service
    }

    static func buy(_ client: MicroClient) async throws {
        // Services are found as soon as they are registered.
        while true {
            do {
                let receipt: Receipt = try await client.call("shop", "Shop.Buy", Order(article: "tea")) {
                    $0.metadata["authorization"] = "Bearer open sesame"
                    $0.metadata["traceparent"] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
                }
                print("the receipt: \(receipt.text)")
                break
            } catch let error as MicroError where error.detail.hasSuffix("not found") {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
        do {
            let _: Receipt = try await client.call("shop", "Shop.Buy", Order(article: "gold"))
        } catch let error as MicroError {
            print("without a token: \(error.code.rawValue) \(error.detail)")
        }
    }
}
