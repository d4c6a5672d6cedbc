// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How a service is, as `grpc.health.v1` says it.
package enum HealthStatus: Sendable, Hashable {
    case unknown
    case serving
    case notServing
    /// Told only to watchers, about a service that nobody has named.
    case serviceUnknown
}

/// Which services of a server are healthy. The empty name stands for the server as a whole; it serves at start.
///
/// Usable from any thread; changes reach watchers in the order in which they were made, though a slow watcher may see
/// only the newest of several.
package final class HealthTable: Sendable {
    private struct State {
        var statuses: [String: HealthStatus] = ["": .serving]
        var watchers: [UInt64: Watcher] = [:]
        var nextWatcher: UInt64 = 0
        var isShutDown = false
        var areWatchesEnded = false
    }

    private struct Watcher {
        var service: String
        var continuation: AsyncStream<HealthStatus>.Continuation
    }

    private let state = Mutex(State())

    package init() {}

    /// The status of `service`, or `nil` when it has never been set.
    package func status(of service: String) -> HealthStatus? {
        self.state.withLock { $0.statuses[service] }
    }

    /// All services and their statuses.
    package var statuses: [String: HealthStatus] {
        self.state.withLock { $0.statuses }
    }

    /// Sets the status of `service`. Ignored between ``shutDown()`` and ``resume()``.
    package func set(_ status: HealthStatus, for service: String) {
        self.state.withLock { state in
            guard !state.isShutDown else { return }
            state.statuses[service] = status
            // Yielded under the lock, so that no two changes pass one another; it wakes tasks and runs none.
            for watcher in state.watchers.values where watcher.service == service {
                watcher.continuation.yield(status)
            }
        }
    }

    /// Sets every service to not serving, and keeps it so until ``resume()``: the first step of a drain.
    package func shutDown() {
        self.setAll(.notServing, isShutDown: true)
    }

    /// Sets every service to serving, and takes changes again.
    package func resume() {
        self.setAll(.serving, isShutDown: false)
    }

    private func setAll(_ status: HealthStatus, isShutDown: Bool) {
        self.state.withLock { state in
            state.isShutDown = isShutDown
            for service in state.statuses.keys { state.statuses[service] = status }
            for watcher in state.watchers.values where state.statuses[watcher.service] != nil {
                watcher.continuation.yield(status)
            }
        }
    }

    /// Ends all watches, and those that come later at once, so that they hold up no drain.
    package func endWatches() {
        let watchers = self.state.withLock { state in
            state.areWatchesEnded = true
            defer { state.watchers = [:] }
            return state.watchers
        }
        for watcher in watchers.values { watcher.continuation.finish() }
    }

    /// Watches now open, for tests and metrics.
    package var watchCount: Int { self.state.withLock { $0.watchers.count } }

    /// The status of `service` now, and each change. The sequence ends by ``endWatches()`` or when its task is
    /// cancelled.
    func watch(_ service: String) -> AsyncStream<HealthStatus> {
        // A watcher that is behind wants the newest status, not the way there.
        let (stream, continuation) = AsyncStream.makeStream(
            of: HealthStatus.self, bufferingPolicy: .bufferingNewest(1))
        let id = self.state.withLock { state -> UInt64? in
            guard !state.areWatchesEnded else { return nil }
            continuation.yield(state.statuses[service] ?? .serviceUnknown)
            state.nextWatcher += 1
            state.watchers[state.nextWatcher] = Watcher(service: service, continuation: continuation)
            return state.nextWatcher
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.watchers.removeValue(forKey: id) }
        }
        return stream
    }
}
