// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import MartletGRPCWire
import MartletHTTP2Session
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// The address of a listening server as a client takes it.
extension SocketAddress {
    var wireAddress: WireAddress { .hostPort(self.ipAddress ?? "127.0.0.1", self.port ?? 0) }
}

extension Logger {
    /// Says nothing: tests look at what a server does, not at its log.
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

// `@_optimize(none)`: Swift 6.3.1 in release form gives one call of such a function another call's `configure`.

/// Serves `router` on a loopback port for the time of `body`.
@_optimize(none)
func withServer<Result>(
    _ router: GRPCRouter, group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
    logger: Logger = .silent, configure: (inout WireServerConfiguration) -> Void = { _ in },
    _ body: (WireServer, WireAddress) async throws -> Result
) async throws -> Result {
    var configuration = WireServerConfiguration()
    configure(&configuration)
    let server = try WireServer(
        router: router, configuration: configuration, eventLoopGroup: group, logger: logger)
    let address = try await server.bind(.hostPort("127.0.0.1", 0))
    do {
        let result = try await body(server, address.wireAddress)
        await server.close()
        return result
    } catch {
        await server.close()
        throw error
    }
}

/// A client of `target` for the time of `body`.
@_optimize(none)
func withClient<Result>(
    _ target: WireAddress, group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
    configure: (inout WireClientConfiguration) -> Void = { _ in }, _ body: (WireClient) async throws -> Result
) async throws -> Result {
    var configuration = WireClientConfiguration()
    // Where both cores are taken a handshake may take longer than the usual five seconds.
    configuration.connectTimeout = .seconds(120)
    configure(&configuration)
    let client = try WireClient(target, configuration: configuration, eventLoopGroup: group, logger: .silent)
    do {
        let result = try await body(client)
        await client.close()
        return result
    } catch {
        await client.close()
        throw error
    }
}

/// A server of `router` and a client of it.
@_optimize(none)
func withWire<Result>(
    _ router: GRPCRouter, server configureServer: (inout WireServerConfiguration) -> Void = { _ in },
    client configureClient: (inout WireClientConfiguration) -> Void = { _ in },
    _ body: (WireClient, WireServer) async throws -> Result
) async throws -> Result {
    try await withServer(router, configure: configureServer) { server, address in
        try await withClient(address, configure: configureClient) { client in
            try await body(client, server)
        }
    }
}

/// The status with which `body` ends, or `nil` after recording that it did not fail with one.
@discardableResult
func status(
    _ code: GRPCStatusCode? = nil, _ message: String? = nil, sourceLocation: SourceLocation = #_sourceLocation,
    of body: () async throws -> Void
) async -> GRPCStatus? {
    do {
        try await body()
        Issue.record("no error was thrown", sourceLocation: sourceLocation)
    } catch let status as GRPCStatus {
        if let code { #expect(status.code == code, "\(status)", sourceLocation: sourceLocation) }
        if let message { #expect(status.message == message, sourceLocation: sourceLocation) }
        return status
    } catch {
        Issue.record("no status: \(error)", sourceLocation: sourceLocation)
    }
    return nil
}

/// Waits until `condition` holds. The limit is long: it is met only when the test fails.
func eventually(
    _ what: String, within limit: Duration = .seconds(300), sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: limit)
    while try await !condition() {
        if clock.now > end {
            Issue.record("not within \(limit): \(what)", sourceLocation: sourceLocation)
            return
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Something that happens once on one side of a test and is awaited on the other.
final class Signal: Sendable {
    private let happened = Mutex(false)

    func fire() { self.happened.withLock { $0 = true } }

    var hasFired: Bool { self.happened.withLock { $0 } }

    func wait(
        _ what: String, within limit: Duration = .seconds(300), sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await eventually(what, within: limit, sourceLocation: sourceLocation) { self.hasFired }
    }
}

/// A number that several tasks raise.
final class Counter: Sendable {
    private let value = Mutex(0)

    @discardableResult
    func add(_ amount: Int = 1) -> Int {
        self.value.withLock {
            $0 += amount
            return $0
        }
    }

    var count: Int { self.value.withLock { $0 } }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

/// The seed of this run's randomised tests: `MARTLET_SEED`, or a new one, printed.
func testSeed(_ name: String = #function) -> UInt64 {
    let given = ProcessInfo.processInfo.environment["MARTLET_SEED"].flatMap { UInt64($0) }
    let seed = given ?? .random(in: 0...(.max))
    print("\(name): MARTLET_SEED=\(seed)")
    return seed
}
