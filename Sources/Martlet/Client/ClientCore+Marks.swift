// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import NIOCore

/// What a call has gone through so far.
struct CallProgress {
    var trail = CallTrail()
    /// The nodes that this round has tried.
    var tried: [NodeChannel] = []
    var round = 1
    /// An attempt failed for another reason than an answer, or there were several: the caller wants to know of them.
    var isWorthTelling = false
}

/// How the results of attempts come back to the nodes, and what follows from a failed one.
extension ClientCore {
    struct AttemptEnd {
        let decision: RetryDecision
        let other: NodeChannel?
        /// What the caller is told if this was the last attempt.
        let error: any Error
    }

    /// An attempt was answered well.
    func ended(_ call: OutgoingCall, _ attempt: Attempt, answeredAfter start: NIODeadline) {
        let now = NIODeadline.now()
        self.mark(call, attempt, .answered(after: Self.latency(start, now)), now)
    }

    /// A stream has ended.
    ///
    /// - Parameter status: What the server or the wire said; `nil` when it was this side that ended it.
    func ended(_ call: OutgoingCall, _ attempt: Attempt, _ status: GRPCStatus?) {
        var outcome = NodeOutcome.abandoned
        if let status {
            outcome =
                status.code == .ok
                ? .answered(after: .zero)
                : CallFailure.outcome(of: status, CallFailure.error(for: status), latency: .zero)
        }
        self.mark(call, attempt, outcome, .now())
    }

    /// An attempt failed: marks its node and decides what follows.
    func failed(
        _ call: OutgoingCall, _ attempt: Attempt, _ status: GRPCStatus, _ progress: inout CallProgress
    ) -> AttemptEnd {
        let now = NIODeadline.now()
        let error = CallFailure.error(for: status)
        let failure = CallFailure.kind(of: status, isAttemptTimeout: call.isAttemptTimeout(status, now))
        self.mark(
            call, attempt, CallFailure.outcome(of: status, error, latency: Self.latency(attempt.start, now)), now)
        progress.trail.failed(attempt.channel.node, status)
        progress.tried.append(attempt.channel)
        call.outcome?.attemptFailed(
            FailedAttempt(number: progress.trail.attempts, node: attempt.channel.node, error: error))
        if failure != .answered || progress.trail.attempts > 1 { progress.isWorthTelling = true }

        let isIdempotent = call.options.isIdempotent
        guard RetryDecision.mayRepeat(failure, isIdempotent: isIdempotent), !Task.isCancelled,
            progress.trail.attempts < call.maximumAttempts,
            failure == .notConnected
                || attempt.set.counters.admitsRetry(
                    self.configuration.retries, nowNanoseconds: now.uptimeNanoseconds)
        else { return AttemptEnd(decision: .giveUp, other: nil, error: error) }
        if let deadline = call.deadline, deadline <= now {
            return AttemptEnd(decision: .giveUp, other: nil, error: MicroError.deadlineExceeded)
        }
        let other = self.other(call, attempt.set, tried: progress.tried)
        let decision = RetryDecision.after(
            failure, isIdempotent: isIdempotent, attempts: progress.trail.attempts,
            maximumAttempts: call.maximumAttempts, hasOtherNode: other != nil, round: progress.round,
            rounds: self.configuration.retries.rounds)
        return AttemptEnd(decision: decision, other: other, error: error)
    }

    /// A node that the call hasn't been tried on in this round.
    func other(_ call: OutgoingCall, _ set: NodeSet, tried: [NodeChannel]) -> NodeChannel? {
        guard call.options.address == nil else { return nil }
        return self.choose(
            self.currentSet(call.service) ?? set, call.endpoint, call.options, tried: tried)
    }

    /// Tells the node, and a selector of the user's, how an attempt ended.
    func mark(_ call: OutgoingCall, _ attempt: Attempt, _ outcome: NodeOutcome, _ now: NIODeadline) {
        attempt.channel.end(outcome, nowNanoseconds: now.uptimeNanoseconds)
        if case .prepared(let identity) = (call.options.selector ?? self.configuration.selector).strategy {
            let filters = call.options.filters ?? self.configuration.filters
            let view = attempt.set.view(filters, endpoint: call.endpoint)
            if view.count > 0 { view.prepared(identity).mark(attempt.channel.node, outcome) }
        }
        self.compareNodes(attempt.set, nowNanoseconds: now.uptimeNanoseconds)
    }

    private static func latency(_ start: NIODeadline, _ end: NIODeadline) -> Duration {
        // Never zero, which stands for a latency that nobody measured.
        .nanoseconds(max(1, (end - start).nanoseconds))
    }
}
