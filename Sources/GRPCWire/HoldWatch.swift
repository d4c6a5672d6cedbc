// SPDX-License-Identifier: Apache-2.0

package import Logging
package import NIOCore
import Synchronization

/// Notices handlers that keep their event loop from other work.
package final class HoldWatch: Sendable {
    /// A loop that is held this long delays every other call on it noticeably.
    package static let limit = TimeAmount.milliseconds(50)
    /// One line an endpoint in this time: a handler that holds its loop on each call must not fill the log.
    static let quietTime = TimeAmount.seconds(10)
    /// Endpoints whose last line is remembered.
    static let rememberedEndpoints = 256

    private struct State {
        var count = 0
        var lastReport: [String: NIODeadline] = [:]
    }

    private let state = Mutex(State())
    private let logger: Logger

    package init(logger: Logger) {
        self.logger = logger
    }

    /// How often a handler held its loop for longer than ``limit``.
    package var count: Int { self.state.withLock { $0.count } }

    @inline(__always)
    func check(_ executor: EndpointExecutor, held: TimeAmount) {
        if held > Self.limit { self.report(executor.name, held: held) }
    }

    @inline(never)
    func report(_ endpoint: String, held: TimeAmount) {
        let now = NIODeadline.now()
        let mustLog = self.state.withLock { state in
            state.count += 1
            if let last = state.lastReport[endpoint], now - last < Self.quietTime { return false }
            if state.lastReport.count >= Self.rememberedEndpoints { state.lastReport.removeAll() }
            state.lastReport[endpoint] = now
            return true
        }
        guard mustLog else { return }
        self.logger.warning(
            "a handler held its event loop; run it on .concurrentPool or .blockingPool",
            metadata: ["endpoint": "\(endpoint)", "milliseconds": "\(held.nanoseconds / 1_000_000)"])
    }
}
