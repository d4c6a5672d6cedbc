// SPDX-License-Identifier: Apache-2.0

public import Martlet

extension MicroService {
    /// Runs the service, and others that it needs, as long as `body` does.
    ///
    ///     @Test(arguments: MicroTestDepth.allCases) func hello(_ depth: MicroTestDepth) async throws {
    ///         try await service.test(depth) { client in
    ///             let reply: HelloResponse = try await client.call(
    ///                 service.name, "Greeter.Hello", HelloRequest(name: "John"))
    ///             #expect(reply.greeting == "Hello John")
    ///         }
    ///     }
    ///
    /// The services are found in a registry of the test's own, whatever registry they were made with; so are those that
    /// a handler calls through ``HandlerContext/client``. Tests may run at the same time, each with its own copies.
    ///
    /// - Parameters:
    ///   - depth: Whether calls go through real sockets.
    ///   - others: Services that handlers of this one call.
    ///   - configure: Changes the configuration of the client that `body` gets.
    ///   - body: Makes the calls and looks at what comes back.
    /// - Returns: What `body` returns.
    /// - Throws: What `body` throws, or what kept a service from starting.
    @discardableResult
    public func test<Result>(
        _ depth: MicroTestDepth = .handler, alongside others: [MicroService] = [],
        configure: (inout MicroClient.Configuration) -> Void = { _ in },
        _ body: (MicroClient) async throws -> Result
    ) async throws -> Result {
        let registry = InMemoryRegistry()
        var running: [RunningService] = []
        do {
            for service in [self] + others {
                running.append(try await RunningService.start(service, depth, registry))
            }
            let result = try await withMicroClient(registry: registry, configure: configure) { try await body($0) }
            for service in running { try await service.end() }
            return result
        } catch {
            // The first error is the one that matters.
            for service in running { try? await service.end() }
            throw error
        }
    }
}
