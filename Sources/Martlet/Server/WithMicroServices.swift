// SPDX-License-Identifier: Apache-2.0

/// Runs services while `body` runs: all of them take calls and messages when it begins, and end when it does.
///
///     try await withMicroServices([shop, billing]) {
///         let receipt: Receipt = try await client.call("shop", "Shop.Buy", Order(article: "tea"))
///         print(receipt.text)
///     }
///
/// For programs that end by themselves: examples, tools, migrations. A server runs until it is told to end; see
/// ``MicroService/runService()``.
///
/// - Parameters:
///   - services: They start one after the other, and end together, each as ``MicroService/run()`` describes.
///   - body: What they are needed for.
/// - Returns: What `body` returns.
/// - Throws: What `body` throws, or what kept a service from starting or made it end.
@discardableResult
public func withMicroServices<Result>(
    _ services: [MicroService], _ body: () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for var service in services {
            let (starts, started) = AsyncStream.makeStream(of: Void.self)
            // Behind the service's own hooks: what they prepare is there when it counts as started.
            service.afterStart { _ in started.yield() }
            group.addTask { [service] in
                defer { started.finish() }
                try await service.run()
            }
            if await starts.first(where: { _ in true }) != nil { continue }
            // It ended instead, or this task was cancelled.
            group.cancelAll()
            try await group.waitForAll()
            try Task.checkCancellation()
            throw MicroError(.internalServerError, "\(service.name) ended before it took calls")
        }
        let result = try await body()
        group.cancelAll()
        try await group.waitForAll()
        return result
    }
}
