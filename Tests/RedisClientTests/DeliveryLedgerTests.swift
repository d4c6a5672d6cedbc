// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRedisClient
import Testing

/// The decisions of a consumer, without a clock or a server.
@Suite struct DeliveryLedgerTests {
    private static func ledger(
        messages: Int = 4, claimAfter: Duration = .seconds(30), deliveries: Int = 3
    ) -> DeliveryLedger {
        var rules = DeliveryLedger.Rules()
        rules.maximumMessages = messages
        rules.claimAfter = claimAfter
        rules.claimInterval = .seconds(1)
        rules.maximumDeliveries = deliveries
        return DeliveryLedger(rules, now: .zero)
    }

    private let a = RedisStreamID(1)
    private let b = RedisStreamID(2)

    @Test func asksForWhatItHasRoomFor() {
        var ledger = Self.ledger(messages: 2)
        #expect(ledger.room == 2)
        #expect(ledger.arrived(a, deliveries: 1, now: .zero) == .handle)
        #expect(ledger.arrived(b, deliveries: 1, now: .zero) == .handle)
        #expect(ledger.room == 0)
        ledger.finished(a)
        #expect(ledger.room == 1)
        ledger.stop()
        #expect(ledger.room == 0)
        #expect(ledger.due(now: .zero).isEmpty)
    }

    @Test func renewsThreeTimesAsOften() {
        var ledger = Self.ledger()
        ledger.claimFailed(now: .seconds(1000))
        _ = ledger.arrived(b, deliveries: 1, now: .zero)
        _ = ledger.arrived(a, deliveries: 1, now: .seconds(5))
        #expect(ledger.nextDue == .seconds(10))
        #expect(ledger.due(now: .seconds(9)).isEmpty)
        #expect(ledger.due(now: .seconds(10)) == [.renew([b])])
        // Under way: not again.
        #expect(ledger.due(now: .seconds(11)).isEmpty)
        #expect(ledger.renewed([b], confirmed: [b], now: .seconds(11)).isEmpty)
        #expect(ledger.due(now: .seconds(21)) == [.renew([a, b])])
        // One isn't there any more.
        #expect(ledger.renewed([a, b], confirmed: [b], now: .seconds(21)) == [a])
        #expect(ledger.inHand == [b])
    }

    @Test func asksWhetherItIsStillTheOwner() {
        var ledger = Self.ledger()
        ledger.claimFailed(now: .seconds(1000))
        _ = ledger.arrived(a, deliveries: 1, now: .zero)
        #expect(ledger.due(now: .seconds(29)) == [.renew([a])])
        ledger.renewalFailed([a])
        #expect(ledger.due(now: .seconds(30)) == [.verify([a])])
        #expect(ledger.renewed([a], confirmed: [], now: .seconds(30)) == [a])
        #expect(ledger.failed(a, pause: .zero, now: .seconds(31)) == .ignore)
    }

    @Test func looksForWhatOthersLeft() {
        var ledger = Self.ledger()
        #expect(ledger.due(now: .zero) == [.claim(from: .zero, count: 4)])
        #expect(ledger.due(now: .zero).isEmpty)
        ledger.claimed(next: b, now: .zero)
        #expect(ledger.due(now: .zero) == [.claim(from: b, count: 4)])
        ledger.claimed(next: .zero, now: .zero)
        #expect(ledger.nextDue == .seconds(1))
        #expect(ledger.due(now: .milliseconds(999)).isEmpty)
        #expect(ledger.due(now: .seconds(1)) == [.claim(from: .zero, count: 4)])
        ledger.claimFailed(now: .seconds(1))
        #expect(ledger.nextDue == .seconds(2))
    }

    @Test func givesBackWithAPause() {
        var ledger = Self.ledger()
        _ = ledger.due(now: .zero)
        ledger.claimed(next: .zero, now: .zero)
        _ = ledger.arrived(a, deliveries: 1, now: .zero)
        // It counts as delivered so long ago that it is of age in 400 ms; and then it is looked for.
        #expect(ledger.failed(a, pause: .milliseconds(400), now: .zero) == .release(idle: .milliseconds(29_600)))
        #expect(ledger.inHand.isEmpty)
        #expect(ledger.nextDue == .milliseconds(400))
        #expect(ledger.due(now: .milliseconds(400)) == [.claim(from: .zero, count: 4)])
    }

    @Test func keepsWhatPausesForLong() {
        var ledger = Self.ledger()
        ledger.claimFailed(now: .seconds(1000))
        _ = ledger.arrived(a, deliveries: 1, now: .zero)
        #expect(ledger.failed(a, pause: .seconds(45), now: .zero) == .park)
        #expect(ledger.due(now: .seconds(10)) == [.renew([a])])
        _ = ledger.renewed([a], confirmed: [a], now: .seconds(10))
        #expect(ledger.due(now: .seconds(15)) == [.release(a, idle: .zero)])
        #expect(ledger.inHand.isEmpty)
    }

    @Test func putsAwayWhatFailsOften() {
        var ledger = Self.ledger()
        _ = ledger.arrived(a, deliveries: 3, now: .zero)
        #expect(ledger.failed(a, pause: .zero, now: .zero) == .bury)
        // Its consumers died.
        #expect(ledger.arrived(b, deliveries: 4, now: .zero) == .bury)
    }

    @Test func handlesNothingTwice() {
        var ledger = Self.ledger()
        #expect(ledger.arrived(a, deliveries: 1, now: .zero) == .handle)
        #expect(ledger.arrived(a, deliveries: 2, now: .seconds(1)) == .ignore)
        #expect(ledger.deliveries(of: a) == 2)
    }

    /// Random events, beside the rule: no message is in hand longer than `claimAfter` without a renewal or a question,
    /// and none is handled that was in hand already.
    @Test func neverForgets() {
        let seed = testSeed()
        for round in 0..<200 as Range<UInt64> {
            var random = SeededRandom(seed: seed &+ round)
            var ledger = Self.ledger(messages: 8, claimAfter: .milliseconds(300))
            var now = Duration.zero
            var asked: [RedisStreamID: Duration] = [:]
            for _ in 0..<300 {
                now += .milliseconds(Int64(random.next() % 20))
                let id = RedisStreamID(random.next() % 20)
                switch random.next() % 4 {
                case 0:
                    let wasInHand = ledger.inHand.contains(id)
                    let arrival = ledger.arrived(id, deliveries: 1, now: now)
                    #expect((arrival == .ignore) == wasInHand, "seed \(seed)")
                    asked[id] = now
                case 1:
                    ledger.finished(id)
                case 2:
                    let pause = Duration.milliseconds(Int64(random.next() % 600))
                    _ = ledger.failed(id, pause: pause, now: now)
                default: break
                }
                for order in ledger.due(now: now) {
                    switch order {
                    case .renew(let ids), .verify(let ids):
                        for id in ids { asked[id] = now }
                        let confirmed = ids.filter { _ in random.next() % 10 > 0 }
                        if random.next() % 10 == 0 {
                            ledger.renewalFailed(ids)
                        } else {
                            _ = ledger.renewed(ids, confirmed: confirmed, now: now)
                        }
                    case .release(let id, let idle):
                        #expect(idle >= .zero && idle <= .milliseconds(300) && !ledger.inHand.contains(id))
                    case .claim(_, let count):
                        #expect(count > 0)
                        ledger.claimed(next: .zero, now: now)
                    }
                }
                for id in ledger.inHand {
                    #expect(now - (asked[id] ?? .zero) < .milliseconds(300), "seed \(seed): \(id) at \(now)")
                }
            }
        }
    }
}
