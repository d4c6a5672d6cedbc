// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Martlet

/// The seed of a randomised test: `MARTLET_SEED`, or a fresh one that is printed.
func testSeed() -> UInt64 {
    let seed = ProcessInfo.processInfo.environment["MARTLET_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...UInt64.max)
    print("MARTLET_SEED=\(seed)")
    return seed
}

struct SplitMix {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var bits = self.state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((bits ^ (bits >> 31)) % UInt64(bound))
    }
}

/// A box that handlers of several tasks write to.
actor Recorder<Value: Sendable> {
    private(set) var values: [Value] = []

    func add(_ value: Value) { self.values.append(value) }
}

/// Waits until a condition holds, at most `limit`.
func eventually(_ limit: Duration = .seconds(30), _ condition: () async throws -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(5))
    }
    return try await condition()
}

/// Runs a service on loopback while `body` runs, and ends it.
///
/// - Parameter inProcess: Whether clients of this process may leave out the socket: most tests are about the wire.
@discardableResult
func withService<Result: Sendable>(
    _ service: MicroService, inProcess: Bool = false, _ body: (NodeRecord) async throws -> Result
) async throws -> Result {
    var service = service
    let (nodes, continuation) = AsyncStream.makeStream(of: NodeRecord.self)
    service.configuration.address = "127.0.0.1:0"
    service.configuration.answersInProcess = inProcess
    service.configuration.drainDelay = .milliseconds(1)
    service.configuration.drainLimit = .seconds(2)
    service.configuration.afterStart = { continuation.yield($0) }
    let running = service
    let task = Task {
        defer { continuation.finish() }
        try await running.run()
    }
    let first = await nodes.first { _ in true }
    guard let node = first else {
        try await task.value
        throw MicroError(.internalServerError, "the service ended before it started")
    }
    do {
        let result = try await body(node)
        task.cancel()
        try await task.value
        return result
    } catch {
        task.cancel()
        _ = await task.result
        throw error
    }
}
