// SPDX-License-Identifier: Apache-2.0

import Martlet
import Testing

@Suite struct CircuitBreakerTests {
    static let policy: BreakerPolicy = {
        var policy = BreakerPolicy()
        policy.failures = 3
        policy.firstPause = .nanoseconds(1000)
        policy.maximumPause = .nanoseconds(3000)
        return policy
    }()

    @Test func aLostConnectionOpensAtOnceAndOneCallTries() {
        var breaker = CircuitBreaker()
        #expect(breaker.admits(Self.policy, nowNanoseconds: 1) == true)
        breaker.lostConnection(Self.policy, nowNanoseconds: 10, unit: 0.5)
        #expect(breaker.blockedUntilNanoseconds == 1010)
        // Those that waited for the same connection make it no worse.
        breaker.lostConnection(Self.policy, nowNanoseconds: 11, unit: 0.5)
        #expect(breaker.blockedUntilNanoseconds == 1010)
        #expect(breaker.admits(Self.policy, nowNanoseconds: 1009) == false)
        #expect(breaker.admits(Self.policy, nowNanoseconds: 1010) == true)
        #expect(breaker.admits(Self.policy, nowNanoseconds: 1011) == false)
        breaker.lostConnection(Self.policy, nowNanoseconds: 1012, unit: 0.5)
        #expect(breaker.blockedUntilNanoseconds == 3012)
        #expect(breaker.admits(Self.policy, nowNanoseconds: 3012) == true)
        breaker.lostConnection(Self.policy, nowNanoseconds: 4000, unit: 1)
        #expect(breaker.blockedUntilNanoseconds == 7600, "capped at 3000, a fifth more")
        #expect(breaker.admits(Self.policy, nowNanoseconds: 7600) == true)
        breaker.answeredWell()
        #expect(breaker.isClosed)
        breaker.lostConnection(Self.policy, nowNanoseconds: 8000, unit: 0)
        #expect(breaker.blockedUntilNanoseconds == 8800, "the first pause again, a fifth less")
    }

    @Test func aProbeThatNeverReportsIsFollowedByAnother() {
        var breaker = CircuitBreaker()
        breaker.lostConnection(Self.policy, nowNanoseconds: 0, unit: 0.5)
        #expect(breaker.admits(Self.policy, nowNanoseconds: 1000) == true)
        #expect(breaker.admits(Self.policy, nowNanoseconds: 1999) == false)
        #expect(breaker.admits(Self.policy, nowNanoseconds: 2000) == true)
        // Nobody has answered: the next one waits for twice as long, and then for the longest pause.
        #expect(breaker.admits(Self.policy, nowNanoseconds: 3999) == false)
        #expect(breaker.admits(Self.policy, nowNanoseconds: 4000) == true)
        #expect(breaker.admits(Self.policy, nowNanoseconds: 6999) == false)
        #expect(breaker.admits(Self.policy, nowNanoseconds: 7000) == true)
    }

    @Test func badAnswersInARowOpen() {
        var breaker = CircuitBreaker()
        for _ in 0..<2 { breaker.answeredBadly(Self.policy, nowNanoseconds: 5, unit: 0.5) }
        #expect(breaker.isClosed)
        breaker.answeredWell()
        for _ in 0..<2 { breaker.answeredBadly(Self.policy, nowNanoseconds: 5, unit: 0.5) }
        #expect(breaker.isClosed)
        breaker.answeredBadly(Self.policy, nowNanoseconds: 5, unit: 0.5)
        #expect(breaker.blockedUntilNanoseconds == 1005)
        // Calls that were under way answer badly too.
        breaker.answeredBadly(Self.policy, nowNanoseconds: 6, unit: 0.5)
        #expect(breaker.blockedUntilNanoseconds == 1005)
        #expect(breaker.admits(Self.policy, nowNanoseconds: 1005) == true)
        breaker.answeredBadly(Self.policy, nowNanoseconds: 1006, unit: 0.5)
        #expect(breaker.blockedUntilNanoseconds == 3006)
    }

