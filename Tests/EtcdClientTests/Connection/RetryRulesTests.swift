// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import Testing

@Suite struct RetryRulesTests {
    static let away = EtcdError(.unavailable, "gone while it was under way")
    static let refused = EtcdError(.unavailable, "no connection", wasNotExecuted: true)
    static let stalled = EtcdError(.timeout, "no answer")
    static let unknownToken = EtcdError(.denied, "etcdserver: invalid auth token")
    static let busy = EtcdError(.overloaded, "etcdserver: too many requests", wasNotExecuted: true)

    @Test func readsGoFromServerToServerAndPauseAfterEachRound() {
        var rules = RetryRules(.always, endpointCount: 2)
        #expect(rules.decide(Self.away) == .again(leaves: true, pause: .zero))
        #expect(rules.decide(Self.stalled) == .again(leaves: true, pause: .milliseconds(20)))
        #expect(rules.decide(Self.refused) == .again(leaves: true, pause: .zero))
        #expect(rules.decide(Self.away) == .again(leaves: true, pause: .milliseconds(40)))
        for _ in 0..<20 { _ = rules.decide(Self.away) }
        _ = rules.decide(Self.away)
        #expect(rules.decide(Self.away) == .again(leaves: true, pause: RetryRules.longestPause))
    }

    @Test func writesAreRepeatedOnlyWhereTheyDidNothing() {
        var rules = RetryRules(.ifNotExecuted, endpointCount: 3)
        #expect(rules.decide(Self.refused) == .again(leaves: true, pause: .zero))
        #expect(rules.decide(Self.away) == .giveUp(leaves: true))
        #expect(rules.decide(Self.stalled) == .giveUp(leaves: true))
    }

    @Test func anAnswerIsFinal() {
        for repeatability in [RequestRepeatability.always, .ifNotExecuted] {
            var rules = RetryRules(repeatability, endpointCount: 3)
            #expect(rules.decide(EtcdError(.compacted, "compacted")) == .giveUp(leaves: false))
            #expect(rules.decide(EtcdError(.denied, "etcdserver: permission denied")) == .giveUp(leaves: false))
        }
    }

    @Test func aTokenIsRenewedOnce() {
        var rules = RetryRules(.ifNotExecuted, endpointCount: 1, isAuthenticated: true)
        #expect(rules.decide(Self.unknownToken) == .authenticate)
        #expect(rules.decide(Self.unknownToken) == .giveUp(leaves: false))
        // Without credentials there is nothing to renew it with.
        rules = RetryRules(.ifNotExecuted, endpointCount: 1)
        #expect(rules.decide(Self.unknownToken) == .giveUp(leaves: false))
    }

    @Test func aBusyServerIsAskedAgainNotLeft() {
        var rules = RetryRules(.ifNotExecuted, endpointCount: 2)
        #expect(rules.decide(Self.busy) == .again(leaves: false, pause: .milliseconds(20)))
        #expect(rules.decide(Self.busy) == .again(leaves: false, pause: .milliseconds(40)))
    }

    @Test func oneServerDoesNotGetAllTheTime() {
        let several = RetryRules(.always, endpointCount: 2)
        #expect(several.attemptLimit(of: .seconds(4)) == .seconds(2))
        #expect(several.attemptLimit(of: .milliseconds(300)) == .milliseconds(250))
        #expect(several.attemptLimit(of: .milliseconds(100)) == .milliseconds(100))
        // A write isn't repeated after it got no answer, nor is there anybody else to ask when there is one server.
        #expect(RetryRules(.ifNotExecuted, endpointCount: 2).attemptLimit(of: .seconds(4)) == .seconds(4))
        #expect(RetryRules(.always, endpointCount: 1).attemptLimit(of: .seconds(4)) == .seconds(4))
    }
}
