// SPDX-License-Identifier: Apache-2.0

import MartletTorture
import Testing

/// The judges of the recipes find what they are there for, and nothing else.
struct RecipeCheckTests {
    // MARK: Outbox

    private func ledger(_ messages: [Int], lane: Int = 0, lanes: Int = 1) -> OutboxLedger {
        var ledger = OutboxLedger(lanes: lanes)
        for number in messages { ledger.read(number, lane: lane) }
        return ledger
    }

    @Test func wholeChangesAreWhole() {
        var ledger = ledger([1, 2, 3], lane: 1, lanes: 2)
        ledger.note(acknowledged: 1, lane: 1)
        ledger.note(acknowledged: 2, lane: 1)
        ledger.judge([.init(), .init(number: 3, writes: 3)])
        ledger.read(4, lane: 1)
        ledger.judge([.init(), .init(number: 4, writes: 4)])
        ledger.judge(countedAnew: 4)
        #expect(ledger.isWhole)
        #expect(ledger.messages == 4)
        #expect(ledger.examples == [])
    }

    @Test func halvesAreFound() {
        var one = ledger([1, 2])
        one.judge([.init(number: 3, writes: 3)])
        #expect(one.statesWithoutMessage == 1)
        // Once broken it is counted once.
        one.judge([.init(number: 3, writes: 3)])
        #expect(one.halfDone == 1)
        var other = ledger([1, 2, 3])
        other.judge([.init(number: 2, writes: 2)])
        #expect(other.messagesWithoutState == 1)
        var gap = ledger([1, 3])
        gap.judge([.init(number: 3, writes: 3)])
        #expect(gap.statesWithoutMessage == 1)
    }

    @Test func whatComesTwiceIsFound() {
        let messages = ledger([1, 2, 2])
        #expect(messages.twice == 1)
        var writes = ledger([1, 2])
        writes.judge([.init(number: 2, writes: 3)])
        #expect(!writes.isWhole)
    }

    @Test func whatIsLostIsFound() {
        var acknowledged = ledger([1])
        acknowledged.note(acknowledged: 2, lane: 0)
        acknowledged.judge([.init(number: 1, writes: 1)])
        #expect(acknowledged.acknowledgedLost == 1)
        var seen = ledger([1, 2])
        seen.judge([.init(number: 2, writes: 2)])
        seen.judge([.init(number: 1, writes: 1)])
        #expect(seen.acknowledgedLost == 1)
        var anew = ledger([1, 2])
        anew.judge([.init(number: 2, writes: 2)])
        anew.judge(countedAnew: 1)
        #expect(anew.acknowledgedLost == 1)
    }

    @Test func callsWithoutAnOutcomeAreDecided() {
        var ledger = OutboxLedger(lanes: 1)
        ledger.note(unknown: 1, lane: 0)
        ledger.note(unknown: 1, lane: 0)
        // It was not done, for it is done now.
        ledger.note(acknowledged: 1, lane: 0)
        #expect([ledger.unknownDone, ledger.unknownUndone] == [0, 1])
        ledger.note(unknown: 2, lane: 0)
        ledger.note(acknowledged: 3, lane: 0)
        #expect([ledger.unknownDone, ledger.unknownUndone] == [1, 1])
        ledger.note(unknown: 4, lane: 0)
        for number in 1...4 { ledger.read(number, lane: 0) }
        ledger.judge([.init(number: 4, writes: 4)])
        #expect([ledger.unknownDone, ledger.unknownUndone] == [2, 1])
        #expect(ledger.isWhole)
    }

    // MARK: Exactly once

    @Test func lostAndTwiceDontMakeUpForEachOther() {
        var tally = EffectTally(messages: 4)
        for number in [0, 1, 3, 3] { tally.count(number) }
        #expect([tally.once, tally.lost, tally.moreThanOnce] == [2, 1, 1])
        #expect(!tally.isExact)
        #expect(tally.examples(5) == "2: 0 times, 3: 2 times")
    }

    @Test func eachOnceIsExact() {
        var tally = EffectTally(messages: 3)
        for number in [2, 0, 1] { tally.count(number) }
        #expect(tally.isExact)
        tally.count(3)
        #expect(tally.strangers == 1)
        #expect(!tally.isExact)
    }

    // MARK: Options

    @Test func argumentsOfRecipesAreRead() throws {
        let outbox = try #require(
            try RecipeOptions(["outbox", "--kills", "7", "--wrong", "two-steps"], randomSeed: 9))
        #expect(outbox.kills == 7)
        #expect(outbox.seed == 9)
        #expect(outbox.wrong == .twoSteps)
        let other = try RecipeOptions(["--seconds", "3"], randomSeed: 9)
        #expect(other == nil)
        #expect(throws: TortureOptions.Wrong.self) {
            _ = try RecipeOptions(["outbox", "--wrong", "ack-first"], randomSeed: 9)
        }
        #expect(throws: TortureOptions.Wrong.self) {
            _ = try RecipeOptions(["exactly-once", "--batch", "127"], randomSeed: 9)
        }
    }
}