    @Test func aPolicyMayMindConnectionsOnly() {
        var policy = Self.policy
        policy.failures = nil
        var breaker = CircuitBreaker()
        for _ in 0..<100 { breaker.answeredBadly(policy, nowNanoseconds: 5, unit: 0.5) }
        #expect(breaker.isClosed)
    }
}

@Suite struct OutlierEjectionTests {
    static func sample(
        _ failures: Int, _ milliseconds: UInt64 = 10, calls: Int = 100, isEjected: Bool = false
    )
        -> OutlierEjection.Sample
    {
        .init(calls: calls, failures: failures, meanNanoseconds: milliseconds * 1_000_000, isEjected: isEjected)
    }

    @Test func whoFailsMoreThanTheOthersGoes() {
        #expect(OutlierEjection.outliers(EjectionPolicy(), (0..<5).map { Self.sample($0 == 2 ? 60 : 1) }) == [2])
        // All alike: the fault lies elsewhere.
        #expect(OutlierEjection.outliers(EjectionPolicy(), (0..<5).map { _ in Self.sample(90) }).isEmpty)
        // Too few calls to judge by.
        #expect(
            OutlierEjection.outliers(
                EjectionPolicy(), [Self.sample(0), Self.sample(5, calls: 5), Self.sample(0)]
            ).isEmpty)
    }

    @Test func whoIsSlowerThanTheOthersGoes() {
        #expect(OutlierEjection.outliers(EjectionPolicy(), [Self.sample(0), Self.sample(0, 400)]) == [1])
        #expect(OutlierEjection.outliers(EjectionPolicy(), [Self.sample(0, 1), Self.sample(0, 40)]).isEmpty)
        var policy = EjectionPolicy()
        policy.slowness = nil
        #expect(OutlierEjection.outliers(policy, [Self.sample(0), Self.sample(0, 400)]).isEmpty)
    }

    @Test func mostNodesStay() {
        // Ten nodes, five of them bad: three go, the worst first.
        let samples = (0..<10).map { Self.sample($0 < 5 ? 0 : 80 + $0) }
        #expect(OutlierEjection.outliers(EjectionPolicy(), samples) == [9, 8, 7])
        var some = samples
        some[9] = Self.sample(99, isEjected: true)
        #expect(OutlierEjection.outliers(EjectionPolicy(), some) == [8, 7])
        #expect(OutlierEjection.outliers(EjectionPolicy(), [Self.sample(100)]).isEmpty)
    }

    @Test func timesGrowToALimit() {
        var policy = EjectionPolicy()
        policy.time = .seconds(1)
        #expect(OutlierEjection.nanoseconds(policy, times: 1) == 1_000_000_000)
        #expect(OutlierEjection.nanoseconds(policy, times: 3) == 3_000_000_000)
        #expect(OutlierEjection.nanoseconds(policy, times: 1000) == 10_000_000_000)
    }
}

@Suite struct HedgedCallTests {
    @Test func aLateAnswerIsFollowedByOneMoreAttempt() {
        var call = HedgedCall(CallHedgingPolicy(delay: .milliseconds(1), maximumExtra: 1))
        #expect(call.handle(.started) == .wait)
        #expect(call.mayHedge)
        #expect(call.handle(.delayPassed) == .startAnother)
        #expect(call.handle(.started) == .wait)
        #expect(!call.mayHedge)
        #expect(call.handle(.delayPassed) == .wait)
        // One fails for good: the other may still answer well.
        #expect(call.handle(.failed(.giveUp)) == .wait)
        #expect(call.handle(.failed(.giveUp)) == .follow(.giveUp))
    }

    @Test func aFailureThatMayBeRepeatedIsRepeatedAtOnce() {
        var call = HedgedCall(CallHedgingPolicy(delay: .milliseconds(1), maximumExtra: 2))
        _ = call.handle(.started)
        #expect(call.handle(.failed(.nextNode)) == .follow(.nextNode))
        #expect(call.handle(.delayPassed) == .wait, "nothing runs")
        _ = call.handle(.started)
        #expect(call.handle(.failed(.pause)) == .follow(.pause))
        #expect(call.running == 0 && call.extra == 0)
    }
}
