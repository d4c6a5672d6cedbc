// SPDX-License-Identifier: Apache-2.0

/// What to do after an attempt failed.
package enum RetryDecision: Hashable, Sendable {
    /// Try another node at once.
    case nextNode
    /// Tell the caller.
    case giveUp

    /// Why an attempt failed, as far as it matters here.
    package enum Failure: Hashable, Sendable {
        /// The request provably didn't run: the connect failed, nothing was written, the stream was refused, or its
        /// id lies above the last one that a GOAWAY named.
        case notExecuted
        /// The connection broke, or the node went, after the request was sent: it may have run.
        case connectionLost
        /// The node answered with an error of its own.
        case answered
    }

    /// Decides.
    ///
    /// An answer is an answer: repeating a call because its handler failed would run it twice. A lost connection is
    /// repeated only where the caller said that running twice does no harm.
    ///
    /// - Parameters:
    ///   - failure: What ended the attempt.
    ///   - isIdempotent: What the caller's options say.
    ///   - attempts: How many attempts were made, this one included.
    ///   - maximumAttempts: How many may be made.
    ///   - hasOtherNode: Whether a node is left that this call hasn't tried.
    package static func after(
        _ failure: Failure, isIdempotent: Bool, attempts: Int, maximumAttempts: Int, hasOtherNode: Bool
    ) -> RetryDecision {
        guard attempts < maximumAttempts, hasOtherNode else { return .giveUp }
        switch failure {
        case .notExecuted: return .nextNode
        case .connectionLost: return isIdempotent ? .nextNode : .giveUp
        case .answered: return .giveUp
        }
    }
}
