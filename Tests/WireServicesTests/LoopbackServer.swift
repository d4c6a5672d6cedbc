// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletGRPCWire
import NIOCore

/// A server on a free port of the loopback interface and a client of it, closed when `body` returns.
func withLoopback<Result>(
    _ router: GRPCRouter, _ body: (WireClient) async throws -> Result
) async throws -> Result {
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let server = try WireServer(router: router, logger: logger)
    let address = try await server.bind(.hostPort("127.0.0.1", 0))
    let client = try WireClient(.hostPort("127.0.0.1", address.port ?? 0), logger: logger)
    do {
        let result = try await body(client)
        await client.close()
        await server.close()
        return result
    } catch {
        await client.close()
        await server.close()
        throw error
    }
}

/// Waits until `condition` holds; returns whether it did before a test that hangs has to end.
func eventually(_ condition: () -> Bool) async throws -> Bool {
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: .seconds(300))
    while clock.now < end {
        if condition() { return true }
        try await Task.sleep(for: .milliseconds(2))
    }
    return condition()
}
