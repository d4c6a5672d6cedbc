// SPDX-License-Identifier: Apache-2.0

/// What to do after an attempt failed.
package enum RetryDecision: Hashable, Sendable {
    /// Try another node at once.
    case nextNode
    /// Every node had its chance: wait, then begin another round.
    case pause
    /// Tell the caller.
    case giveUp

    /// Why an attempt failed, as far as it matters here.
    package enum Failure: Hashable, Sendable {
        /// No connection could be made: the request didn't run, and no server has had work with it.
        case notConnected
        /// The request provably didn't run: nothing was written, the stream was refused, or its id lies above the last
        /// one that a GOAWAY named.
        case notExecuted
        /// The connection broke, or the node went, after the request was sent: it may have run.
        case connectionLost
        /// The attempt, not the call, has run out of time: it may still run.
        case attemptTimedOut
        /// The node answered with an error of its own.
        case answered
    }

    /// Whether the call may be tried again at all.
    ///
    /// An answer is an answer: repeating a call because its handler failed would run it twice. A lost connection is
    /// repeated only where the caller said that running twice does no harm.
    package static func mayRepeat(_ failure: Failure, isIdempotent: Bool) -> Bool {
        switch failure {
        case .notConnected, .notExecuted: true
        case .connectionLost, .attemptTimedOut: isIdempotent
        case .answered: false
        }
    }

    /// Decides.
    ///
    /// - Parameters:
    ///   - failure: What ended the attempt.
    ///   - isIdempotent: What the caller's options say.
    ///   - attempts: How many attempts were made, this one included.
    ///   - maximumAttempts: How many may be made.
    ///   - hasOtherNode: Whether a node is left that this round hasn't tried.
    ///   - round: The round that the attempt belongs to, 1 for the first.
    ///   - rounds: How many there may be.
    package static func after(
        _ failure: Failure, isIdempotent: Bool, attempts: Int, maximumAttempts: Int, hasOtherNode: Bool,
        round: Int, rounds: Int
    ) -> RetryDecision {
        guard attempts < maximumAttempts, self.mayRepeat(failure, isIdempotent: isIdempotent) else { return .giveUp }
        if hasOtherNode { return .nextNode }
        return round < rounds ? .pause : .giveUp
    }
}
