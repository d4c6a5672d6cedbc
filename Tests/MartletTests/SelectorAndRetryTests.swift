// SPDX-License-Identifier: Apache-2.0

import Martlet
import Testing

@Suite struct RetryDecisionTests {
    static func decide(
        _ failure: RetryDecision.Failure, isIdempotent: Bool = false, attempts: Int = 1, hasOtherNode: Bool = true,
        round: Int = 1
    ) -> RetryDecision {
        .after(
            failure, isIdempotent: isIdempotent, attempts: attempts, maximumAttempts: 3, hasOtherNode: hasOtherNode,
            round: round, rounds: 2)
    }

    @Test func onlyWhatDidNotRunOrMayRunTwiceIsRepeated() {
        #expect(Self.decide(.notConnected) == .nextNode)
        #expect(Self.decide(.notExecuted) == .nextNode)
        #expect(Self.decide(.connectionLost) == .giveUp)
        #expect(Self.decide(.connectionLost, isIdempotent: true) == .nextNode)
        #expect(Self.decide(.attemptTimedOut) == .giveUp)
        #expect(Self.decide(.attemptTimedOut, isIdempotent: true) == .nextNode)
        #expect(Self.decide(.answered) == .giveUp)
        #expect(Self.decide(.answered, isIdempotent: true) == .giveUp)
    }

    @Test func limitsHold() {
        #expect(Self.decide(.notExecuted, attempts: 2) == .nextNode)
        #expect(Self.decide(.notExecuted, attempts: 3) == .giveUp)
        #expect(Self.decide(.notExecuted, hasOtherNode: false) == .pause)
        #expect(Self.decide(.notExecuted, hasOtherNode: false, round: 2) == .giveUp)
        #expect(Self.decide(.connectionLost, hasOtherNode: false) == .giveUp)
    }

    @Test func pausesDoubleAreCappedAndJittered() {
        var policy = CallRetryPolicy()
        policy.firstPause = .milliseconds(100)
        policy.maximumPause = .milliseconds(350)
        func microseconds(_ round: Int, _ unit: Double) -> UInt64 {
            (policy.pause(before: round, unit: unit).nanosecondCount + 500) / 1000
        }
        #expect(microseconds(2, 0) == 50_000)
        #expect(microseconds(2, 1) == 100_000)
        #expect(microseconds(3, 1) == 200_000)
        #expect(microseconds(4, 1) == 350_000)
        #expect(microseconds(1_000_000, 0.5) == 262_500)
    }

    @Test func theBudgetIsAShareOfTheCalls() {
        var policy = CallRetryPolicy()
        policy.budgetReserve = 10
        policy.budgetShare = 0.5
        let second: UInt64 = 1_000_000_000
        var budget = RetryBudget(calls: 0, nowNanoseconds: 0)
        func admitted(_ calls: UInt64, _ now: UInt64) -> Int {
            (0..<1000).count { _ in budget.admits(policy, calls: calls, nowNanoseconds: now) }
        }
        #expect(admitted(0, second) == 10)
        #expect(admitted(100, second) == 50)
        #expect(admitted(100, 2 * second) == 0)
        // The next window still knows the rate of the one before: 100 calls in ten seconds.
        #expect(admitted(100, 10 * second) == 60)
        // After a long time the calls of an hour count as those of ten seconds.
        #expect(admitted(3700, 3610 * second) == 15)
    }
}
