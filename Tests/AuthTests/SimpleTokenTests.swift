// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import Testing

@Suite struct SimpleTokenTests {
    private func enabled(timeToLive: Duration = .seconds(300)) -> SimpleTokens {
        var tokens = SimpleTokens(timeToLive: timeToLive)
        tokens.apply(.begin)
        return tokens
    }

    @Test func shape() {
        var random = SeededRandom(seed: testSeed())
        var tokens = enabled()
        let prefix = SimpleTokens.makePrefix(using: &random)
        #expect(prefix.count == 16)
        #expect(prefix.allSatisfy { $0.isASCII && $0.isLetter })
        #expect(prefix != SimpleTokens.makePrefix(using: &random))
        let token = tokens.assign(to: "u", prefix: prefix, index: 42, now: .zero)
        #expect(token == prefix + ".42")
    }

    @Test func theOldestGoFirst() {
        var tokens = SimpleTokens(countMax: 3)
        tokens.apply(.begin)
        let all = (1...5).map { tokens.assign(to: "u", prefix: "p", index: $0, now: .seconds(Int64($0))) }
        #expect(tokens.count == 3)
        #expect(all.map { tokens.user(of: $0, now: .seconds(6)) } == [nil, nil, "u", "u", "u"])
        tokens.apply(.end(of: "u"))
        #expect(tokens.count == 0)
        _ = tokens.assign(to: "v", prefix: "q", index: 9, now: .seconds(7))
        #expect(tokens.count == 1)
    }

    @Test func useKeepsATokenAlive() {
        var tokens = enabled()
        let token = tokens.assign(to: "u", prefix: "p", index: 1, now: .zero)
        #expect(tokens.user(of: token, now: .seconds(300)) == "u")
        tokens.removeEnded(now: .seconds(400))
        #expect(tokens.user(of: token, now: .seconds(600)) == "u")
        #expect(tokens.user(of: token, now: .seconds(901)) == nil)
        #expect(tokens.count == 1)
        tokens.removeEnded(now: .seconds(901))
        #expect(tokens.count == 0)
        #expect(tokens.user(of: "p.2", now: .zero) == nil)
    }

    @Test func endings() {
        var tokens = enabled()
        let first = tokens.assign(to: "u", prefix: "p", index: 1, now: .zero)
        let second = tokens.assign(to: "u", prefix: "q", index: 2, now: .zero)
        let other = tokens.assign(to: "v", prefix: "r", index: 3, now: .zero)
        tokens.apply(.none)
        tokens.apply(.end(of: "u"))
        tokens.apply(.end(of: "nobody"))
        #expect(tokens.user(of: first, now: .zero) == nil)
        #expect(tokens.user(of: second, now: .zero) == nil)
        #expect(tokens.user(of: other, now: .zero) == "v")
        tokens.apply(.endAll)
        #expect(tokens.user(of: other, now: .zero) == nil)
        // While authentication is off nothing is kept.
        let lost = tokens.assign(to: "v", prefix: "s", index: 4, now: .zero)
        #expect(lost == "s.4")
        #expect(tokens.count == 0)
        tokens.apply(.begin)
        #expect(tokens.user(of: lost, now: .zero) == nil)
    }

    @Test func zeroLifetimeIsTheDefault() {
        #expect(SimpleTokens(timeToLive: .zero).timeToLive == .seconds(300))
        #expect(SimpleTokens(timeToLive: .seconds(-1)).timeToLive == .seconds(300))
        #expect(SimpleTokens(timeToLive: .seconds(2)).timeToLive == .seconds(2))
    }

    /// Against a plain table of end times. What has ended is forgotten in time too.
    @Test func agreesWithANaiveTwin() {
        var random = SeededRandom(seed: testSeed())
        var tokens = enabled(timeToLive: .seconds(10))
        var twin: [String: (user: AuthName, end: Duration)] = [:]
        var issued: [String] = []
        var now = Duration.zero
        let users: [AuthName] = ["a", "b", "c"]
        for index in 0..<20_000 {
            now += .milliseconds(Int.random(in: 0...500, using: &random))
            switch Int.random(in: 0..<20, using: &random) {
            case 0..<5:
                let user = users.randomElement(using: &random)!
                let token = tokens.assign(to: user, prefix: "p", index: UInt64(index), now: now)
                twin[token] = (user, now + .seconds(10))
                issued.append(token)
            case 5:
                let user = users.randomElement(using: &random)!
                tokens.apply(.end(of: user))
                for (token, holder) in twin where holder.user == user { twin[token] = nil }
            case 6:
                tokens.removeEnded(now: now)
                let alive = twin.values.count { $0.end >= now }
                #expect(tokens.count >= alive)
            default:
                guard let token = issued.suffix(30).randomElement(using: &random) else { continue }
                let expected = twin[token].flatMap { $0.end >= now ? $0.user : nil }
                #expect(tokens.user(of: token, now: now) == expected)
                if expected != nil { twin[token]?.end = now + .seconds(10) }
            }
        }
        #expect(issued.count > 1000)
        tokens.removeEnded(now: now + .seconds(30))
        tokens.removeEnded(now: now + .seconds(60))
        #expect(tokens.count == 0)
    }
}
