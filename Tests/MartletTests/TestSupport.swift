// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Martlet
import MartletTestPrograms

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

/// Gives services and registries the time that they take where both cores are taken: there the usual five seconds, and
/// one for a connect, end calls that would be answered.
func patiently(_ configuration: inout MicroClient.Configuration) {
    configuration.timeout = patience
    configuration.connectTimeout = patience / 3
    configuration.registryPatience = patience
    configuration.mirrorPatience = patience
    // Whoever had no turn for a while isn't put out for that.
    configuration.ejection = nil
}

/// A box that handlers of several tasks write to.
actor Recorder<Value: Sendable> {
    private(set) var values: [Value] = []

    func add(_ value: Value) { self.values.append(value) }
}

/// Runs a service on loopback while `body` runs, and ends it.
///
/// - Parameters:
///   - inProcess: Whether clients of this process may leave out the socket: most tests are about the wire.
///   - drainLimit: How long calls have that are under way when `body` is over.
@discardableResult
func withService<Result: Sendable>(
    _ service: MicroService, inProcess: Bool = false, drainLimit: Duration = .seconds(2),
    _ body: (NodeRecord) async throws -> Result
) async throws -> Result {
    var service = service
    let (nodes, continuation) = AsyncStream.makeStream(of: NodeRecord.self)
    service.configuration.address = "127.0.0.1:0"
    service.configuration.answersInProcess = inProcess
    service.configuration.drainDelay = .milliseconds(1)
    service.configuration.drainLimit = drainLimit
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
