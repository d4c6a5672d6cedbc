// SPDX-License-Identifier: Apache-2.0

/// When a node gets no calls because calls to it fail.
public struct BreakerPolicy: Sendable, Hashable {
    /// After so many failed answers in a row the node is left alone: errors of the server's own making (codes from 500
    /// up, but not 501) and passed deadlines. `nil` minds broken connections only.
    ///
    /// A connection that broke or could not be made counts at once: whoever lost one node should not lose a call more.
    public var failures: Int? = 5

    /// How long a node is left alone at first. Most nodes that refuse connections are about to restart.
    public var firstPause = Duration.milliseconds(100)

    /// The longest pause; each is twice the one before. It is the interval at which registrations are refreshed.
    public var maximumPause = Duration.seconds(5)

    public init() {}
}

/// Whether one node may be called: closed, open for a while, or open for one call that shows how the node is.
///
/// A value: time and randomness come in.
package struct CircuitBreaker: Sendable, Hashable {
    /// Answers that failed since the last good one.
    package private(set) var failures = 0
    /// How often the breaker opened since the last good answer.
    package private(set) var openings = 0
    /// Until when no call goes out, in nanoseconds of whatever clock the caller reads; 0 while the breaker is closed.
    ///
    /// Past that moment the next call is the one that tries the node.
    package private(set) var blockedUntilNanoseconds: UInt64 = 0

    /// The one call through the open breaker is under way.
    private var isProbing = false

    /// Pauses have reached their limit long before; more doublings would overflow.
    private static let maximumDoublings = 20

    package init() {}

    package var isClosed: Bool { self.blockedUntilNanoseconds == 0 }

    /// Whether a call may go out now. While the breaker is open only one is let through each pause.
    package mutating func admits(_ policy: BreakerPolicy, nowNanoseconds now: UInt64) -> Bool {
        if self.isClosed { return true }
        guard self.blockedUntilNanoseconds <= now else { return false }
        // A node that leaves its probes without an answer gets fewer and fewer.
        if self.isProbing { self.openings += 1 }
        self.isProbing = true
        // Should this call never report, the next one may try after a pause.
        self.blockedUntilNanoseconds = now &+ self.pause(policy, unit: 0.5)
        return true
    }

    /// A connection broke or could not be made.
    package mutating func lostConnection(_ policy: BreakerPolicy, nowNanoseconds now: UInt64, unit: Double) {
        // Calls that waited for the same connection fail together: one failure, not many.
        guard self.isClosed || self.isProbing || self.blockedUntilNanoseconds <= now else { return }
        self.open(policy, now, unit)
    }

    /// The node answered with an error of its own making, or not in time.
    package mutating func answeredBadly(_ policy: BreakerPolicy, nowNanoseconds now: UInt64, unit: Double) {
        guard let limit = policy.failures else { return self.answeredWell() }
        self.failures += 1
        if self.isClosed {
            if self.failures >= limit { self.open(policy, now, unit) }
        } else if self.isProbing || self.blockedUntilNanoseconds <= now {
            self.open(policy, now, unit)
        }
    }

    /// The node answered well.
    package mutating func answeredWell() { self = CircuitBreaker() }

    private mutating func open(_ policy: BreakerPolicy, _ now: UInt64, _ unit: Double) {
        self.openings += 1
        self.isProbing = false
        self.blockedUntilNanoseconds = now &+ self.pause(policy, unit: unit)
    }

    /// A pause of this opening's length, a fifth more or less.
    private func pause(_ policy: BreakerPolicy, unit: Double) -> UInt64 {
        let first = max(1, policy.firstPause.nanosecondCount)
        let longest = max(first, policy.maximumPause.nanosecondCount)
        let doublings = min(max(self.openings - 1, 0), Self.maximumDoublings)
        let (doubled, isOverflow) = first.multipliedReportingOverflow(by: 1 << UInt64(doublings))
        let nominal = isOverflow ? longest : min(doubled, longest)
        return max(1, UInt64(Double(nominal) * (0.8 + 0.4 * max(0, min(unit, 1)))))
    }
}

extension Duration {
    /// The duration in nanoseconds; a negative one is 0, one of more than a century is a century.
    package var nanosecondCount: UInt64 {
        let century = 100 * 365 * 24 * 3600 as Int64
        let (seconds, attoseconds) = self.components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(min(seconds, century)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
