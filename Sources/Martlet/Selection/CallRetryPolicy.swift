// SPDX-License-Identifier: Apache-2.0

/// How often a call is tried again.
///
/// Only a call that provably didn't run, or that its caller marked as idempotent, is tried again at all. First every
/// other node gets its chance, without a pause; then the call waits and goes through the nodes once more.
public struct CallRetryPolicy: Sendable, Hashable {
    /// How many attempts a call may have in all that says nothing else; 1 makes no further one. The default keeps a
    /// call from wandering through a whole sick cluster.
    public var maximumAttempts = 8

    /// How often the nodes are gone through; 1 never waits.
    public var rounds = 3

    /// The pause before the second round. A process that is restarted is often back within that time.
    public var firstPause = Duration.milliseconds(100)

    /// The longest pause; each is twice the one before. More would outlast most callers' patience.
    public var maximumPause = Duration.seconds(1)

    /// How many retries there may be a call, on the average of the last ten to twenty seconds.
    ///
    /// When a service is down as a whole, retries without a limit multiply its load just when it comes back.
    public var budgetShare = 0.2

    /// How many retries there may be in ten seconds whatever the number of calls.
    public var budgetReserve = 100

    public init() {}

    /// The pause before a round.
    ///
    /// - Parameters:
    ///   - round: The round that follows, 2 at least.
    ///   - unit: Random in `0..<1`: pauses are between half and the whole of their nominal length, so that callers who
    ///     failed together don't come back together.
    package func pause(before round: Int, unit: Double) -> Duration {
        var nominal = min(self.firstPause, self.maximumPause)
        var next = 2
        while next < round, nominal < self.maximumPause {
            nominal = min(nominal * 2, self.maximumPause)
            next += 1
        }
        return nominal / 2 + nominal / 2 * max(0, min(unit, 1))
    }
}

/// How many retries may still be made: a share of the calls, over a window that slides in two halves.
///
/// A value without a clock. Nothing is counted on the way of calls that succeed; their number is read when a retry is
/// wanted.
package struct RetryBudget: Hashable, Sendable {
    /// The length of half the window.
    package static let halfWindowNanoseconds: UInt64 = 10_000_000_000

    private var startNanoseconds: UInt64
    private var callsAtStart: UInt64
    /// The calls of the half before this one, as many as there would have been had it lasted just its length.
    private var callsBefore = 0.0
    private var retries = 0.0

    package init(calls: UInt64, nowNanoseconds: UInt64) {
        self.callsAtStart = calls
        self.startNanoseconds = nowNanoseconds
    }

    /// Whether another retry may be made; if so it is counted.
    ///
    /// - Parameters:
    ///   - calls: How many calls have been made since the beginning of time.
    package mutating func admits(_ policy: CallRetryPolicy, calls: UInt64, nowNanoseconds now: UInt64) -> Bool {
        let elapsed = now > self.startNanoseconds ? now - self.startNanoseconds : 0
        if elapsed >= Self.halfWindowNanoseconds {
            self.callsBefore =
                Double(calls &- self.callsAtStart) * Double(Self.halfWindowNanoseconds) / Double(elapsed)
            self.callsAtStart = calls
            self.startNanoseconds = now
            self.retries = 0
        }
        let allowed =
            Double(policy.budgetReserve)
            + policy.budgetShare * (self.callsBefore + Double(calls &- self.callsAtStart))
        guard self.retries + 1 <= allowed else { return false }
        self.retries += 1
        return true
    }
}
