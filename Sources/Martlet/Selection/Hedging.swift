// SPDX-License-Identifier: Apache-2.0

/// Sends a slow call to another node as well and takes the first answer. For idempotent calls only.
///
/// It trades a little load for the slowest calls: a node that stutters costs its callers ``delay``, not its pause.
public struct CallHedgingPolicy: Sendable, Hashable {
    /// How long an answer is waited for before the next node is asked too. The time within which nineteen of twenty
    /// calls are answered is a good choice: then hedging adds a twentieth to the load.
    public var delay: Duration

    /// How many nodes may be asked beside the first.
    public var maximumExtra: Int

    public init(delay: Duration, maximumExtra: Int = 1) {
        self.delay = delay
        self.maximumExtra = maximumExtra
    }
}

/// Where a hedged call stands: how many attempts run, and what an event calls for. A value without a clock.
package struct HedgedCall: Sendable, Hashable {
    /// What happened.
    package enum Event: Sendable, Hashable {
        /// An attempt was started.
        case started
        /// The delay has passed since the last attempt began.
        case delayPassed
        /// An attempt failed.
        case failed(RetryDecision)
    }

    package enum Action: Sendable, Hashable {
        /// Ask another node too, if there is one and the budget allows it.
        case startAnother
        /// Go on waiting for what runs.
        case wait
        /// Do what the decision about the last failure says: nothing runs any more.
        case follow(RetryDecision)
    }

    private let maximumExtra: Int
    package private(set) var running = 0
    /// Attempts that were made because an answer was late.
    package private(set) var extra = 0

    package init(_ policy: CallHedgingPolicy) { self.maximumExtra = max(0, policy.maximumExtra) }

    /// Whether another delay is worth waiting for.
    package var mayHedge: Bool { self.extra < self.maximumExtra && self.running > 0 }

    package mutating func handle(_ event: Event) -> Action {
        switch event {
        case .started:
            self.running += 1
            return .wait
        case .delayPassed:
            guard self.mayHedge else { return .wait }
            self.extra += 1
            return .startAnother
        case .failed(let decision):
            self.running -= 1
            // A decided answer of one node doesn't end the call while another may still answer well: both were asked
            // because the caller said that running twice does no harm.
            if decision == .nextNode { return .follow(.nextNode) }
            return self.running > 0 ? .wait : .follow(decision)
        }
    }
}
