// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// What a client remembers of the calls to one service, beside its nodes.
package final class CallCounters: Sendable {
    private let numbers = Atomic<UInt64>(0)
    private let calls = Atomic<UInt64>(0)
    private let nextLook: Atomic<UInt64>
    private let budget: Mutex<RetryBudget>

    /// Where a round begins. Clients that live for one call each must not all call the same node.
    let offset: UInt64

    package init(offset: UInt64, nowNanoseconds: UInt64, lookInterval: UInt64) {
        self.offset = offset
        self.nextLook = Atomic(nowNanoseconds &+ lookInterval)
        self.budget = Mutex(RetryBudget(calls: 0, nowNanoseconds: nowNanoseconds))
    }

    /// The number of a choice: 0, 1, 2 and so on.
    func nextNumber() -> UInt64 { self.numbers.add(1, ordering: .relaxed).oldValue }

    /// Counts a call, which earns a share of a retry.
    func countCall() { self.calls.add(1, ordering: .relaxed) }

    /// Whether a retry may be made; if so it is counted.
    func admitsRetry(_ policy: CallRetryPolicy, nowNanoseconds: UInt64) -> Bool {
        let calls = self.calls.load(ordering: .relaxed)
        return self.budget.withLock { $0.admits(policy, calls: calls, nowNanoseconds: nowNanoseconds) }
    }

    /// Whether it is time to compare the nodes: true for one caller an interval.
    func takeLook(_ nowNanoseconds: UInt64, interval: UInt64) -> Bool {
        let next = self.nextLook.load(ordering: .relaxed)
        guard next <= nowNanoseconds else { return false }
        return self.nextLook.compareExchange(
            expected: next, desired: nowNanoseconds &+ interval, ordering: .relaxed
        ).exchanged
    }
}
