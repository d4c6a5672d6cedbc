// SPDX-License-Identifier: Apache-2.0

/// When a lease is to be renewed next. A value without a clock: moments come in, pauses come out.
package struct LeasePace {
    /// The pause after a renewal that failed: long enough for a leader to be elected, short beside any time to live.
    package static let retryPause = Duration.milliseconds(500)
    /// The shortest pause after a renewal, so that a lease of a second, or of none, doesn't make a busy loop.
    package static let shortestPause = Duration.milliseconds(100)
    /// The longest pause: a lease that lives for years is still looked after within reason.
    package static let longestPause = Duration.seconds(3600)

    /// Until when the lease lives for sure; `nil` before the first answer.
    package private(set) var end: ContinuousClock.Instant?

    package init() {}

    /// The lease was renewed by a request that left at `now`: the server counts from no earlier. Returns the pause
    /// before the next time, a third of its life.
    package mutating func renewed(ttlSeconds: Int64, at now: ContinuousClock.Instant) -> Duration {
        self.end = now + .seconds(ttlSeconds)
        return Self.pause(ttlSeconds: ttlSeconds)
    }

    /// The pause between two renewals.
    package static func pause(ttlSeconds: Int64) -> Duration {
        min(max(.seconds(ttlSeconds) / 3, Self.shortestPause), Self.longestPause)
    }

    /// The server could not be reached. Returns the pause before the next try; `nil` when the lease has ended by now.
    package func failed(at now: ContinuousClock.Instant) -> Duration? {
        if let end = self.end, end <= now { return nil }
        return Self.retryPause
    }
}
