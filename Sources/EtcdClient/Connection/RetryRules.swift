// SPDX-License-Identifier: Apache-2.0

/// Whether a request may be sent again after its connection broke.
package enum RequestRepeatability: Sendable {
    /// It changes nothing, or the same however often it runs.
    case always
    /// Only if it provably did not run.
    case ifNotExecuted
}

/// Decides after each failure of one request whether it is sent again. A value without a clock.
///
/// Source: etcd's client: reads are repeated while servers are unavailable, writes only when they never got to one, and
/// a token that is no longer known is renewed once.
package struct RetryRules {
    package enum Decision: Equatable {
        /// The failure is the caller's; `leaves` when later requests had better go elsewhere.
        case giveUp(leaves: Bool)
        /// Get a new token, then send it again.
        case authenticate
        /// Send it again after a pause, to the next endpoint if `leaves`.
        case again(leaves: Bool, pause: Duration)
    }

    /// The pause after all endpoints have failed in turn, doubled each time up to the limit below.
    package static let firstPause = Duration.milliseconds(20)
    /// The longest pause: well below any time limit, so that a server that is back is found at once.
    package static let longestPause = Duration.milliseconds(500)
    /// The least time for one attempt of a request that can be repeated elsewhere.
    package static let shortestAttempt = Duration.milliseconds(250)

    private let repeatability: RequestRepeatability
    private let endpointCount: Int
    private var mayAuthenticate: Bool
    private var pause = Self.firstPause
    private var failures = 0

    /// - Parameters:
    ///   - endpointCount: How many servers can answer the request.
    ///   - isAuthenticated: Whether the request carries a token that could be renewed.
    package init(_ repeatability: RequestRepeatability, endpointCount: Int, isAuthenticated: Bool = false) {
        self.repeatability = repeatability
        self.endpointCount = endpointCount
        self.mayAuthenticate = isAuthenticated
    }

    /// How much of the time that is left the next attempt gets: half, where another server could still answer, so that
    /// one that is stopped doesn't use up all of it.
    package func attemptLimit(of left: Duration) -> Duration {
        guard self.repeatability == .always, self.endpointCount > 1 else { return left }
        return min(left, max(left / 2, Self.shortestAttempt))
    }

    package mutating func decide(_ failure: EtcdError) -> Decision {
        if failure.concernsToken, self.mayAuthenticate {
            // Once: a fresh token that is refused as well won't be better the third time.
            self.mayAuthenticate = false
            return .authenticate
        }
        let isAway = failure.code == .unavailable || failure.code == .timeout
        guard isAway || failure.wasNotExecuted else { return .giveUp(leaves: false) }
        let leaves = failure.code != .overloaded
        guard failure.wasNotExecuted || self.repeatability == .always else { return .giveUp(leaves: leaves) }
        self.failures += 1
        guard !leaves || self.failures % self.endpointCount == 0 else { return .again(leaves: true, pause: .zero) }
        defer { self.pause = min(self.pause * 2, Self.longestPause) }
        return .again(leaves: leaves, pause: self.pause)
    }
}
